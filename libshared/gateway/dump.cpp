#include "gateway/dump.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <utility>

#include "sql/lexer.hpp"
#include "sql/rewriter.hpp"
#include "sql/schema.hpp"

namespace ddb::gateway {

namespace {

Error error_of(const sql::SqlError& error) { return error.error; }

/// As .dump does: quotes only where they are needed.
std::string shown_name(const std::string& name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const bool plain = !name.empty() && letter(name.front()) &&
                     std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
  const bool keyword = sqlite3_keyword_check(name.data(), static_cast<int>(name.size())) != 0;
  return plain && !keyword ? name : sql::quote_name(name);
}

/// What a row of the table is made of, in INSERT and in SELECT.
struct RowColumns {
  std::string insert;  // INSERT INTO t(rowid,a,b)
  std::string select;  // SELECT rowid,a,b FROM t
  size_t count = 0;
};

/// A rowid that is no column of its own is given by name, if any name is left for it.
RowColumns row_columns(const sql::Table& table) {
  RowColumns out;
  std::string names = table.rowid_alias == 0 ? sql::rowid_name(table) : "";
  out.count = names.empty() ? 0 : 1;
  const bool named = !names.empty();
  for (const sql::Column& column : table.columns) {
    if (column.generated != sql::Generated::no) continue;
    names += (out.count++ == 0 ? "" : ",") + shown_name(column.name);
  }
  out.insert = "INSERT INTO " + shown_name(table.name) + (named ? "(" + names + ")" : "");
  out.select = "SELECT " + names + " FROM main." + sql::quote_name(table.name);
  return out;
}

class Dump {
 public:
  Dump(sql::Session& session, const DumpOptions& options, DumpSink& sink, std::shared_ptr<const sql::Schema> schema)
      : session_{session}, options_{options}, sink_{sink}, schema_{std::move(schema)} {}

  Result<void> run() {
    if (auto found = find_all(); !found) return found;
    for (const auto& [id, table] : schema_->tables) {
      if (!wanted(table.name)) continue;
      if (auto told = sink_.statement(table.sql); !told) return told;
      if (auto told = rows(table); !told) return told;
    }
    if (auto told = sequences(); !told) return told;
    for (const char* name : {"user_version", "application_id"})
      if (auto told = setting(name); !told) return told;
    for (const auto& [id, sql] : others())
      if (auto told = sink_.statement(sql); !told) return told;
    return {};
  }

 private:
  bool wanted(std::string_view name) const {
    return options_.tables.empty() || std::ranges::any_of(options_.tables, [&](const auto& one) { return sql::same_name(one, name); });
  }

  Result<void> find_all() const {
    for (const auto& name : options_.tables) {
      if (schema_->find_table(name) == nullptr && schema_->find_view(name) == nullptr)
        return fail(Code::not_found, "there is no table or view " + name, "SELECT name FROM sqlite_schema lists them");
    }
    return {};
  }

  /// An index that is still being built may turn out not to be possible.
  std::map<uint64_t, std::string> others() const {
    std::map<uint64_t, std::string> found;
    for (const auto& [id, table] : schema_->tables) {
      if (!wanted(table.name)) continue;
      for (const sql::Index& index : table.indexes)
        if (!index.sql.empty() && index.state == sql::IndexState::public_) found[index.id] = index.sql;
    }
    for (const auto& [id, view] : schema_->views)
      if (wanted(view.name)) found[id] = view.sql;
    for (const auto& [id, trigger] : schema_->triggers)
      if (wanted(trigger.table)) found[id] = trigger.sql;
    return found;
  }

  class Rows final : public sql::RowSink {
   public:
    explicit Rows(Dump& dump) : dump_{dump} {}
    Result<void> columns(std::span<const sql::ColumnInfo>) override { return {}; }
    Result<void> row(std::span<const sql::ValueView> values) override {
      ++dump_.rows_;
      if (dump_.options_.progress) dump_.options_.progress(dump_.rows_);
      return dump_.sink_.row(values);
    }

   private:
    Dump& dump_;
  };

  Result<void> rows(const sql::Table& table) {
    const RowColumns columns = row_columns(table);
    if (auto told = sink_.rows_of(columns.insert, columns.count); !told) return told;
    Rows sink{*this};
    const auto done = session_.execute(columns.select, {}, sink);
    return done ? Result<void>{} : std::unexpected(error_of(done.error()));
  }

  /// Of the whole database, unless it is zero.
  Result<void> setting(const std::string& name) {
    if (!options_.tables.empty()) return {};
    class Number final : public sql::RowSink {
     public:
      Result<void> columns(std::span<const sql::ColumnInfo>) override { return {}; }
      Result<void> row(std::span<const sql::ValueView> values) override {
        value = std::get<int64_t>(values[0]);
        return {};
      }
      int64_t value = 0;
    } number;
    const std::string pragma = "PRAGMA " + name;
    if (auto read = session_.execute(pragma, {}, number); !read) return std::unexpected(error_of(read.error()));
    return number.value == 0 ? Result<void>{} : sink_.statement(pragma + "=" + std::to_string(number.value));
  }

  /// They are those of today: no id may be given twice.
  Result<void> sequences() {
    class Sequences final : public sql::RowSink {
     public:
      Result<void> columns(std::span<const sql::ColumnInfo>) override { return {}; }
      Result<void> row(std::span<const sql::ValueView> values) override {
        found.emplace_back(std::get<std::string_view>(values[0]), std::get<int64_t>(values[1]));
        return {};
      }
      std::vector<std::pair<std::string, int64_t>> found;
    } sequences;
    if (auto read = session_.execute("SELECT name, seq FROM sqlite_sequence", {}, sequences); !read)
      return std::unexpected(error_of(read.error()));
    for (const auto& [name, last] : sequences.found) {
      if (!wanted(name)) continue;
      const std::string text = sql::quote_text(name);
      if (auto told = sink_.statement("DELETE FROM sqlite_sequence WHERE name=" + text); !told) return told;
      if (auto told = sink_.statement("INSERT INTO sqlite_sequence VALUES(" + text + "," + std::to_string(last) + ")"); !told) return told;
    }
    return {};
  }

  sql::Session& session_;
  const DumpOptions& options_;
  DumpSink& sink_;
  const std::shared_ptr<const sql::Schema> schema_;
  uint64_t rows_ = 0;
};

Result<void> dump_open(sql::Session& session, const DumpOptions& options, DumpSink& sink) {
  auto schema = session.schema();
  if (!schema) return std::unexpected(schema.error());
  return Dump{session, options, sink, *std::move(schema)}.run();
}

}  // namespace

/// AS OF, because that waits for nobody, keeps no list of what was read, and is protected from collection like any reader.
Result<void> dump(sql::Session& session, const DumpOptions& options, DumpSink& sink) {
  if (session.in_transaction()) return dump_open(session, options, sink);
  const std::string when = options.as_of.empty() ? std::to_string(options.now.value) : sql::quote_text(options.as_of);
  if (auto begun = session.execute("BEGIN AS OF SYSTEM TIME " + when); !begun) return std::unexpected(error_of(begun.error()));
  auto done = dump_open(session, options, sink);
  session.rollback();
  return done;
}

}  // namespace ddb::gateway
