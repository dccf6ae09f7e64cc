// How simulated clients run transactions: by the real coordinator.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "router.hpp"
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

  /// `limit`: it is given up then.
  void begin(Duration limit = 8s);
  void read(const std::vector<ddb::Bytes>& keys, ReadDone done);
  void scan(ddb::env::KeySpan span, ScanDone done);
  void commit(std::vector<ddb::env::Write> writes, CommitDone done);
  /// The coordinator is gone, in the middle of whatever it did; others must finish that (V1-V4).
  void vanish();
  uint64_t transaction() const { return transaction_; }  // of them all, the number of this one
  ddb::Timestamp read_ts() const { return coordinator_->read_ts(); }

 private:
  using PieceDone = std::function<void(ddb::Result<ddb::proto::ReadReply>)>;
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
  void send(const ddb::txn::Send& wanted);
  void renew_later();
  /// Of the transaction under way, if it still is then.
  void later(Duration delay, std::function<void()> f);

  World& world_;
  OracleStub oracle_;
  Router router_;
  uint64_t transaction_ = 0;  // counts them: answers to older ones are dropped
  std::unique_ptr<ddb::txn::Coordinator> coordinator_;
  std::map<uint64_t, PieceDone> reads_;
  CommitDone commit_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sim
