#include "disk.hpp"

#include <algorithm>

namespace sim {

namespace {

class Walker final : public ddb::env::Cursor {
 public:
  explicit Walker(const Table& table) : table_{table}, at_{table.end()} {}

  bool seek(ddb::BytesView key) override {
    at_ = table_.lower_bound(key);
    return valid();
  }
  bool seek_before(ddb::BytesView key) override {
    at_ = table_.lower_bound(key);
    at_ = at_ == table_.begin() ? table_.end() : std::prev(at_);
    return valid();
  }
  bool next() override {
    ++at_;
    return valid();
  }
  bool prev() override {
    at_ = at_ == table_.begin() ? table_.end() : std::prev(at_);
    return valid();
  }
  bool valid() const override { return at_ != table_.end(); }
  ddb::BytesView key() const override { return at_->first; }
  ddb::BytesView value() const override { return at_->second; }

 private:
  const Table& table_;
  Table::const_iterator at_;
};

}  // namespace

std::optional<ddb::BytesView> State::get(ddb::env::Table table, ddb::BytesView key) {
  const auto& rows = tables_[static_cast<size_t>(table)];
  const auto found = rows.find(key);
  if (found == rows.end()) return std::nullopt;
  return found->second;
}

std::unique_ptr<ddb::env::Cursor> State::cursor(ddb::env::Table table) {
  return std::make_unique<Walker>(tables_[static_cast<size_t>(table)]);
}

void State::apply(const ddb::env::WriteBatch& batch) {
  for (const auto& op : batch.ops) {
    auto& rows = tables_[static_cast<size_t>(op.table)];
    if (op.value) {
      rows.insert_or_assign(op.key, *op.value);
    } else {
      rows.erase(op.key);
    }
  }
}

void Disk::release(const ddb::range::Checkpoint& flushed, ddb::BatchNumber proven) {
  std::map<ddb::proto::ReplicaKey, ddb::LogIndex> bases;
  for (const auto& replica : flushed.for_log()) bases[replica.key] = replica.base;
  const auto needless = [&](const ddb::proto::LogRecord& record) {
    const auto base = bases.find(record.key);
    return base != bases.end() && (record.entries.empty() || record.entries.back().index <= base->second);
  };
  // The last batch stays: the log of a store that ever wrote is never empty.
  while (log.size() > 1 && log.front().number <= proven &&
         std::all_of(log.front().records.begin(), log.front().records.end(), needless)) {
    log.pop_front();
  }
}

}  // namespace sim
