// How simulated nodes and clients call the oracle: ask one member, then the next.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "network.hpp"

namespace sim {

/// Of one endpoint, which hands it the replies it receives. Destruction forgets all calls.
class OracleStub {
 public:
  using Done = std::function<void(ddb::Result<ddb::proto::OracleReply>)>;

  OracleStub(World& world, Network& network, Endpoint self, std::vector<Endpoint> oracles)
      : world_{world}, network_{network}, self_{self}, oracles_{std::move(oracles)} {}
  ~OracleStub() { *alive_ = false; }

  /// Answered by what the oracle says, or by unavailable after `timeout`. Retries are the same request.
  void call(ddb::proto::OracleRequest request, Duration timeout, Done done);
  /// Replies to `id`, one after the other, from one member; nothing more after it or this breaks.
  uint64_t watch(ddb::proto::WatchRequest request, Endpoint oracle, Done changed);
  void forget(uint64_t id) { calls_.erase(id); }

  void received(Endpoint from, const ddb::proto::ClientReply& reply);

 private:
  struct Call {
    ddb::Bytes body;
    Instant until;
    size_t oracle = 0;
    uint64_t attempt = 0;
    bool stream = false;
    Done done;
  };
  void attempt(uint64_t id);
  void next_attempt(uint64_t id, uint64_t attempt);
  void finish(uint64_t id, ddb::Result<ddb::proto::OracleReply> reply);

  World& world_;
  Network& network_;
  const Endpoint self_;
  const std::vector<Endpoint> oracles_;
  size_t guess_ = 0;
  std::map<uint64_t, Call> calls_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sim
