// How simulated clients run transactions: the real coordinator, and requests to one replica after the other.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "directory.hpp"
#include "oracle_stub.hpp"
#include "txn/coordinator.hpp"

namespace sim {

/// One client: at most one transaction at a time.
class Client {
 public:
  Client(World& world, Network& network, Endpoint self, const Directory& directory);
  ~Client() { *alive_ = false; }

  OracleStub& oracle() { return oracle_; }
  World& world() { return world_; }

  using ReadDone = std::function<void(ddb::Result<ddb::proto::ReadReply>)>;
  using CommitDone = std::function<void(ddb::Result<ddb::Timestamp>)>;

  void begin();
  void read(std::vector<ddb::Bytes> keys, ReadDone done);
  void commit(std::vector<ddb::env::Write> writes, CommitDone done);

 private:
  struct Request {
    uint64_t token = 0;
    uint64_t transaction = 0;
  };
  void pump();
  void follow(const ddb::proto::Redirect& redirect);
  void send(const ddb::txn::Send& send);
  void received(const ddb::proto::ClientReply& reply);
  void timed_out(uint64_t id);

  World& world_;
  Network& network_;
  const Endpoint self_;
  const Directory& directory_;
  size_t guess_ = 0;  // into directory_.nodes: the leader, perhaps
  OracleStub oracle_;
  uint64_t transaction_ = 0;  // counts them: answers to older ones are dropped
  std::unique_ptr<ddb::txn::Coordinator> coordinator_;
  std::map<uint64_t, ReadDone> reads_;
  CommitDone commit_;
  std::map<uint64_t, Request> requests_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sim
