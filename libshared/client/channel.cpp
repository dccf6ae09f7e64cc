#include "client/channel.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace ddb::client {

namespace {

constexpr Instant never = Instant::max();
constexpr size_t body_bytes_max = proto::frame_bytes_max - 64;  // a ClientRequest adds less than that

}  // namespace

struct Channel::Impl : std::enable_shared_from_this<Impl> {
  struct Waiting {
    Stream reply;                            // of a stream; else `done`
    Done<Bytes> done;
    Instant since{};
    Instant deadline = never;
    std::optional<proto::ClientRequest> unsent;  // waits for the link to come up
  };
  using Waiters = std::map<uint64_t, Waiting>;

  Impl(net::Loop& the_loop, const net::Identity& the_identity, const net::Address& the_address,
       std::function<void(const proto::Hello&)> on_up, const ChannelOptions& the_options)
      : loop{the_loop}, identity{the_identity}, address{the_address}, up{std::move(on_up)}, options{the_options}, timer{loop} {}

  void connect() {
    link = std::make_unique<net::PeerLink>(
        loop, identity, address,
        net::PeerLink::Events{.up = [this](const proto::Hello& hello) { came_up(hello); },
                              .down = [this](const Error& reason) { went_down(reason); },
                              .packet = [this](proto::Packet&& packet) { received(std::move(packet)); }},
        options.link);
  }

  Result<void> check(const Bytes& body) const {
    if (body.size() > body_bytes_max)
      return fail(Code::too_long, "a request of " + std::to_string(body.size()) + " bytes is over the limit of " + std::to_string(body_bytes_max),
                  "make the transaction smaller");
    if (waiters.size() >= options.waiting_max) return fail(Code::try_again, "too many requests wait for " + to_string(address));
    return {};
  }

  uint64_t add(RangeId range, Bytes body, Waiting waiting) {
    const uint64_t id = ++last_id;
    proto::ClientRequest request{.id = id, .range = range, .body = std::move(body)};
    waiting.since = net::Loop::now();
    if (link->up()) {
      link->send(std::move(request));
    } else {
      waiting.unsent = std::move(request);
      link->retry_now();
    }
    watch_deadline(waiting.deadline);
    waiters.emplace(id, std::move(waiting));
    return id;
  }

  void came_up(const proto::Hello& hello) {
    const auto self = shared_from_this();
    heard = net::Loop::now();
    responsive = true;
    if (up) up(hello);
    for (auto& [id, waiting] : waiters)
      if (waiting.unsent) {
        link->send(std::move(*waiting.unsent));
        waiting.unsent.reset();
      }
  }

  void received(proto::Packet&& packet) {
    auto* reply = std::get_if<proto::ClientReply>(&packet);
    if (reply == nullptr) return;  // nothing else is meant for a client
    heard = net::Loop::now();
    const auto found = waiters.find(reply->id);
    if (found == waiters.end()) return;  // it gave up
    const auto self = shared_from_this();
    if (found->second.reply) {
      const Stream stream = found->second.reply;  // a copy: the callback may cancel
      stream(std::move(reply->body));
    } else {
      auto done = std::move(found->second.done);
      waiters.erase(found);
      done(std::move(reply->body));
    }
  }

  void went_down(const Error& reason) {
    responsive = false;
    fail_all(reason);
  }

  Error reason_for(const Waiting& waiting, const Error& reason) const {
    if (waiting.unsent) return reason;
    return {Code::unknown_outcome, "no answer from " + to_string(address) + ": " + reason.message, {}, {}};
  }

  static void end(Waiting waiting, const Error& reason) {
    if (waiting.reply) {
      waiting.reply(std::unexpected(reason));
    } else {
      waiting.done(std::unexpected(reason));
    }
  }

  void fail_all(const Error& reason) {
    const auto self = shared_from_this();
    for (auto& [id, waiting] : std::exchange(waiters, {})) {
      const Error error = reason_for(waiting, reason);
      end(std::move(waiting), error);
    }
  }

  void watch_deadline(Instant deadline) {
    if (deadline >= timer_at) return;
    timer_at = deadline;
    timer.after(std::max(deadline - net::Loop::now(), Duration{0}), [this] { expire(); });
  }

  void expire() {
    const auto self = shared_from_this();
    const Instant now = net::Loop::now();
    const Error silent{Code::unavailable, to_string(address) + " does not answer in time", {}, {}};
    timer_at = never;
    bool hung = false;
    std::vector<Waiting> late;
    for (auto it = waiters.begin(); it != waiters.end();) {
      if (it->second.deadline <= now) {
        hung = hung || (!it->second.unsent && heard < it->second.since);
        late.push_back(std::move(it->second));
        it = waiters.erase(it);
      } else {
        watch_deadline(it->second.deadline);
        ++it;
      }
    }
    if (hung) {
      responsive = false;
      link->redial();
    }
    for (auto& waiting : late) {
      const Error error = reason_for(waiting, silent);
      end(std::move(waiting), error);
    }
    if (hung) fail_all(silent);
  }

  void stop() {
    link.reset();
    timer.cancel();
    waiters.clear();
  }

  net::Loop& loop;
  const net::Identity& identity;
  net::Address address;
  std::function<void(const proto::Hello&)> up;
  ChannelOptions options;
  net::Timer timer;
  Instant timer_at = never;
  Instant heard{};
  bool responsive = true;
  uint64_t last_id = 0;
  Waiters waiters;
  std::unique_ptr<net::PeerLink> link;
};

Channel::Channel(net::Loop& loop, const net::Identity& identity, const net::Address& address,
                 std::function<void(const proto::Hello&)> up, const ChannelOptions& options)
    : impl_{std::make_shared<Impl>(loop, identity, address, std::move(up), options)} {
  impl_->connect();
}

Channel::~Channel() { impl_->stop(); }

void Channel::request(RangeId range, Bytes body, Duration timeout, Done<Bytes> done) {
  if (auto fits = impl_->check(body); !fits) {
    impl_->loop.post([done = std::move(done), error = std::move(fits.error())]() mutable { done(std::unexpected(std::move(error))); });
    return;
  }
  Impl::Waiting waiting;
  waiting.done = std::move(done);
  waiting.deadline = net::Loop::now() + timeout;
  impl_->add(range, std::move(body), std::move(waiting));
}

uint64_t Channel::open_stream(RangeId range, Bytes body, Stream stream) {
  Impl::Waiting waiting;
  waiting.reply = std::move(stream);
  return impl_->add(range, std::move(body), std::move(waiting));
}

void Channel::cancel(uint64_t id) { impl_->waiters.erase(id); }
bool Channel::up() const { return impl_->link->up(); }
bool Channel::responsive() const { return impl_->responsive; }
const net::Address& Channel::address() const { return impl_->address; }

}  // namespace ddb::client
