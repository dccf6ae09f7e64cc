// A cursor of a read table: pages of rows or index entries, decoded column by column as SQLite asks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <sqlite3.h>

#include "base/result.hpp"
#include "codec/row.hpp"
#include "sql/index_entries.hpp"
#include "sql/key_ranges.hpp"
#include "sql/read_context.hpp"
#include "sql/rows.hpp"

namespace ddb::sql {

class ReadCursor : public sqlite3_vtab_cursor {
 public:
  ReadCursor(ReadContext& context, ReadTable& table);
  ~ReadCursor();
  ReadCursor(const ReadCursor&) = delete;
  ReadCursor& operator=(const ReadCursor&) = delete;

  Result<void> filter(const ReadPlan& plan, sqlite3_value** arguments);
  Result<void> next();
  bool at_end() const { return adds_up_ ? !rest_ && pieces_.empty() : position_ >= size(); }
  /// By position of declaration; columns.size() is "$key", the one after it "$row". Valid until the cursor moves.
  Result<ValueView> column(size_t position);
  Result<int64_t> rowid();

 private:
  const Table& table() const { return *table_.table; }
  Reader& reader() const { return *context_.reader; }
  /// K3: rows of the table that a statement changes, before it does.
  bool for_update() const { return context_.changes == table().id; }
  Result<std::vector<std::optional<Bytes>>> read_rows(const std::vector<Bytes>& keys);

  // Where rows are: in a page just read, or in the statement's cache.
  size_t size() const { return cached_ ? picks_.size() : page_.size(); }
  const env::KeyValue& at(size_t i) const;
  bool has_row(size_t i) const;            // the row itself, not only its index entry
  BytesView row_key_at(size_t i);
  BytesView row_value_at(size_t i) const;  // only when has_row()

  // Reading.
  Result<bool> filter_at_hand();
  TableCache* cache() { return context_.cache(table(), filters_ > 1); }
  void spent_since(uint64_t requests);
  Result<void> next_page();
  Result<void> read_sorted();
  Result<Bytes> order_key(size_t i);
  Result<void> read_points();
  Result<void> read_span();
  Result<void> load_rows();
  Result<void> load_columns();
  bool tell(bool totals) const;
  std::vector<KeyPiece> all_rows() const;
  bool can_be_added_up() const;
  Result<void> filter_totals();
  Result<void> add_page();
  void leave_rest();
  void reset_row();

  // Decoding.
  Result<ValueView> row_column(const Column& column, size_t position);
  Result<ValueView> key_column(uint32_t id);
  const Value* value_of(const EntryReader& entry, uint32_t id) const;
  Result<void> open_entry();
  Result<ValueView> computed_column(size_t position);
  /// For guessing joins: the values of columns in any row of the page; nullopt: not at hand.
  std::vector<std::optional<Value>> peek(size_t i, const std::vector<uint32_t>& columns) const;

  // Join remedies: the keys that the outer cursor's page will ask for are read at once.
  Result<void> prefetch_join(const Bytes& key);
  std::vector<std::vector<JoinGuess::Source>> sources_of(const std::vector<Bytes>& values) const;
  std::vector<Bytes> join_keys(const JoinGuess& guess) const;
  ReadCursor* cursor_by_id(uint64_t id) const;

  ReadContext& context_;
  ReadTable& table_;
  uint64_t id_;
  const ReadPlan* plan_ = nullptr;
  uint64_t filters_ = 0;          // calls of filter()
  const Index* index_ = nullptr;  // entries of it are read; nullptr: rows

  std::vector<KeyPiece> pieces_;  // still to be read, the next one last
  std::optional<env::KeySpan> rest_;  // of the span being read
  uint32_t page_rows_ = 0;
  uint32_t ahead_ = 0;    // pages
  bool limited_ = false;  // by LIMIT
  bool adds_up_ = false;  // see TotalsRead
  Bytes select_;          // what is asked of spans
  bool selects_columns_ = false;  // not all

  std::vector<env::KeyValue> page_;
  bool some_columns_ = false;  // the page's rows have
  std::vector<Bytes> row_keys_;                      // of entries, once loaded
  std::vector<std::optional<Bytes>> row_values_;
  std::shared_ptr<const TableCache::Rows> cached_;
  std::vector<uint32_t> picks_;
  size_t position_ = 0;

  // The current row.
  codec::RowReader row_;
  bool row_open_ = false;
  std::vector<Value> key_values_;  // empty: not decoded yet
  std::optional<EntryReader> entry_;
  std::vector<Value> computed_;
  Bytes scratch_;
};

}  // namespace ddb::sql
