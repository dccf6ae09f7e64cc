#include "sql/read_cursor.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "env/span.hpp"
#include "sql/as_of.hpp"
#include "sql/row_selection.hpp"

namespace ddb::sql {

namespace {

// Pages grow as a statement goes on reading: few rows for a peep, few requests for a scan.
constexpr uint32_t first_rows = 256;
constexpr uint32_t first_entries = 64;  // each may cost a row as well
constexpr uint32_t growth = 4;
constexpr uint32_t rows_max = 8192;
constexpr uint32_t pages_ahead = 4;     // once a scan without a LIMIT has gone beyond its first page
constexpr size_t points_max = 4096;     // of one multi-get
constexpr uint32_t totals_page = 4096;  // groups
constexpr uint32_t totals_ahead = 16;   // pages, of a few hundred bytes mostly
constexpr size_t totals_pieces_max = 64;

uint32_t page_size(const ReadPlan& plan, bool entries, sqlite3_value** arguments) {
  const auto argument = [&](int i) { return i < 0 ? sqlite3_int64{0} : sqlite3_value_int64(arguments[i]); };
  const sqlite3_int64 limit = std::min<sqlite3_int64>(argument(plan.limit), rows_max);
  const sqlite3_int64 offset = std::clamp<sqlite3_int64>(argument(plan.offset), 0, rows_max);
  if (limit <= 0) return entries ? first_entries : first_rows;  // none, or a negative one, which is none
  return static_cast<uint32_t>(std::min<sqlite3_int64>(limit + offset, rows_max));
}

bool is_limited(const ReadPlan& plan, sqlite3_value** arguments) {
  return plan.limit >= 0 && sqlite3_value_int64(arguments[plan.limit]) > 0;
}

Result<std::vector<std::optional<Bytes>>> one(Result<std::optional<Bytes>> value) {
  if (!value) return std::unexpected(std::move(value.error()));
  return std::vector{*std::move(value)};
}

}  // namespace

ReadCursor::ReadCursor(ReadContext& context, ReadTable& table)
    : sqlite3_vtab_cursor{}, context_{context}, table_{table}, id_{context.next_cursor++} {
  context_.opened(this);
}

ReadCursor::~ReadCursor() {
  leave_rest();
  context_.closed(this);
}

/// What was read ahead of it goes.
void ReadCursor::leave_rest() {
  if (rest_ && context_.reader != nullptr) reader().leave(*rest_);
  rest_.reset();
}

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
  if (context_.as_of && context_.as_of < table().since) {
    return fail(Code::refused, "table " + table().name + " was made or changed at " + utc(table().since) + ", after the time asked for",
                "ask for a later time");
  }
  plan_ = &plan;
  ++filters_;
  index_ = plan.path.kind == KeyPath::Kind::index ? table().index(plan.path.index) : nullptr;
  cached_.reset();
  page_.clear();
  some_columns_ = false;
  leave_rest();
  ahead_ = 0;
  position_ = 0;
  adds_up_ = false;
  reset_row();

  const RangeContext ranges{table(), plan, path_prefix(table(), plan.path), context_.cursors.size() > 1};
  auto [pieces, ambiguous] = key_pieces(ranges, arguments);
  pieces_ = std::move(pieces);
  if (context_.totals != nullptr && context_.totals->table->id == table().id) return filter_totals();
  if (!tell(false) || pieces_.empty()) return {};
  const bool must_sort = ambiguous && !plan.order.empty();
  if (!must_sort) {
    const auto served = filter_at_hand();
    if (!served) return std::unexpected(served.error());
    if (*served) return {};
  }
  if (plan.path.kind == KeyPath::Kind::column) pieces_ = all_rows();
  page_rows_ = page_size(plan, index_ != nullptr, arguments);
  limited_ = is_limited(plan, arguments);
  const bool spans = index_ == nullptr && !must_sort && std::ranges::any_of(pieces_, [](const KeyPiece& piece) { return !piece.point(); });
  select_ = spans ? selection_of(table(), plan, arguments, context_.cursors.size() > 1) : Bytes{};
  selects_columns_ = spans && plan.columns;
  if (!select_.empty() && !plan.filter.empty() && !limited_) ahead_ = pages_ahead;  // few rows a page, if any
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
  if (adds_up_) return add_page();
  ++position_;
  reset_row();
  if (position_ < size() || cached_) return {};
  return next_page();
}

