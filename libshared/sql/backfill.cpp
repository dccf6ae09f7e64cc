#include "sql/backfill.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "sql/index_entries.hpp"

namespace ddb::sql {

namespace {

constexpr int attempts_max = 100;  // of one small transaction, against its neighbours

/// Another try makes sense: the work of one transaction is the same however often it is done.
bool repeats(Code code) { return code == Code::conflict || code == Code::unknown_outcome || code == Code::try_again; }

/// The rest of the span after one transaction over its beginning; nullopt: all done.
using Rest = std::optional<env::KeySpan>;
using Step = std::function<Result<Rest>(env::KvTxn&, const env::KeySpan&)>;

Result<void> walk(env::Kv& kv, env::KeySpan span, const Step& step) {
  for (int attempts = 0;;) {
    auto txn = kv.begin({});
    if (!txn) return std::unexpected(txn.error());
    auto rest = step(**txn, span);
    if (rest && !*rest) return {};
    if (rest) {
      span = std::move(**rest);
      attempts = 0;
    } else if (!repeats(rest.error().code) || ++attempts == attempts_max) {
      return std::unexpected(rest.error());
    }
  }
}

/// A key that appeared since it was looked for is a conflict like any other here.
Result<void> commit(env::KvTxn& txn, std::vector<env::Write> writes) {
  const auto done = txn.commit(std::move(writes));
  if (done) return {};
  Error error = done.error();
  if (error.code == Code::exists) error.code = Code::conflict;
  return std::unexpected(std::move(error));
}

/// The entries in `index` of a page of rows.
Result<std::vector<IndexEntry>> entries_of(const Table& table, const Index& index, RowWriter& writer,
                                           const std::vector<env::KeyValue>& rows) {
  std::vector<IndexEntry> entries;
  for (const auto& stored : rows) {
    const auto row = decode_row(table, stored.key, stored.value);
    if (!row) return std::unexpected(row.error());
    const auto values = views(*row);
    auto all = writer.entries({row->rowid, values});
    if (!all) return std::unexpected(all.error());
    for (auto& entry : *all)
      if (entry.index->id == index.id) entries.push_back(std::move(entry));
  }
  return entries;
}

/// The rows of a page as the table's second one has them (index == nullptr), and their entries there.
Result<std::vector<IndexEntry>> second_of(const Table& table, RowWriter& writer, const std::vector<env::KeyValue>& rows) {
  const Table& second = table.second.front();
  std::vector<IndexEntry> all;
  for (const auto& stored : rows) {
    const auto decoded = decode_row(table, stored.key, stored.value);
    if (!decoded) return std::unexpected(decoded.error());
    const auto values = views(*decoded);
    const RowView row{decoded->rowid, values};
    auto key = row_key(second, row);
    if (!key) return std::unexpected(key.error());
    auto entries = writer.entries(row);
    if (!entries) return entries;
    all.push_back({.index = nullptr, .key = *std::move(key), .value = row_value(second, row), .unique = true});
    std::ranges::move(*entries, std::back_inserter(all));
  }
  return all;
}

/// Whose entry it is: of a row itself, its rowid, which nothing that clusters anew lets go of.
Result<Bytes> owner_of(const Table& table, const IndexEntry& entry, BytesView value) {
  if (entry.index != nullptr) return row_key_of_entry(table, *entry.index, entry.key, value);
  const auto row = decode_row(table, entry.key, value);
  if (!row) return std::unexpected(row.error());
  return Bytes{std::to_string(row->rowid)};
}

/// Rows and entries that are not there yet. One under the same key that belongs to another row is a violation, be it in
/// this page, from an earlier one, or a writer's.
Result<std::vector<env::Write>> missing_writes(const Schema& schema, const Table& table, env::KvTxn& txn,
                                               std::vector<IndexEntry> entries) {
  std::vector<Bytes> keys;
  for (const auto& entry : entries) keys.push_back(entry.key);
  const auto stored = txn.get(keys);
  if (!stored) return std::unexpected(stored.error());
  std::map<Bytes, Bytes> wanted;
  std::vector<env::Write> writes;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto [at, first] = wanted.emplace(entries[i].key, entries[i].value);
    const std::optional<Bytes> other = first ? (*stored)[i] : at->second;
    if (!other) {
      writes.push_back({env::WriteKind::insert, std::move(entries[i].key), std::move(entries[i].value)});
      continue;
    }
    if (!entries[i].unique) continue;
    const auto theirs = owner_of(table, entries[i], *other);
    const auto ours = owner_of(table, entries[i], entries[i].value);
    if (!theirs) return std::unexpected(theirs.error());
    if (!ours) return std::unexpected(ours.error());
    if (*theirs != *ours) return std::unexpected(*unique_violation(schema, entries[i].key));
  }
  return writes;
}

env::KeySpan rows_span(const Table& table) {
  Bytes prefix = row_prefix(table);
  Bytes end = prefix_end(prefix);
  return {std::move(prefix), std::move(end)};
}

}  // namespace

Result<std::optional<Row>> sample_row(env::Kv& kv, const Table& table) {
  auto txn = kv.begin({});
  if (!txn) return std::unexpected(txn.error());
  const auto page = (*txn)->scan({.span = rows_span(table), .reverse = false, .rows_max = 1});
  if (!page) return std::unexpected(page.error());
  if (page->rows.empty()) return std::optional<Row>{};
  auto row = decode_row(table, page->rows.front().key, page->rows.front().value);
  if (!row) return std::unexpected(row.error());
  return std::optional{std::move(*row)};
}

namespace {

/// `wanted`: what is to be there for a page of rows, in `target`.
Result<void> fill(env::Kv& kv, const Schema& schema, const Table& table, const Table& target, uint32_t rows_per_txn,
                  const WorkGuard& guard, const std::function<Result<std::vector<IndexEntry>>(const std::vector<env::KeyValue>&)>& wanted) {
  return walk(kv, rows_span(table), [&](env::KvTxn& txn, const env::KeySpan& span) -> Result<Rest> {
    const auto page = txn.scan({.span = span, .reverse = false, .rows_max = rows_per_txn});
    if (!page) return std::unexpected(page.error());
    auto entries = wanted(page->rows);
    if (!entries) return std::unexpected(entries.error());
    auto writes = missing_writes(schema, target, txn, std::move(*entries));
    if (!writes) return std::unexpected(writes.error());
    if (auto may = guard(); !may) return std::unexpected(may.error());
    if (auto done = commit(txn, std::move(*writes)); !done) return std::unexpected(done.error());
    return page->rest;
  });
}

}  // namespace

Result<void> backfill_index(env::Kv& kv, const Schema& schema, const Table& table, const Index& index, uint32_t rows_per_txn,
                            const WorkGuard& guard) {
  auto writer = RowWriter::open(table);
  if (!writer) return std::unexpected(writer.error());
  return fill(kv, schema, table, table, rows_per_txn, guard,
              [&](const auto& rows) { return entries_of(table, index, *writer, rows); });
}

Result<void> backfill_second(env::Kv& kv, const Schema& schema, const Table& table, uint32_t rows_per_txn, const WorkGuard& guard) {
  const Table& second = table.second.front();
  auto writer = RowWriter::open(second);
  if (!writer) return std::unexpected(writer.error());
  return fill(kv, schema, table, second, rows_per_txn, guard, [&](const auto& rows) { return second_of(table, *writer, rows); });
}

}  // namespace ddb::sql
