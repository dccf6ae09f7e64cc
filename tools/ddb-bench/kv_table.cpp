#include <map>

#include "client/kv_client.hpp"
#include "table.hpp"

namespace ddb::bench {

namespace {

class KvTable final : public Table {
 public:
  KvTable(client::Executor& executor, client::Cluster& cluster, std::string prefix) : kv_{cluster, executor}, prefix_{std::move(prefix)} {}

  Result<void> create() override { return {}; }  // the prefix is new

  Result<void> begin(Span) override {
    writes_.clear();
    auto txn = kv_.begin({});
    if (!txn) return std::unexpected(txn.error());
    txn_ = std::move(*txn);
    return {};
  }

  Result<std::vector<std::optional<std::string>>> get(std::vector<std::string> keys) override {
    std::vector<Bytes> full;
    for (const auto& key : keys) full.push_back(prefix_ + key);
    auto values = txn_->get(full);
    if (!values) return std::unexpected(without_effect(values.error()));
    for (size_t i = 0; i < full.size(); ++i)
      if (const auto mine = writes_.find(full[i]); mine != writes_.end()) (*values)[i] = mine->second.value;
    return values;
  }

  /// Its own writes are not needed by anyone who scans.
  Result<std::vector<RowPair>> scan(const std::string& prefix) override {
    std::vector<RowPair> pairs;
    std::optional<env::KeySpan> rest = env::KeySpan{prefix_ + prefix, prefix_end(prefix_ + prefix)};
    while (rest) {
      auto page = txn_->scan({.span = *rest, .rows_max = 100, .ahead = 2});
      if (!page) return std::unexpected(without_effect(page.error()));
      for (auto& row : page->rows) pairs.emplace_back(row.key.substr(prefix_.size()), std::move(row.value));
      rest = std::move(page->rest);
    }
    return pairs;
  }

  Result<void> put(const std::string& key, const std::string& value) override { return write(env::WriteKind::put, key, value); }
  Result<void> insert(const std::string& key, const std::string& value) override { return write(env::WriteKind::insert, key, value); }
  Result<void> append(const std::string& key, const std::string& value) override {
    const auto before = get({key});
    if (!before) return std::unexpected(before.error());
    const auto& found = before->front();
    return write(env::WriteKind::put, key, found ? *found + " " + value : value);
  }

  Result<void> commit() override {
    std::vector<env::Write> writes;
    for (auto& [key, write] : std::exchange(writes_, {})) writes.push_back(std::move(write));
    const auto done = txn_->commit(std::move(writes));
    txn_.reset();
    return done ? Result<void>{} : std::unexpected(done.error());
  }

  void abandon() override { txn_.reset(); }

 private:
  Result<void> write(env::WriteKind kind, const std::string& key, const std::string& value) {
    writes_[prefix_ + key] = {kind, prefix_ + key, value};
    return {};
  }

  static Error without_effect(Error error) {
    if (error.code == Code::unknown_outcome) error.code = Code::unavailable;
    return error;
  }

  client::KvClient kv_;
  std::string prefix_;
  std::unique_ptr<env::KvTxn> txn_;
  std::map<Bytes, env::Write> writes_;
};

}  // namespace

std::unique_ptr<Table> make_kv_table(client::Executor& executor, client::Cluster& cluster, std::string prefix) {
  return std::make_unique<KvTable>(executor, cluster, std::move(prefix));
}

}  // namespace ddb::bench
