// The same tables twice: in stock SQLite, and as read tables over a key space in memory.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "env/random.hpp"
#include "sql/index_entries.hpp"
#include "sql/read_table.hpp"
#include "sql/shadow_catalog.hpp"
#include "sql/query.hpp"
#include "unit/sql/memory_kv.hpp"

namespace ddb::test {

using Rows = std::vector<std::vector<sql::Value>>;

/// Runs a query to its end; an error is the only row's only value.
inline Rows run_query(sqlite3* db, const std::string& text, const std::vector<sql::Value>& parameters = {}) {
  auto statement = sql::Query::prepare(db, text);
  if (!statement) return {{sql::Value{"error: " + statement.error().message}}};
  for (size_t i = 0; i < parameters.size(); ++i)
    statement->bind(static_cast<int>(i) + 1, codec::to_view(parameters[i]));
  Rows rows;
  for (;;) {
    const auto there = statement->next();
    if (!there) return {{sql::Value{"error: " + there.error().message}}};
    if (!*there) return rows;
    auto& row = rows.emplace_back();
    for (int i = 0; i < statement->columns(); ++i) row.push_back(codec::to_owned(statement->column(i)));
  }
}

inline std::string show(const sql::Value& value) {
  struct {
    std::string operator()(std::monostate) const { return "NULL"; }
    std::string operator()(int64_t integer) const { return std::to_string(integer); }
    std::string operator()(double real) const { return std::to_string(real); }
    std::string operator()(const std::string& text) const { return "'" + text + "'"; }
    std::string operator()(const codec::Blob& blob) const { return "x'" + to_hex(blob.bytes) + "'"; }
  } shown;
  return std::visit(shown, value);
}
inline std::string show(const Rows& rows) {
  std::string text;
  for (const auto& row : rows) {
    for (const auto& value : row) text += show(value) + "|";
    text += "\n";
  }
  return text;
}
/// The same without a say on order.
inline std::string show_sorted(const Rows& rows) {
  std::vector<std::string> lines;
  for (const auto& row : rows) lines.push_back(show(Rows{row}));
  std::ranges::sort(lines);
  std::string text;
  for (const auto& line : lines) text += line;
  return text;
}

class Twin {
 public:
  Twin() : shadow_{*sql::ShadowCatalog::open({})}, tables_{std::make_unique<sql::ReadTables>(ours_.get())} {
    // SQLite 3.40 loses rows when it builds an index for `column IS constant` inside a join.
    REQUIRE(stock_.run("PRAGMA automatic_index = OFF"));
  }
  ~Twin() { tables_->use_reader(nullptr); }

  sqlite3* stock() { return stock_.get(); }
  sqlite3* ours() { return ours_.get(); }
  MemoryKv& kv() { return *kv_; }
  sql::ReadTables& tables() { return *tables_; }
  sql::Reader& reader() { return *reader_; }
  const sql::Schema& schema() const { return *schema_; }
  const sql::Table& table(const std::string& name) const { return *schema_->find_table(name); }

  /// DDL, on both sides.
  void ddl(const std::string& text) {
    const auto there = stock_.run(text);
    REQUIRE_MESSAGE(there, text << ": " << there.error().message);
    auto after = shadow_->execute(text);
    REQUIRE_MESSAGE(after, text << ": " << after.error().message);
    schema_ = std::make_shared<const sql::Schema>(std::move(*after));
    tables_->use_reader(nullptr);
    const auto used = tables_->use_schema(schema_);
    REQUIRE_MESSAGE(used, used.error().message);
  }
  /// Changes rows of the stock side; call load() when done.
  void dml(const std::string& text) {
    const auto done = stock_.run(text);
    REQUIRE_MESSAGE(done, text << ": " << done.error().message);
  }

  /// The same, for rows that may not fit the table.
  void try_dml(const std::string& text) { (void)stock_.run(text); }

  /// Fills a new key space with the stock side's rows. One in `buffered` is left to the transaction's own writes, where
  /// some committed rows are erased and others replaced; zero: all are committed.
  void load(uint64_t buffered = 0, uint64_t seed = 1) {
    tables_->use_reader(nullptr);
    reader_.reset();
    buffer_.clear();
    kv_ = std::make_unique<MemoryKv>();
    sql::WriteBuffer committed;
    Random random{seed};
    for (const auto& [id, table] : schema_->tables) load_table(table, buffered, random, committed);
    begin(committed);
  }
  /// A new transaction over what is committed.
  void begin() {
    tables_->use_reader(nullptr);
    txn_ = std::move(*kv_->begin({}));
    reader_ = std::make_unique<sql::Reader>(*txn_, buffer_);
    tables_->use_reader(reader_.get());
    kv_->reset_counters();
  }

