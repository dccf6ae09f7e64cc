#include "sql/read_cursor.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "sql/row_expressions.hpp"

namespace ddb::sql {

namespace {

using codec::is_null;

// Pages grow as a statement goes on reading: few rows for a peep, few requests for a scan.
constexpr uint32_t first_rows = 256;
constexpr uint32_t first_entries = 64;  // each may cost a row as well
constexpr uint32_t growth = 4;
constexpr uint32_t rows_max = 8192;
constexpr size_t points_max = 4096;     // of one multi-get

uint32_t page_size(const ReadPlan& plan, bool entries, sqlite3_value** arguments) {
  const auto argument = [&](int i) { return i < 0 ? sqlite3_int64{0} : sqlite3_value_int64(arguments[i]); };
  const sqlite3_int64 limit = argument(plan.limit);
  const sqlite3_int64 offset = std::max<sqlite3_int64>(argument(plan.offset), 0);
  if (plan.limit < 0 || limit <= 0 || offset > rows_max) return entries ? first_entries : first_rows;
  return static_cast<uint32_t>(std::clamp<sqlite3_int64>(limit + offset, 1, rows_max));
}

}  // namespace

ReadTable::ReadTable(std::shared_ptr<const Schema> of, const Table& read) : schema{std::move(of)}, table{&read} {
  paths = key_paths(read);
  for (const auto& column : read.columns) missing.push_back(missing_value(column));
}

size_t ReadTable::intern(ReadPlan plan) {
  for (size_t i = 0; i < plans.size(); ++i)
    if (*plans[i] == plan) return i;
  plans.push_back(std::make_unique<const ReadPlan>(std::move(plan)));
  return plans.size() - 1;
}

ReadCursor::ReadCursor(ReadContext& context, ReadTable& table)
    : sqlite3_vtab_cursor{}, context_{context}, table_{table}, id_{context.next_cursor++} {
  context_.opened(this);
}

ReadCursor::~ReadCursor() { context_.closed(this); }

const env::KeyValue& ReadCursor::at(size_t i) const { return cached_ ? (*cached_)[picks_[i]] : page_[i]; }

bool ReadCursor::has_row(size_t i) const { return cached_ || index_ == nullptr || (i < row_values_.size() && row_values_[i]); }

BytesView ReadCursor::row_key_at(size_t i) {
  if (cached_ || index_ == nullptr) return at(i).key;
  return row_keys_[i];
}

BytesView ReadCursor::row_value_at(size_t i) const {
  DDB_ASSERT(has_row(i));
  return cached_ || index_ == nullptr ? at(i).value : *row_values_[i];
}

void ReadCursor::reset_row() {
  row_open_ = false;
  key_values_.clear();
  entry_.reset();
  computed_.clear();
}

Result<void> ReadCursor::filter(const ReadPlan& plan, sqlite3_value** arguments) {
  if (context_.reader == nullptr) return fail(Code::internal, "no transaction to read table " + table().name + " in");
  plan_ = &plan;
  ++filters_;
  index_ = plan.path.kind == KeyPath::Kind::index ? table().index(plan.path.index) : nullptr;
  cached_.reset();
  page_.clear();
  rest_.reset();
  position_ = 0;
  reset_row();

  const RangeContext ranges{table(), plan, path_prefix(table(), plan.path), context_.cursors.size() > 1};
  auto [pieces, ambiguous] = key_pieces(ranges, arguments);
  pieces_ = std::move(pieces);
  if (pieces_.empty()) return {};
  const bool must_sort = ambiguous && !plan.order.empty();
  if (!must_sort) {
    const auto served = filter_at_hand();
    if (!served) return std::unexpected(served.error());
    if (*served) return {};
  }
  if (plan.path.kind == KeyPath::Kind::column) {
    const Bytes prefix = row_prefix(table());
    pieces_ = {{prefix, prefix_end(prefix)}};  // SQLite picks what it wants
  }
  page_rows_ = page_size(plan, index_ != nullptr, arguments);
  if (!plan.reverse) std::ranges::reverse(pieces_);
  return must_sort ? read_sorted() : next_page();
}

void ReadCursor::spent_since(uint64_t requests) {
  if (TableCache* const cache = this->cache()) cache->spent(reader().requests() - requests);
}

/// Serves the statement from memory, once it has come back often enough, or sees to it that what it will ask for next
/// is read along. False: the pieces are to be read.
Result<bool> ReadCursor::filter_at_hand() {
  TableCache* const cache = this->cache();
  if (cache == nullptr) return false;
  const bool one_point = pieces_.size() == 1 && pieces_.front().point();
  if (one_point && reader().knows(pieces_.front().start)) return false;
  if (plan_->whole() || plan_->path.kind == KeyPath::Kind::column) cache->scanned();
  if (one_point && !cache->loaded(reader())) {
    if (auto done = prefetch_join(pieces_.front().start); !done) return std::unexpected(done.error());
    if (reader().knows(pieces_.front().start)) return false;
  }
  const auto loaded = cache->load(reader());
  if (!loaded || !*loaded) return loaded;
  auto picks = cache->find(plan_->path, pieces_);
  if (!picks) return std::unexpected(picks.error());
  picks_ = std::move(*picks);
  if (plan_->reverse) std::ranges::reverse(picks_);
  cached_ = cache->rows();
  pieces_.clear();
  return true;
}

Result<void> ReadCursor::next() {
  ++position_;
  reset_row();
  if (position_ < size() || cached_) return {};
  return next_page();
}

/// Reads until a page has a row, or nothing is left.
Result<void> ReadCursor::next_page() {
  page_.clear();
  row_keys_.clear();
  row_values_.clear();
  position_ = 0;
  while (page_.empty() && (rest_ || !pieces_.empty())) {
    const uint64_t before = reader().requests();
    const bool points = !rest_ && pieces_.back().point();
    if (auto done = points ? read_points() : read_span(); !done) return done;
    spent_since(before);
  }
  return {};
}

/// A part that the path's order counts on to be one value has several: everything is read, and sorted by ORDER BY itself.
Result<void> ReadCursor::read_sorted() {
  std::vector<std::pair<Bytes, env::KeyValue>> sorted;
  for (;;) {
    if (auto done = next_page(); !done) return done;
    if (page_.empty()) break;
    if (index_ != nullptr)
      if (auto done = load_rows(); !done) return done;
    for (size_t i = 0; i < page_.size(); ++i) {
      auto by = order_key(i);
      if (!by) return std::unexpected(by.error());
      sorted.emplace_back(std::move(*by), std::move(page_[i]));
    }
  }
  std::ranges::stable_sort(sorted, {}, [](const auto& row) -> const Bytes& { return row.first; });
  for (auto& row : sorted) page_.push_back(std::move(row.second));
  return {};
}

Result<Bytes> ReadCursor::order_key(size_t i) {
  const auto row = decode_row(table(), row_key_at(i), row_value_at(i));
  if (!row) return std::unexpected(row.error());
  const auto values = views(*row);
  Bytes by;
  for (const auto& term : plan_->order)
    codec::append_key_part(by, column_value(table(), RowView{row->rowid, values}, term.column), term.order);
  return by;
}

Result<void> ReadCursor::read_points() {
  std::vector<Bytes> keys;
  while (!pieces_.empty() && pieces_.back().point() && keys.size() < points_max) {
    keys.push_back(std::move(pieces_.back().start));
    pieces_.pop_back();
  }
  auto values = reader().get(keys);
  if (!values) return std::unexpected(values.error());
  for (size_t i = 0; i < keys.size(); ++i)
    if ((*values)[i]) page_.push_back({std::move(keys[i]), std::move(*(*values)[i])});
  return {};
}

Result<void> ReadCursor::read_span() {
  if (!rest_) {
    rest_ = env::KeySpan{std::move(pieces_.back().start), std::move(pieces_.back().end)};
    pieces_.pop_back();
  }
  auto page = reader().scan({.span = std::move(*rest_), .reverse = plan_->reverse, .rows_max = page_rows_});
  rest_.reset();
  if (!page) return std::unexpected(page.error());
  page_ = std::move(page->rows);
  rest_ = std::move(page->rest);
  page_rows_ = std::min(page_rows_ * growth, rows_max);
  return {};
}

/// One multi-get for what is left of a page of entries.
Result<void> ReadCursor::load_rows() {
  DDB_ASSERT(index_ != nullptr);
  row_keys_.resize(page_.size());
  row_values_.resize(page_.size());
  std::vector<Bytes> keys;
  for (size_t i = position_; i < page_.size(); ++i) {
    auto key = row_key_of_entry(table(), *index_, page_[i].key, page_[i].value);
    if (!key) return std::unexpected(key.error());
    keys.push_back(std::move(*key));
  }
  const uint64_t before = reader().requests();
  auto values = reader().get(keys);
  if (!values) return std::unexpected(values.error());
  spent_since(before);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!(*values)[i])
      return fail(Code::bad_data, "index " + index_->name + " of table " + table().name + " has an entry without a row");
    row_keys_[position_ + i] = std::move(keys[i]);
    row_values_[position_ + i] = std::move((*values)[i]);
  }
  if (const auto at = context_.guesses.find(plan_); at != context_.guesses.end()) at->second.loads_rows = true;
  return {};
}

