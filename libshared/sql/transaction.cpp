#include "sql/transaction.hpp"

#include <algorithm>

namespace ddb::sql {

Result<void> LazyTxn::begin() {
  if (txn_) return {};
  auto txn = kv_.begin({.read_ts = as_of_});
  if (!txn) return std::unexpected(txn.error());
  txn_ = *std::move(txn);
  txn_->trace(trace_);
  return {};
}

Result<std::vector<std::optional<Bytes>>> LazyTxn::get(std::span<const Bytes> keys) {
  if (auto begun = begin(); !begun) return std::unexpected(begun.error());
  return txn_->get(keys);
}

Result<std::optional<Bytes>> LazyTxn::get_for_update(const Bytes& key) {
  if (auto begun = begin(); !begun) return std::unexpected(begun.error());
  return txn_->get_for_update(key);
}

Result<env::ScanPage> LazyTxn::scan(const env::ScanRequest& request) {
  if (auto begun = begin(); !begun) return std::unexpected(begun.error());
  return txn_->scan(request);
}

void LazyTxn::leave(const env::KeySpan& rest) {
  if (txn_) txn_->leave(rest);
}

void LazyTxn::trace(std::vector<env::ReadTrace>* to) {
  trace_ = to;
  if (txn_) txn_->trace(to);
}

Result<Timestamp> LazyTxn::commit(std::vector<env::Write> writes) {
  if (auto begun = begin(); !begun) return std::unexpected(begun.error());
  return txn_->commit(std::move(writes));
}

Result<void> Transaction::repin(const Schema& before, SchemaPin pin, std::string_view object) {
  const Schema& now = *pin.schema();
  const bool used = txn_.begun() || !buffer_.empty();
  for (const auto& [id, table] : before.tables) {
    const auto found = now.tables.find(id);
    if (used && !still_fits(table, found == now.tables.end() ? nullptr : &found->second, object)) {
      return fail(Code::conflict, "the schema of table " + table.name + " has changed", "restart the transaction");
    }
  }
  for (const auto& [id, table] : now.tables) {
    if (!before.tables.contains(id) && same_name(table.name, object)) created_.insert(id);
  }
  pin_ = std::move(pin);
  return {};
}

/// The same; or a table of this transaction's own, and different by `object` alone.
bool Transaction::still_fits(const Table& before, const Table* now, std::string_view object) const {
  if (now != nullptr && now->version == before.version) return true;
  if (!created_.contains(before.id)) return false;
  if (now == nullptr) return same_name(before.name, object);
  const auto others = [&](const Table& table) {
    std::vector<Index> indexes;
    std::ranges::copy_if(table.indexes, std::back_inserter(indexes),
                         [&](const Index& index) { return !same_name(index.name, object); });
    return indexes;
  };
  return now->columns == before.columns && others(*now) == others(before);
}

Result<void> Transaction::check_absent(const std::vector<Bytes>& keys) {
  if (keys.empty()) return {};
  const auto values = txn_.get(keys);
  if (!values) return std::unexpected(values.error());
  for (size_t i = 0; i < keys.size(); ++i) {
    if ((*values)[i]) return fail(Code::exists, "the key exists", {}, keys[i]);
    buffer_.set_checked(keys[i]);
  }
  return {};
}

Result<void> Transaction::commit() {
  if (buffer_.empty()) {
    if (!txn_.begun()) return {};
    const auto ended = txn_.commit({});
    return ended ? Result<void>{} : std::unexpected(ended.error());
  }
  if (auto absent = check_absent(buffer_.unchecked_erased()); !absent) return absent;
  if (auto entered = pin_.enter_commit(); !entered) return entered;
  const auto committed = txn_.commit(buffer_.writes());
  return committed ? Result<void>{} : std::unexpected(committed.error());
}

std::vector<Transaction::Savepoint>::iterator Transaction::find(std::string_view name) {
  const auto newest = std::find_if(savepoints_.rbegin(), savepoints_.rend(),
                                   [&](const Savepoint& savepoint) { return same_name(savepoint.name, name); });
  return newest == savepoints_.rend() ? savepoints_.end() : newest.base() - 1;
}

std::optional<size_t> Transaction::roll_back_to(std::string_view name) {
  const auto found = find(name);
  if (found == savepoints_.end()) return std::nullopt;
  buffer_.undo_to(found->mark);
  savepoints_.erase(found + 1, savepoints_.end());
  return savepoints_.back().objects;
}

bool Transaction::release(std::string_view name) {
  const auto found = find(name);
  if (found == savepoints_.end()) return false;
  savepoints_.erase(found, savepoints_.end());
  return true;
}

std::vector<std::string> Transaction::savepoint_names() const {
  std::vector<std::string> names;
  for (const Savepoint& savepoint : savepoints_) names.push_back(savepoint.name);
  return names;
}

}  // namespace ddb::sql
