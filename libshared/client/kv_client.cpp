#include "client/kv_client.hpp"

#include <utility>

#include "env/span.hpp"

namespace ddb::client {

namespace {

class FiberTxn : public env::KvTxn {
 public:
  FiberTxn(Cluster& cluster, Executor& executor, const env::TxnOptions& options)
      : executor_{executor}, txn_{cluster, {.read_ts = options.read_ts}} {}

  Timestamp read_ts() const override { return txn_.read_ts(); }

  Result<std::vector<std::optional<Bytes>>> get(std::span<const Bytes> keys) override {
    using Values = std::vector<std::optional<Bytes>>;
    return await<Values>(executor_, [&](Done<Values> done) { txn_.get({keys.begin(), keys.end()}, std::move(done)); });
  }

  Result<std::optional<Bytes>> get_for_update(const Bytes& key) override {
    return await<std::optional<Bytes>>(executor_, [&](Done<std::optional<Bytes>> done) { txn_.get_for_update(key, std::move(done)); });
  }

  Result<env::ScanPage> scan(const env::ScanRequest& request) override {
    return await<env::ScanPage>(executor_, [&](Done<env::ScanPage> done) { txn_.scan(request, std::move(done)); });
  }

  void leave(const env::KeySpan& rest) override { txn_.leave(rest); }
  void trace(std::vector<env::ReadTrace>* to) override { txn_.trace(to); }

  Result<Timestamp> commit(std::vector<env::Write> writes) override {
    return await<Timestamp>(executor_, [&](Done<Timestamp> done) { txn_.commit(std::move(writes), std::move(done)); });
  }

 private:
  Executor& executor_;
  Txn txn_;
};

}  // namespace

Result<std::unique_ptr<env::KvTxn>> KvClient::begin(const env::TxnOptions& options) {
  return std::make_unique<FiberTxn>(cluster_, executor_, options);
}

Result<Timestamp> KvClient::now() {
  return await<Timestamp>(executor_, [&](Done<Timestamp> done) { cluster_.oracle().timestamp(std::move(done)); });
}

Result<std::vector<env::RangePlace>> KvClient::places(const env::KeySpan& span) {
  if (!cluster_.ranges().loaded()) {
    auto loaded = await<void>(executor_, [&](Done<void> done) { cluster_.ranges().load(std::move(done)); });
    if (!loaded) return std::unexpected(loaded.error());
  }
  const RangeMap& map = cluster_.ranges().map();
  std::vector<env::RangePlace> places;
  for (const auto& [descriptor, leader, term, guess] : map.routes()) {
    if (!overlap(descriptor.span, span)) continue;
    env::RangePlace& place = places.emplace_back(descriptor.id, descriptor.span);
    for (const auto& replica : descriptor.replicas) {
      if (replica.id != leader) continue;
      const std::string* address = map.address(replica.node);
      place.node = replica.node;
      place.address = address != nullptr ? *address : std::string{};
    }
  }
  return places;
}

Result<env::MetaRange> MetaClient::range(BytesView key, BytesView end) {
  return await<env::MetaRange>(executor_, [&](Done<env::MetaRange> done) { oracle_.range(Bytes{key}, Bytes{end}, std::move(done)); });
}

Result<env::MetaTxnResult> MetaClient::txn(std::vector<env::MetaCompare> compares, std::vector<env::MetaOp> ops) {
  return await<env::MetaTxnResult>(executor_, [&](Done<env::MetaTxnResult> done) {
    oracle_.txn(std::move(compares), std::move(ops), std::move(done));
  });
}

Result<LeaseId> MetaClient::grant(uint64_t ttl_ms) {
  const auto reply = await<proto::LeaseReply>(
      executor_, [&](Done<proto::LeaseReply> done) { oracle_.grant(ttl_ms, std::move(done)); });
  if (!reply) return std::unexpected(reply.error());
  return reply->lease;
}

Result<void> MetaClient::keep_alive(LeaseId lease) {
  const auto reply = await<proto::LeaseReply>(
      executor_, [&](Done<proto::LeaseReply> done) { oracle_.keep_alive(lease, std::move(done)); });
  if (!reply) return std::unexpected(reply.error());
  return {};
}

Result<void> MetaClient::revoke(LeaseId lease) {
  const auto reply = await<proto::DoneReply>(
      executor_, [&](Done<proto::DoneReply> done) { oracle_.revoke(lease, std::move(done)); });
  if (!reply && reply.error().code != Code::not_found) return std::unexpected(reply.error());  // a repeated revoke finds nothing
  return {};
}

}  // namespace ddb::client
