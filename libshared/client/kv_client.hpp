// The key space and the metadata as env::Kv and env::Meta: calls wait by an Executor.
#pragma once

#include <memory>

#include "client/executor.hpp"
#include "client/txn_runner.hpp"
#include "env/kv.hpp"
#include "env/meta.hpp"

namespace ddb::client {

class KvClient : public env::Kv {
 public:
  /// Both must outlive it and its transactions.
  KvClient(Cluster& cluster, Executor& executor) : cluster_{cluster}, executor_{executor} {}
  /// Costs nothing: read_ts() is zero until the first read takes a timestamp; what reads nothing never does.
  Result<std::unique_ptr<env::KvTxn>> begin(const env::TxnOptions& options) override;
  Result<Timestamp> now() override;
  Result<std::vector<env::RangePlace>> places(const env::KeySpan& span) override;

 private:
  Cluster& cluster_;
  Executor& executor_;
};

class MetaClient : public env::Meta {
 public:
  MetaClient(OracleClient& oracle, Executor& executor) : oracle_{oracle}, executor_{executor} {}

  Result<env::MetaRange> range(BytesView key, BytesView end) override;
  Result<env::MetaTxnResult> txn(std::vector<env::MetaCompare> compares, std::vector<env::MetaOp> ops) override;
  Result<LeaseId> grant(uint64_t ttl_ms) override;
  Result<void> keep_alive(LeaseId lease) override;
  Result<void> revoke(LeaseId lease) override;

 private:
  OracleClient& oracle_;
  Executor& executor_;
};

}  // namespace ddb::client
