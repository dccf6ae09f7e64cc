#include "sql/add_primary_key.hpp"

#include <algorithm>

#include "sql/head.hpp"
#include "sql/rewriter.hpp"
#include "sql/shadow_catalog.hpp"
#include "sql/shadow_reader.hpp"

namespace ddb::sql {

namespace {

/// Behind the parenthesis that opens the columns of a CREATE TABLE.
size_t first_column(const ParsedStatement& create) {
  size_t at = 0;
  while (at < create.tokens.size() && !create.symbol(at, "(")) ++at;
  return at + 1;
}

/// The type of a column in its table's text, if it is the bare word INTEGER: the one spelling that makes a rowid of a key.
std::optional<Token> integer_type(const ParsedStatement& create, std::string_view column) {
  for (size_t at = first_column(create); at + 1 < create.tokens.size(); ++at) {
    const bool begins = create.symbol(at - 1, "(") || create.symbol(at - 1, ",");
    if (begins && create.is_name(at) && same_name(create.name(at), column)) {
      return create.is(at + 1, "INTEGER") ? std::optional{create.tokens[at + 1]} : std::nullopt;
    }
    if (create.symbol(at, "(")) at = skip_parentheses(create, at, create.tokens.size()) - 1;
  }
  return std::nullopt;
}

std::string with_key(const Table& table, const AddPrimaryKey& key) {
  const ParsedStatement create = parse_statement(table.sql);
  Edits edits{table.sql};
  const auto integer = key.columns.size() == 1 ? integer_type(create, key.columns.front()) : std::nullopt;
  if (integer) edits.replace(integer->offset, integer->end(), "INT");
  const size_t close = skip_parentheses(create, first_column(create) - 1, create.tokens.size()) - 1;
  edits.insert(create.tokens[close].offset, ", " + key.constraint);
  return edits.apply();
}

}  // namespace

std::optional<AddPrimaryKey> parse_add_primary_key(std::string_view ddl) {
  const ParsedStatement s = parse_statement(ddl);
  size_t at = 2;
  if (!s.is(0, "ALTER") || !s.is(1, "TABLE")) return std::nullopt;
  if (s.is(at, "main") && s.symbol(at + 1, ".")) at += 2;
  if (!s.is_name(at)) return std::nullopt;
  AddPrimaryKey key{.table = s.name(at++), .constraint = {}, .columns = {}};
  if (!s.is(at++, "ADD")) return std::nullopt;
  const size_t constraint = at;
  if (s.is(at, "CONSTRAINT")) at += 2;
  if (!s.is(at, "PRIMARY") || !s.is(at + 1, "KEY") || !s.symbol(at + 2, "(")) return std::nullopt;
  const size_t close = skip_parentheses(s, at + 2, s.tokens.size());
  for (size_t i = at + 3; i < close; ++i) {
    if ((s.symbol(i - 1, "(") || s.symbol(i - 1, ",")) && s.is_name(i)) key.columns.push_back(s.name(i));
  }
  key.constraint = s.cut({constraint, s.tokens.size()});
  return key;
}

Result<Table> clustered_by(const AddPrimaryKey& key, const Schema& schema, uint64_t& next_id) {
  const Table* table = schema.find_table(key.table);
  if (table == nullptr) return fail(Code::failed, "no such table: " + key.table);
  if (!table->primary_key.empty()) return fail(Code::failed, "table \"" + table->name + "\" has more than one primary key");
  const bool building = std::ranges::any_of(table->indexes, [](const Index& index) { return index.state != IndexState::public_; });
  if (building) return fail(Code::try_again, "an index of table " + table->name + " is being built", "try again when it is there");
  Schema wanted = schema;
  wanted.tables.at(table->id).sql = with_key(*table, key);
  const auto shadow = ShadowCatalog::open(wanted);
  if (!shadow) return std::unexpected(shadow.error());
  auto read = read_schema((*shadow)->connection(), schema);
  if (!read) return std::unexpected(read.error());
  Table second = std::move(read->tables.at(table->id));
  next_id = read->next_id;
  second.rows = next_id++;
  for (Index& index : second.indexes) index.id = next_id++;
  return second;
}

}  // namespace ddb::sql