  Rows query(const std::string& text, const std::vector<sql::Value>& parameters = {}) {
    return run_query(ours(), text, parameters);
  }
  Rows expected(const std::string& text, const std::vector<sql::Value>& parameters = {}) {
    return run_query(stock(), text, parameters);
  }
  void check_same(const std::string& text, bool ordered = false) {
    const Rows theirs = expected(text);
    const Rows mine = query(text);
    const auto error = tables_->take_error();
    const std::string trouble = error ? error->message : "";
    if (ordered) {
      CHECK_MESSAGE(show(mine) == show(theirs), text << "\n" << trouble << explain(text));
    } else {
      CHECK_MESSAGE(show_sorted(mine) == show_sorted(theirs), text << "\n" << trouble << explain(text));
    }
  }
  /// Requests that a query makes; its rows are dropped.
  uint64_t requests(const std::string& text, const std::vector<sql::Value>& parameters = {}) {
    begin();
    const Rows rows = query(text, parameters);
    REQUIRE_MESSAGE((rows.empty() || !show(rows).starts_with("'error")), show(rows));
    return kv_->counters().reads();
  }
  std::string explain(const std::string& text) { return show(query("EXPLAIN QUERY PLAN " + text)); }

 private:
  void load_table(const sql::Table& table, uint64_t buffered, Random& random, sql::WriteBuffer& committed) {
    auto writer = sql::RowWriter::open(table);
    REQUIRE(writer);
    std::string list = table.has_rowid() ? "rowid" : "0";
    for (const auto& column : table.columns) list += ", " + sql::quote_name(column.name);
    for (auto& values : expected("SELECT " + list + " FROM " + sql::quote_name(table.name))) {
      sql::Row row{std::get<int64_t>(values.front()), {values.begin() + 1, values.end()}};
      const auto cells = sql::views(row);
      const sql::RowView view{row.rowid, cells};
      auto done = Result<void>{};
      if (buffered == 0 || !random.one_in(buffered)) {
        done = writer->insert(view, committed);
      } else if (random.one_in(2)) {
        done = writer->insert(view, buffer_);
      } else {
        done = replace_row(table, *writer, view, random, committed);
      }
      REQUIRE_MESSAGE(done, done.error().message);
    }
  }
  /// Committed as another row with the same key, then updated by the transaction itself.
  Result<void> replace_row(const sql::Table& table, sql::RowWriter& writer, const sql::RowView& view, Random&,
                           sql::WriteBuffer& committed) {
    std::vector<sql::ValueView> other{view.values.begin(), view.values.end()};
    for (size_t i = 0; i < other.size(); ++i)
      if (std::ranges::find(table.key_columns(), table.columns[i].id, &sql::KeyColumn::column) == table.key_columns().end())
        other[i] = std::string_view{"replaced"};
    const sql::RowView before{view.rowid, other};
    sql::WriteBuffer attempt;
    if (auto done = writer.insert(before, attempt); !done) return done;
    for (const auto& [key, entry] : attempt.entries())
      if (committed.find(key) != nullptr) return writer.insert(view, buffer_);  // a unique key is taken
    if (auto done = writer.insert(before, committed); !done) return done;
    return writer.update(before, sql::row_value(table, before), view, buffer_);
  }
  void begin(sql::WriteBuffer& committed) {
    auto txn = std::move(*kv_->begin({}));
    const auto done = txn->commit(committed.writes());
    REQUIRE_MESSAGE(done, done.error().message);
    begin();
  }

  sql::PrivateDb stock_;
  sql::PrivateDb ours_;
  std::unique_ptr<sql::ShadowCatalog> shadow_;
  std::unique_ptr<sql::ReadTables> tables_;
  std::shared_ptr<const sql::Schema> schema_ = std::make_shared<const sql::Schema>();
  std::unique_ptr<MemoryKv> kv_ = std::make_unique<MemoryKv>();
  sql::WriteBuffer buffer_;
  std::unique_ptr<env::KvTxn> txn_;
  std::unique_ptr<sql::Reader> reader_;
};

}  // namespace ddb::test