Result<ValueView> ReadCursor::column(size_t position) {
  DDB_ASSERT(!at_end());
  const auto& columns = table().columns;
  const bool key_wanted = position == columns.size();
  const bool row_wanted = position == columns.size() + 1;
  if (!has_row(position_)) {
    if (!row_wanted) {
      if (auto done = open_entry(); !done) return std::unexpected(done.error());
      if (key_wanted) {
        scratch_ = row_prefix(table()) + entry_->row_parts;
        return codec::BlobView{scratch_};
      }
      if (const Value* value = value_of(*entry_, columns[position].id)) return to_view(*value);
    }
    if (auto done = load_rows(); !done) return std::unexpected(done.error());
  }
  if (key_wanted) return codec::BlobView{row_key_at(position_)};
  if (row_wanted) return codec::BlobView{row_value_at(position_)};
  return row_column(columns[position], position);
}

Result<void> ReadCursor::open_entry() {
  if (entry_) return {};
  auto entry = EntryReader::open(table(), *index_, at(position_).key, at(position_).value);
  if (!entry) return std::unexpected(entry.error());
  entry_ = std::move(*entry);
  return {};
}

/// What the entry tells of a column; nullptr: nothing.
const Value* ReadCursor::value_of(const EntryReader& entry, uint32_t id) const {
  const auto find = [&](const std::vector<KeyColumn>& columns, const std::vector<Value>& values) -> const Value* {
    const auto found = std::ranges::find(columns, id, &KeyColumn::column);
    return found == columns.end() ? nullptr : &values[static_cast<size_t>(found - columns.begin())];
  };
  if (const Value* value = find(index_->columns, entry.index_values)) return value;
  return find(table().key_columns(), entry.key_values);
}

