// Runs transactions: does what txn::Coordinator decides. Asynchronous; for the synchronous face see KvClient.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "client/cluster.hpp"
#include "client/scans.hpp"
#include "env/kv.hpp"
#include "txn/coordinator.hpp"

namespace ddb::client {

/// One transaction. What its calls mean, and their errors: env::KvTxn. Reads may overlap; commit is the last call.
/// Each call ends within the cluster's timeout. What is under way goes on, and calls back, without its Txn.
class Txn {
 public:
  explicit Txn(Cluster& cluster, const txn::Options& options = {});
  ~Txn();

  void get(std::vector<Bytes> keys, Done<std::vector<std::optional<Bytes>>> done);
  void get_for_update(Bytes key, Done<std::optional<Bytes>> done);
  void scan(env::ScanRequest request, Done<env::ScanPage> done);
  void leave(const env::KeySpan& rest);
  void trace(std::vector<env::ReadTrace>* to);
  void commit(std::vector<env::Write> writes, Done<Timestamp> done);

  Timestamp read_ts() const;    // zero: nothing was read yet
  uint32_t restarts() const;    // of a commit that had read nothing

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
  const Readers::Reader reader_;  // goes first: it asks the above
};

}  // namespace ddb::client
