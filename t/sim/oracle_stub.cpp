#include "oracle_stub.hpp"

#include "codec/archive.hpp"

namespace sim {

namespace {
constexpr Duration attempt_timeout = 150ms;
constexpr Duration redirect_delay = 10ms;
}  // namespace

void OracleStub::call(ddb::proto::OracleRequest request, Duration timeout, Done done) {
  if (auto* txn = std::get_if<ddb::proto::MetaTxnRequest>(&request)) txn->request_id = world_.random().next() | 1;
  const uint64_t id = world_.fresh_id();
  calls_[id] = {ddb::codec::encode(request), world_.now() + timeout, guess_, 0, false, std::move(done)};
  attempt(id);
}

uint64_t OracleStub::watch(ddb::proto::WatchRequest request, Endpoint oracle, Done changed) {
  const uint64_t id = world_.fresh_id();
  calls_[id] = {{}, {}, 0, 0, true, std::move(changed)};
  network_.send(self_, oracle,
                ddb::proto::ClientRequest{id, ddb::proto::oracle_range,
                                          ddb::codec::encode(ddb::proto::OracleRequest{std::move(request)})});
  return id;
}

void OracleStub::attempt(uint64_t id) {
  Call& call = calls_.at(id);
  if (world_.now() >= call.until) {
    return finish(id, ddb::fail(ddb::Code::unavailable, "no oracle answers"));
  }
  const uint64_t attempt = ++call.attempt;
  network_.send(self_, oracles_[call.oracle], ddb::proto::ClientRequest{id, ddb::proto::oracle_range, call.body});
  world_.after(attempt_timeout, [this, alive = alive_, id, attempt] {
    if (*alive) next_attempt(id, attempt);
  });
}

void OracleStub::next_attempt(uint64_t id, uint64_t made) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second.attempt != made) return;
  found->second.oracle = guess_ = (found->second.oracle + 1) % oracles_.size();
  attempt(id);
}

void OracleStub::received(Endpoint, const ddb::proto::ClientReply& reply) {
  const auto found = calls_.find(reply.id);
  if (found == calls_.end()) return;
  auto body = ddb::codec::decode<ddb::proto::OracleReply>(reply.body);
  require(body.has_value(), "an oracle's reply cannot be read");
  if (found->second.stream) {
    const Done changed = found->second.done;
    return changed(std::move(body));
  }
  const auto* error = std::get_if<ddb::Error>(&*body);
  const bool again = std::holds_alternative<ddb::proto::OracleRedirect>(*body) ||
                     (error != nullptr && (error->code == ddb::Code::try_again || error->code == ddb::Code::not_leader));
  if (!again) return finish(reply.id, std::move(body));
  world_.after(redirect_delay, [this, alive = alive_, id = reply.id, attempt = found->second.attempt] {
    if (*alive) next_attempt(id, attempt);
  });
}

void OracleStub::finish(uint64_t id, ddb::Result<ddb::proto::OracleReply> reply) {
  const Done done = std::move(calls_.at(id).done);
  calls_.erase(id);
  done(std::move(reply));
}

}  // namespace sim