Result<ValueView> ReadCursor::row_column(const Column& column, size_t position) {
  if (column.id == table().rowid_alias) return key_column(column.id);
  if (!row_open_) {
    if (!row_.open(row_value_at(position_))) return fail(Code::bad_data, "a row of table " + table().name + " is damaged");
    row_open_ = true;
  }
  if (column.id >= row_.cells()) {
    if (column.generated != Generated::no) return computed_column(position);
    return to_view(table_.missing[position]);
  }
  auto cell = row_.cell(column.id);
  if (!cell) return fail(Code::bad_data, "a row of table " + table().name + " is damaged");
  if (!is_null(*cell)) return cell;
  const bool in_key = std::ranges::find(table().key_columns(), column.id, &KeyColumn::column) != table().key_columns().end();
  return in_key ? key_column(column.id) : cell;
}

Result<ValueView> ReadCursor::key_column(uint32_t id) {
  const auto& columns = table().key_columns();
  if (key_values_.empty()) {
    BytesView key = row_key_at(position_);
    uint64_t ids[2];
    if (auto done = codec::take_key_prefix(key, ids[0], ids[1]); !done) return std::unexpected(done.error());
    for (const auto& column : columns) {
      auto value = take_key_value(key, column, affinity_of(table(), column));
      if (!value) return std::unexpected(value.error());
      key_values_.push_back(std::move(*value));
    }
  }
  const auto found = std::ranges::find(columns, id, &KeyColumn::column);
  DDB_ASSERT(found != columns.end());
  return to_view(key_values_[static_cast<size_t>(found - columns.begin())]);
}

/// A generated column that the row is older than.
Result<ValueView> ReadCursor::computed_column(size_t position) {
  if (computed_.empty()) {
    const auto row = decode_row(table(), row_key_at(position_), row_value_at(position_));
    if (!row) return std::unexpected(row.error());
    const auto values = views(*row);
    auto computed = compute_generated(table(), RowView{row->rowid, values});
    if (!computed) return std::unexpected(computed.error());
    computed_ = std::move(*computed);
  }
  return to_view(computed_[position]);
}

Result<int64_t> ReadCursor::rowid() {
  Result<ValueView> value;
  if (table().clustering == Clustering::rowid) {
    const uint32_t id = table().key_columns().front().column;
    if (has_row(position_)) {
      value = key_column(id);
    } else {
      if (auto done = open_entry(); !done) return std::unexpected(done.error());
      value = to_view(*value_of(*entry_, id));
    }
  } else {
    if (!has_row(position_))
      if (auto done = load_rows(); !done) return std::unexpected(done.error());
    if (!row_.open(row_value_at(position_))) return fail(Code::bad_data, "a row of table " + table().name + " is damaged");
    row_open_ = true;
    value = row_.cell(rowid_column);
  }
  if (!value) return std::unexpected(value.error());
  const auto* rowid = std::get_if<int64_t>(&*value);
  if (rowid == nullptr) return fail(Code::bad_data, "a row of table " + table().name + " has no rowid");
  return *rowid;
}

std::vector<std::optional<Value>> ReadCursor::peek(size_t i, const std::vector<uint32_t>& columns) const {
  std::vector<std::optional<Value>> values(columns.size());
  if (!has_row(i)) {
    auto entry = EntryReader::open(table(), *index_, at(i).key, at(i).value);
    if (!entry) return values;
    for (size_t c = 0; c < columns.size(); ++c)
      if (const Value* value = value_of(*entry, columns[c])) values[c] = *value;
    return values;
  }
  const BytesView key = cached_ || index_ == nullptr ? BytesView{at(i).key} : BytesView{row_keys_[i]};
  const auto row = decode_row(table(), key, row_value_at(i));
  if (!row) return values;
  for (size_t c = 0; c < columns.size(); ++c)
    values[c] = columns[c] == rowid_column ? Value{row->rowid} : row->values[table().position(columns[c])];
  return values;
}

}  // namespace ddb::sql
