#include "sql/stage_ddl.hpp"

#include <utility>

#include "sql/lexer.hpp"
#include "sql/query.hpp"

namespace ddb::sql {

namespace {

class Text {
 public:
  explicit Text(std::string_view text) : text_{text}, tokens_{tokenize(text)} {}

  size_t size() const { return tokens_.size(); }
  bool end(size_t i) const { return i >= tokens_.size() || tokens_[i].kind == TokenKind::end; }
  std::string_view at(size_t i) const { return end(i) ? std::string_view{} : text_.substr(tokens_[i].offset, tokens_[i].size); }
  bool word(size_t i, std::string_view keyword) const {
    return !end(i) && tokens_[i].kind == TokenKind::word && equal_nocase(at(i), keyword);
  }
  bool symbol(size_t i, std::string_view symbol) const {
    return !end(i) && tokens_[i].kind == TokenKind::symbol && at(i) == symbol;
  }
  /// From token `first` to before token `last`, as written.
  std::string slice(size_t first, size_t last) const {
    if (first >= last) return {};
    return std::string{text_.substr(tokens_[first].offset, tokens_[last - 1].end() - tokens_[first].offset)};
  }
  size_t offset(size_t i) const { return tokens_[i].offset; }
  size_t end_offset(size_t i) const { return tokens_[i].end(); }
  /// Of the parenthesis that closes the one at `open`.
  size_t closing(size_t open) const {
    size_t depth = 0;
    for (size_t i = open; !end(i); ++i) {
      if (symbol(i, "(")) ++depth;
      if (symbol(i, ")") && --depth == 0) return i;
    }
    return tokens_.size() - 1;
  }

 private:
  std::string_view text_;
  std::vector<Token> tokens_;
};

std::string without_direction(const Text& text, size_t first, size_t last) {
  if (last > first && (text.word(last - 1, "ASC") || text.word(last - 1, "DESC"))) --last;
  return text.slice(first, last);
}

Result<std::string> schema_sql(sqlite3* db, std::string_view type, std::string_view name) {
  auto select = Query::prepare(db, "SELECT sql FROM main.sqlite_schema WHERE type = ?1 AND name = ?2");
  if (!select) return std::unexpected(select.error());
  select->bind(1, type);
  select->bind(2, name);
  const auto found = select->next();
  if (!found) return std::unexpected(found.error());
  return select->text(0);
}

Result<void> run(sqlite3* db, std::string_view sql) {
  auto statement = Query::prepare(db, sql);
  if (!statement) return std::unexpected(statement.error());
  const auto stepped = statement->next();
  if (!stepped) return std::unexpected(stepped.error());
  return {};
}

Result<std::vector<std::string>> renamed_ddl(sqlite3* db, const std::string& table, const std::vector<Index>& indexes) {
  const std::string stage = table + "$w";
  if (auto done = run(db, "ALTER TABLE main." + quote_name(table) + " RENAME TO " + quote_name(stage)); !done)
    return std::unexpected(done.error());
  auto create = schema_sql(db, "table", stage);
  if (!create) return std::unexpected(create.error());
  std::vector<std::string> ddl{store_generated(*create)};
  for (const auto& index : indexes) {
    if (!index.unique || index.sql.empty()) continue;
    auto sql = schema_sql(db, "index", index.name);
    if (!sql) return std::unexpected(sql.error());
    ddl.push_back(std::move(*sql));
  }
  return ddl;
}

}  // namespace

IndexText parse_index(std::string_view create_index) {
  const Text text{create_index};
  IndexText parsed;
  size_t i = 0;
  while (!text.end(i) && !text.word(i, "ON")) ++i;
  while (!text.end(i) && !text.symbol(i, "(")) ++i;
  const size_t close = text.closing(i);
  size_t first = i + 1;
  for (size_t at = first; at <= close; ++at) {
    if (text.symbol(at, "(")) {
      at = text.closing(at);
    } else if (at == close || text.symbol(at, ",")) {
      parsed.columns.push_back(without_direction(text, first, at));
      first = at + 1;
    }
  }
  if (text.word(close + 1, "WHERE")) parsed.where = text.slice(close + 2, text.size() - 1);
  return parsed;
}

std::string store_generated(std::string_view create_table) {
  const Text text{create_table};
  std::string stored;
  size_t copied = 0;  // bytes of the original
  for (size_t i = 0; !text.end(i); ++i) {
    // Within a column definition AS ( can only begin what the column is generated from.
    if (!text.word(i, "AS") || !text.symbol(i + 1, "(")) continue;
    const size_t close = text.closing(i + 1);
    stored += create_table.substr(copied, text.end_offset(close) - copied);
    copied = text.end_offset(close);
    if (!text.word(close + 1, "STORED")) stored += " STORED";
    if (text.word(close + 1, "VIRTUAL")) copied = text.end_offset(close + 1);
    i = close;
  }
  stored += create_table.substr(copied);
  return stored;
}

Result<std::vector<std::string>> stage_ddl(sqlite3* db, const std::string& table, const std::vector<Index>& indexes) {
  // The legacy rename leaves views, triggers and foreign keys of other tables alone.
  if (auto done = run(db, "SAVEPOINT stage"); !done) return std::unexpected(done.error());
  (void)run(db, "PRAGMA legacy_alter_table = ON");
  auto ddl = renamed_ddl(db, table, indexes);
  (void)run(db, "PRAGMA legacy_alter_table = OFF");
  if (auto done = run(db, "ROLLBACK TO stage"); !done) return std::unexpected(done.error());
  if (auto done = run(db, "RELEASE stage"); !done) return std::unexpected(done.error());
  return ddl;
}

}  // namespace ddb::sql
