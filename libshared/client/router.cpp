#include "client/router.hpp"

#include <algorithm>
#include <utility>

#include "client/later.hpp"
#include "codec/archive.hpp"
#include "proto/within.hpp"

namespace ddb::client {

namespace {

using proto::RangeReply;
using proto::RangeRequestBody;

constexpr Duration pause_min = std::chrono::milliseconds{4};
constexpr Duration pause_max = std::chrono::milliseconds{100};

/// The first repetition goes at once: most likely the answer named the new leader.
Duration pause_before(uint32_t repeats) {
  if (repeats <= 1) return {};
  return std::min(pause_min * (1 << std::min(repeats - 2, 10u)), pause_max);
}

/// Another replica leads, or another range holds the keys, than was believed.
bool is_misrouted(const RangeReply& reply) {
  const auto* error = std::get_if<Error>(&reply);
  return std::holds_alternative<proto::Redirect>(reply) || (error != nullptr && error->code == Code::wrong_range);
}

/// As codec::encode(RangeRequest{epoch, body}), without a copy of the body.
Bytes encode_request(const proto::Epoch& epoch, const RangeRequestBody& body) {
  Bytes out;
  codec::Packer packer{out};
  packer.array(2);
  codec::pack(packer, epoch);
  codec::pack(packer, body);
  return out;
}

}  // namespace

struct Router::Impl : std::enable_shared_from_this<Impl> {
  struct Request {
    Bytes key;
    std::shared_ptr<const RangeRequestBody> body;
    Instant deadline;
    Done<RangeReply> done;
  };

  Impl(RangeCache& the_cache, net::Loop& the_loop, const net::Identity& the_identity, const RouterOptions& the_options)
      : cache{the_cache}, loop{the_loop}, identity{the_identity}, options{the_options}, later{loop} {}

  /// Null: that is no address.
  Channel* channel(const std::string& text) {
    const auto found = channels.find(text);
    if (found != channels.end()) return found->second.get();
    const auto address = net::parse_address(text);
    if (!address) return nullptr;
    return (channels[text] = std::make_unique<Channel>(loop, identity, *address, nullptr, options.channel)).get();
  }

  void count(uint64_t Figures::* figure) {
    if (options.figures != nullptr) ++(options.figures->*figure);
  }

  Done<RangeReply> counted(Done<RangeReply> done) {
    return [self = weak_from_this(), done = std::move(done)](Result<RangeReply> reply) mutable {
      if (const auto impl = self.lock()) --impl->under_way;
      done(std::move(reply));
    };
  }

  void fail_later(Request request, Error error) {
    loop.post([request = std::move(request), error = std::move(error)]() mutable { request.done(std::unexpected(std::move(error))); });
  }

  /// The map lacks the way: read it, then try once more.
  void find_out(Request request) {
    count(&Figures::map_reads);
    cache.load([self = weak_from_this(), request = std::move(request)](Result<void> loaded) mutable {
      const auto impl = self.lock();
      if (!impl) return;
      if (!loaded) return request.done(std::unexpected(loaded.error()));
      impl->dispatch(std::move(request), false);
    });
  }

  /// The leader, or who comes next if its process is known not to answer.
  struct Target {
    ReplicaId replica;
    Channel* channel = nullptr;
  };
  Result<Target> choose(const RangeMap::Route* route) {
    if (route == nullptr) return fail(Code::unavailable, "no range holds the key", "start nodes: they form the first range");
    Target first;
    for (const auto& replica : RangeMap::targets(*route)) {
      const auto* address = cache.map().address(replica.node);
      Channel* to = address != nullptr ? channel(*address) : nullptr;
      if (to == nullptr) continue;
      if (to->responsive()) return Target{replica.id, to};
      if (first.channel == nullptr) first = {replica.id, to};
    }
    if (first.channel != nullptr) return first;
    return fail(Code::unavailable, "no node of range " + std::to_string(route->descriptor.id.value) + " has a known address");
  }

  void dispatch(Request request, bool may_load) {
    const auto* route = cache.map().find(request.key);
    auto target = choose(route);
    if (!target && may_load) return find_out(std::move(request));
    if (!target) return fail_later(std::move(request), std::move(target.error()));
    if (!proto::is_within(*request.body, route->descriptor.span))
      return fail_later(std::move(request), {Code::wrong_range, "the request spans several ranges", {}, {}});
    transmit(*target, *route, std::move(request));
  }

  void transmit(const Target& target, const RangeMap::Route& route, Request request) {
    const Duration left = request.deadline - net::Loop::now();
    if (left <= Duration::zero())
      return fail_later(std::move(request), {Code::unavailable, "no time is left to ask " + to_string(target.channel->address()), {}, {}});
    count(&Figures::requests);
    Bytes encoded = encode_request(route.descriptor.epoch, *request.body);
    target.channel->request(route.descriptor.id, std::move(encoded), std::min(left, options.attempt_timeout),
                            [this, range = route.descriptor.id, replica = target.replica,
                             done = std::move(request.done)](Result<Bytes> body) mutable { done(learn(range, replica, std::move(body))); });
  }

  Result<RangeReply> learn(RangeId range, ReplicaId replica, Result<Bytes> body) {
    if (!body) {
      const bool own_fault = body.error().code == Code::try_again || body.error().code == Code::too_long;
      if (!own_fault) cache.map().suspect(range, replica);
      return std::unexpected(std::move(body.error()));
    }
    auto reply = codec::decode<RangeReply>(*body);
    if (reply && is_misrouted(*reply)) count(&Figures::requests_misrouted);
    const auto* redirect = reply ? std::get_if<proto::Redirect>(&*reply) : nullptr;
    if (redirect != nullptr) {
      cache.map().suspect(range, replica);
      cache.map().learn(*redirect, range);
    }
    if (!reply) reply = std::unexpected(Error{Code::unknown_outcome, "a node's answer cannot be read", {}, {}});
    return reply;
  }

  RangeCache& cache;
  net::Loop& loop;
  const net::Identity& identity;
  RouterOptions options;
  Later later;
  size_t under_way = 0;
  std::map<std::string, std::unique_ptr<Channel>> channels;  // by address
};

Router::Router(RangeCache& cache, net::Loop& loop, const net::Identity& identity, const RouterOptions& options)
    : impl_{std::make_shared<Impl>(cache, loop, identity, options)} {}
Router::~Router() = default;

void Router::send(const Bytes& key, std::shared_ptr<const RangeRequestBody> body, uint32_t repeats, Instant deadline,
                  Done<RangeReply> done) {
  ++impl_->under_way;
  Impl::Request request{.key = key, .body = std::move(body), .deadline = deadline, .done = impl_->counted(std::move(done))};
  const Duration pause = pause_before(repeats);
  if (pause == Duration::zero()) return impl_->dispatch(std::move(request), true);
  impl_->later.after(std::min(pause, std::max(deadline - net::Loop::now(), Duration{0})),
                     [impl = impl_.get(), request = std::move(request)]() mutable { impl->dispatch(std::move(request), true); });
}

void Router::ask(const net::Address& address, const proto::AdminRequest& request, Duration timeout, Done<proto::AdminReply> done) {
  impl_->channel(to_string(address))->request(RangeId{}, codec::encode(request), timeout, [done = std::move(done)](Result<Bytes> body) mutable {
    if (!body) return done(std::unexpected(std::move(body.error())));
    done(codec::decode<proto::AdminReply>(*body));
  });
}

size_t Router::under_way() const { return impl_->under_way; }

RangeCache& Router::cache() { return impl_->cache; }

}  // namespace ddb::client
