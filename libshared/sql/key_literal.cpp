#include "sql/key_literal.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <memory>
#include <span>
#include <vector>

#include "sql/lexer.hpp"
#include "sql/rows.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::sql {

namespace {

std::unexpected<Error> no_literals(std::string_view text) {
  return fail(Code::usage, fmt::format("{} is no key", text), "give an SQL literal, as 17, 'text' or x'00ff', or several, as (17, 'text')");
}

/// Splits "(1, 'a')" or "1" into literals; nothing else may be in it.
class LiteralList {
 public:
  explicit LiteralList(std::string_view text) : text_{text}, tokens_{tokenize(text)} {}

  Result<std::vector<std::string_view>> take() {
    const bool several = skip("(");
    do {
      const size_t start = tokens_[at_].offset;
      if (!skip("-")) skip("+");
      if (!is_literal(tokens_[at_])) return no_literals(text_);
      literals_.push_back(text_.substr(start, tokens_[at_++].end() - start));
    } while (several && skip(","));
    if ((several && !skip(")")) || tokens_[at_].kind != TokenKind::end) return no_literals(text_);
    return std::move(literals_);
  }

 private:
  std::string_view text_of(const Token& token) const { return text_.substr(token.offset, token.size); }
  bool skip(std::string_view symbol) {
    const bool there = tokens_[at_].kind == TokenKind::symbol && text_of(tokens_[at_]) == symbol;
    at_ += there;
    return there;
  }
  bool is_literal(const Token& token) const {
    return token.kind == TokenKind::integer || token.kind == TokenKind::real || token.kind == TokenKind::string ||
           token.kind == TokenKind::blob || (token.kind == TokenKind::word && equal_nocase(text_of(token), "null"));
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  std::vector<std::string_view> literals_;
};

/// A table of the first key columns alone.
std::string declare(const Table& table, std::span<const KeyColumn> columns) {
  Column rowid;
  rowid.name = "rowid";
  rowid.type = "INTEGER";
  Table keys;
  for (const KeyColumn& key : columns) {
    const Column* column = table.column(key.column);
    keys.columns.push_back(column != nullptr ? *column : rowid);
  }
  return "CREATE TABLE k(" + declared_columns(keys) + ")";
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// SQLite itself reads the literals, and gives them their columns' affinities.
Result<std::vector<Value>> evaluate(const Table& table, std::span<const KeyColumn> columns,
                                    const std::vector<std::string_view>& literals) {
  PrivateDb db;
  if (auto made = db.run(declare(table, columns)); !made) return std::unexpected(made.error());
  if (auto put = db.run(fmt::format("INSERT INTO k VALUES({})", fmt::join(literals, ", "))); !put) return std::unexpected(put.error());
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(db.get(), "SELECT * FROM k", -1, &raw, nullptr) != SQLITE_OK) return std::unexpected(sqlite_error(db.get()));
  const std::unique_ptr<sqlite3_stmt, Finalize> statement{raw};
  if (sqlite3_step(statement.get()) != SQLITE_ROW) return std::unexpected(sqlite_error(db.get()));
  std::vector<Value> values;
  for (size_t i = 0; i < columns.size(); ++i) values.push_back(codec::to_owned(column_of(statement.get(), static_cast<int>(i))));
  return values;
}

struct Literal {
  std::string operator()(std::monostate) const { return "NULL"; }
  std::string operator()(int64_t integer) const { return std::to_string(integer); }
  std::string operator()(double real) const { return fmt::format("{:#}", real); }
  std::string operator()(const std::string& text) const { return quote_text(text); }
  std::string operator()(const codec::Blob& blob) const { return fmt::format("x'{}'", to_hex(blob.bytes)); }
};

}  // namespace

Result<Bytes> key_of_literals(const Table& table, std::string_view text) {
  const auto literals = LiteralList{text}.take();
  if (!literals) return std::unexpected(literals.error());
  const std::span<const KeyColumn> columns = table.key_columns();
  if (literals->size() > columns.size())
    return fail(Code::usage, fmt::format("the key of table {} has {} columns, not {}", table.name, columns.size(), literals->size()));
  const auto first = columns.first(literals->size());
  const auto values = evaluate(table, first, *literals);
  if (!values) return std::unexpected(values.error());
  if (table.clustering == Clustering::rowid && !std::holds_alternative<int64_t>(values->front()))
    return fail(Code::failed, fmt::format("{} is no key of table {}: it has integers", text, table.name));
  std::vector<ValueView> borrowed;
  for (const Value& value : *values) borrowed.push_back(codec::to_view(value));
  Bytes key = row_prefix(table);
  append_parts(key, first, borrowed);
  if (auto fits = codec::check_key_length(key, "table " + table.name); !fits) return std::unexpected(fits.error());
  return key;
}

KeyName name_of_key(const Schema& schema, BytesView key) {
  const KeyName unknown{{}, fmt::format("x'{}'", to_hex(key))};
  BytesView rest = key;
  uint64_t table_id = 0, index_id = 0;
  if (!codec::take_key_prefix(rest, table_id, index_id)) return unknown;
  const auto found = schema.tables.find(table_id);
  if (found == schema.tables.end()) return unknown;
  const Table* table = found->second.holding(index_id);
  if (table == nullptr) return {found->second.name, unknown.literals};
  const Index* index = table->index(index_id);
  KeyName name{index != nullptr ? table->name + "." + index->name : table->name, {}};
  std::vector<std::string> literals;
  for (const KeyColumn& column : index != nullptr ? index->columns : table->key_columns()) {
    if (rest.empty()) break;
    const auto value = take_key_value(rest, column, affinity_of(*table, column));
    if (!value) return {name.table, unknown.literals};
    literals.push_back(std::visit(Literal{}, *value));
  }
  if (literals.size() == 1) name.literals = literals.front();
  if (literals.size() > 1) name.literals = fmt::format("({})", fmt::join(literals, ", "));
  return name;
}

}  // namespace ddb::sql