/// Reads until a page has a row, or nothing is left.
Result<void> ReadCursor::next_page() {
  page_.clear();
  some_columns_ = false;
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

/// By their keys, or by what an index's entries said these are.
Result<std::vector<std::optional<Bytes>>> ReadCursor::read_rows(const std::vector<Bytes>& keys) {
  return keys.size() == 1 && for_update() ? one(reader().get_for_update(keys.front())) : reader().get(keys);
}

Result<void> ReadCursor::read_points() {
  std::vector<Bytes> keys;
  while (!pieces_.empty() && pieces_.back().point() && keys.size() < points_max) {
    keys.push_back(std::move(pieces_.back().start));
    pieces_.pop_back();
  }
  auto values = index_ == nullptr ? read_rows(keys) : reader().get(keys);
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
  auto page = reader().scan({.span = std::move(*rest_), .reverse = plan_->reverse, .rows_max = page_rows_, .ahead = ahead_, .select = select_});
  rest_.reset();
  if (!page) return std::unexpected(page.error());
  page_ = std::move(page->rows);
  rest_ = std::move(page->rest);
  some_columns_ = selects_columns_;
  page_rows_ = std::min(page_rows_ * growth, rows_max);
  if (!limited_) ahead_ = pages_ahead;
  return {};
}

/// False: nothing is to be read.
bool ReadCursor::tell(bool totals) const {
  if (context_.log == nullptr) return true;
  context_.log->note(table(), *plan_, plan_->path.kind == KeyPath::Kind::column ? all_rows() : pieces_, totals);
  return !context_.log->dry;
}

/// SQLite picks what it wants.
std::vector<KeyPiece> ReadCursor::all_rows() const {
  const Bytes prefix = row_prefix(table());
  return {{prefix, prefix_end(prefix)}};
}

/// Only ranges that hold all that counts, and each row once, can add it up; a few points are read faster.
bool ReadCursor::can_be_added_up() const {
  const auto has_own = [&](const KeyPiece& piece) {
    const auto own = reader().own().lower_bound(piece.start);
    return own != reader().own().entries().end() && (piece.point() ? own->first == piece.start : own->first < piece.end);
  };
  return index_ == nullptr && !plan_->point && pieces_.size() <= totals_pieces_max && std::ranges::none_of(pieces_, has_own);
}

/// The pieces' ranges add up what they have. What SQLite takes for a row is a page of that: between two of them it looks
/// whether it is to go on.
Result<void> ReadCursor::filter_totals() {
  TotalsRead& totals = *context_.totals;
  if (plan_->path.kind == KeyPath::Kind::column && !pieces_.empty()) pieces_ = all_rows();
  totals.declined |= std::exchange(totals.asked, true) || !can_be_added_up();
  if (totals.declined || !tell(true)) pieces_.clear();
  std::ranges::reverse(pieces_);
  adds_up_ = true;
  return add_page();
}

Result<void> ReadCursor::add_page() {
  if (!rest_ && pieces_.empty()) return {};
  if (!rest_) {
    auto [start, end] = std::move(pieces_.back());
    pieces_.pop_back();
    rest_ = end.empty() ? env::point_span(start) : env::KeySpan{std::move(start), std::move(end)};
  }
  TotalsRead& totals = *context_.totals;
  auto page = reader().scan({.span = *std::exchange(rest_, {}), .reverse = false, .rows_max = totals_page, .ahead = totals_ahead, .select = totals.select});
  if (!page) return std::unexpected(page.error());
  for (auto& answer : page->rows) {
    totals.bytes += answer.key.size() + answer.value.size() + sizeof answer;
    totals.answers.push_back(std::move(answer));
  }
  rest_ = std::move(page->rest);
  totals.declined = totals.bytes > TotalsRead::bytes_max;
  if (!totals.declined) return {};
  pieces_.clear();
  leave_rest();
  return {};
}

/// The whole of the current row, of which SQLite had not said that it would be wanted.
Result<void> ReadCursor::load_columns() {
  auto value = reader().get(page_[position_].key);
  if (!value) return std::unexpected(value.error());
  if (!*value) return fail(Code::internal, "a row of table " + table().name + " has gone while it was read");
  page_[position_].value = **std::move(value);
  row_open_ = false;
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
  auto values = read_rows(keys);
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

}  // namespace ddb::sql
