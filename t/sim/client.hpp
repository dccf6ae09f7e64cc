// How simulated clients run transactions: the real coordinator, and the real map of ranges, corrected by answers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "client/range_map.hpp"
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

  using Values = std::vector<std::optional<ddb::Bytes>>;
  using ReadDone = std::function<void(const ddb::Result<Values>&)>;
  using ScanDone = std::function<void(const ddb::Result<std::vector<ddb::env::KeyValue>>&)>;
  using CommitDone = std::function<void(ddb::Result<ddb::Timestamp>)>;

  void begin();
  void read(const std::vector<ddb::Bytes>& keys, ReadDone done);
  void scan(ddb::env::KeySpan span, ScanDone done);
  void commit(std::vector<ddb::env::Write> writes, CommitDone done);
  /// The coordinator is gone, in the middle of whatever it did; others must finish that (V1-V4).
  void vanish();
  uint64_t transaction() const { return transaction_; }  // of them all, the number of this one

 private:
  using PieceDone = std::function<void(ddb::Result<ddb::proto::ReadReply>)>;
  struct Request {
    uint64_t token = 0;
    uint64_t transaction = 0;
    ddb::RangeId range;
    ddb::ReplicaId replica;
  };
  struct Gather {
    Values values;
    size_t left = 0;
    bool failed = false;
    ReadDone done;
  };
  struct Scan {
    ddb::env::KeySpan rest;
    std::vector<ddb::env::KeyValue> rows;
    ScanDone done;
  };
  void read_piece(ddb::Bytes key, ddb::proto::ReadRequest request, PieceDone done);
  void read_key(const ddb::Bytes& key, PieceDone done);
  void scan_piece(std::shared_ptr<Scan> scan);
  void pump();
  void route(uint64_t token, const ddb::Bytes& key, std::shared_ptr<const ddb::proto::RangeRequestBody> body);
  void received(const ddb::proto::ClientReply& reply);
  void timed_out(uint64_t id);
  void refresh();
  /// Of the transaction under way, if it still is then.
  void later(Duration delay, std::function<void()> f);

  World& world_;
  Network& network_;
  const Endpoint self_;
  const Directory& directory_;
  ddb::client::RangeMap map_;
  bool refreshing_ = false;
  OracleStub oracle_;
  uint64_t transaction_ = 0;  // counts them: answers to older ones are dropped
  std::unique_ptr<ddb::txn::Coordinator> coordinator_;
  std::map<uint64_t, PieceDone> reads_;
  CommitDone commit_;
  std::map<uint64_t, Request> requests_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sim
