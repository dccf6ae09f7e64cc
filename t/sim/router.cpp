#include "router.hpp"

#include "codec/archive.hpp"
#include "proto/meta_keys.hpp"
#include "proto/within.hpp"

namespace sim {

namespace {
constexpr Duration request_timeout = 400ms;
constexpr Duration repeat_delay = 15ms;
}  // namespace

void Router::later(Duration delay, std::function<void()> f) {
  world_.after(delay, [alive = alive_, f = std::move(f)] {
    if (*alive) f();
  });
}

/// Never calls back before it returns.
void Router::send(const ddb::txn::Send& wanted, Done done) {
  if (wanted.repeats == 0) return send_now(wanted, std::move(done));
  later(repeat_delay, [this, wanted, done = std::move(done)] { send_now(wanted, done); });
}

void Router::send_now(const ddb::txn::Send& wanted, Done done) {
  const auto refuse = [&](ddb::Code code, const char* why) {
    later({}, [done, error = ddb::Error{code, why, {}, {}}] { done(std::unexpected(error)); });
  };
  const auto* route = map_.find(wanted.key);
  if (route == nullptr) {
    refresh();
    return refuse(ddb::Code::unavailable, "no range is known that holds the key");
  }
  const auto& range = route->descriptor;
  if (!ddb::proto::is_within(*wanted.body, range.span)) return refuse(ddb::Code::wrong_range, "the request spans several ranges");
  const auto target = ddb::client::RangeMap::targets(*route).front();
  const uint64_t id = world_.fresh_id();
  requests_[id] = {range.id, target.id, std::move(done)};
  const auto endpoint = directory_.stores.find(target.store);
  if (endpoint != directory_.stores.end()) {
    network_.send(self_, endpoint->second,
                  ddb::proto::ClientRequest{id, range.id, ddb::codec::encode(ddb::proto::RangeRequest{range.epoch, *wanted.body})});
  }
  later(request_timeout, [this, id] { timed_out(id); });
}

bool Router::received(const ddb::proto::ClientReply& reply) {
  const auto found = requests_.extract(reply.id);
  if (!found) return false;
  const Request request = std::move(found.mapped());
  auto body = ddb::codec::decode<ddb::proto::RangeReply>(reply.body);
  require(body.has_value(), "a range's reply cannot be read");
  if (const auto* redirect = std::get_if<ddb::proto::Redirect>(&*body)) {
    map_.learn(*redirect, request.range);
    if (!redirect->leader || redirect->leader == request.replica) map_.suspect(request.range, request.replica);
  }
  request.done(std::move(*body));
  return true;
}

void Router::timed_out(uint64_t id) {
  const auto found = requests_.extract(id);
  if (!found) return;
  const Request request = std::move(found.mapped());
  map_.suspect(request.range, request.replica);
  request.done(ddb::fail(ddb::Code::unknown_outcome, "no answer"));
}

void Router::refresh() {
  if (std::exchange(refreshing_, true)) return;
  const ddb::Bytes prefix = ddb::proto::range_prefix;
  oracle_.call(ddb::proto::MetaRangeRequest{prefix, ddb::prefix_end(prefix)}, 1s,
               [this, alive = alive_](ddb::Result<ddb::proto::OracleReply> reply) {
                 if (!*alive) return;
                 refreshing_ = false;
                 const auto* entries = reply ? std::get_if<ddb::env::MetaRange>(&*reply) : nullptr;
                 if (entries == nullptr) return;
                 for (const auto& entry : entries->entries) {
                   if (const auto info = ddb::codec::decode<ddb::proto::RangeInfo>(entry.value)) map_.learn(*info);
                 }
               });
}

}  // namespace sim
