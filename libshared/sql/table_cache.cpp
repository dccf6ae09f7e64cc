#include "sql/table_cache.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "sql/index_entries.hpp"
#include "sql/rows.hpp"

namespace ddb::sql {

namespace {

constexpr uint32_t page_rows = 8192;
constexpr int restarts_max = 3;

/// The path's key of one row, as an index would have it.
Bytes path_key(const Table& table, const KeyPath& path, const Bytes& prefix, const Row& row, BytesView row_key) {
  const auto values = views(row);
  const RowView view{row.rowid, values};
  std::vector<ValueView> parts;
  for (const auto& part : path.parts) parts.push_back(column_value(table, view, part.column));
  Bytes key = prefix;
  append_parts(key, path.parts, parts);
  key.append(row_key);  // rows with equal parts stay in the order of their keys
  return key;
}

}  // namespace

Bytes path_prefix(const Table& table, const KeyPath& path) {
  return path.kind == KeyPath::Kind::index ? index_prefix(table, *table.index(path.index)) : row_prefix(table);
}

void TableCache::start_anew(uint64_t generation) {
  rows_ = std::make_shared<Rows>();  // cursors may still walk the old ones
  paths_.clear();
  const Bytes prefix = row_prefix(table_);
  rest_ = env::KeySpan{prefix, prefix_end(prefix)};
  if (std::exchange(started_, true)) given_up_ = ++restarts_ > restarts_max;
  generation_ = generation;
  pages_ = 0;
  bytes_ = 0;
}

Result<bool> TableCache::load(Reader& reader) {
  if (given_up_) return false;
  const bool again = scans_ > 1;
  if (!started_ && !again && spent_ < requests_min) return false;
  if (!started_ || generation_ != reader.own().generation()) start_anew(reader.own().generation());
  while (rest_ && !given_up_ && (again || pages_ < spent_))
    if (auto done = load_page(reader); !done) return std::unexpected(done.error());
  return loaded(reader);
}

bool TableCache::loaded(const Reader& reader) const {
  return started_ && !rest_ && !given_up_ && generation_ == reader.own().generation();
}

Result<void> TableCache::load_page(Reader& reader) {
  auto page = reader.scan({.span = *rest_, .reverse = false, .rows_max = page_rows});
  if (!page) return std::unexpected(page.error());
  ++pages_;
  for (const auto& row : page->rows) bytes_ += row.key.size() + row.value.size() + sizeof(env::KeyValue);
  std::ranges::move(page->rows, std::back_inserter(*rows_));
  rest_ = page->rest;
  if (bytes_ > bytes_max) {
    given_up_ = true;
    rows_ = std::make_shared<Rows>();
  }
  return {};
}

Result<const TableCache::Sorted*> TableCache::sorted(const KeyPath& path) {
  for (const auto& [known, rows] : paths_)
    if (known == path) return &rows;
  Sorted sorted;
  sorted.reserve(rows_->size());
  const Bytes prefix = path_prefix(table_, path);
  for (uint32_t i = 0; i < rows_->size(); ++i) {
    const auto& [key, value] = (*rows_)[i];
    const auto row = decode_row(table_, key, value);
    if (!row) return std::unexpected(row.error());
    sorted.emplace_back(path_key(table_, path, prefix, *row, key), i);
  }
  std::ranges::sort(sorted);
  return &paths_.emplace_back(path, std::move(sorted)).second;
}

std::vector<uint32_t> TableCache::find_rows(const std::vector<KeyPiece>& pieces) const {
  std::vector<uint32_t> found;
  const auto at = [&](const Bytes& key) {
    return static_cast<uint32_t>(std::ranges::lower_bound(*rows_, key, {}, &env::KeyValue::key) - rows_->begin());
  };
  for (const auto& piece : pieces) {
    const uint32_t from = at(piece.start);
    uint32_t to = piece.point() ? from : at(piece.end);
    if (piece.point() && from < rows_->size() && (*rows_)[from].key == piece.start) to = from + 1;
    for (uint32_t i = from; i < to; ++i) found.push_back(i);
  }
  return found;
}

Result<std::vector<uint32_t>> TableCache::find(const KeyPath& path, const std::vector<KeyPiece>& pieces) {
  if (path.kind == KeyPath::Kind::rows) return find_rows(pieces);
  const auto rows = sorted(path);
  if (!rows) return std::unexpected(rows.error());
  std::vector<uint32_t> found;
  for (const auto& piece : pieces) {
    // A row's key follows the parts: an exact entry is a range here.
    const Bytes end = piece.point() ? prefix_end(piece.start) : piece.end;
    auto at = std::ranges::lower_bound(**rows, piece.start, {}, [](const auto& row) -> const Bytes& { return row.first; });
    for (; at != (*rows)->end() && (end.empty() || at->first < end); ++at) found.push_back(at->second);
  }
  return found;
}

}  // namespace ddb::sql
