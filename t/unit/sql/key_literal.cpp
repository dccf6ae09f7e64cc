#include "sql/key_literal.hpp"

#include <doctest/doctest.h>

#include "sql/rows.hpp"
#include "sql/shadow_catalog.hpp"

using namespace ddb;
using namespace ddb::sql;

namespace {

Schema schema_of(std::string_view ddl) {
  auto shadow = ShadowCatalog::open({});
  REQUIRE(shadow);
  auto after = (*shadow)->execute(ddl);
  REQUIRE(after);
  return *after;
}

Code refusal(const Table& table, std::string_view text) {
  const auto key = key_of_literals(table, text);
  REQUIRE_FALSE(key);
  return key.error().code;
}

/// There and back.
KeyName again(const Schema& schema, const Table& table, std::string_view text) {
  const auto key = key_of_literals(table, text);
  INFO(text);
  REQUIRE(key);
  return name_of_key(schema, *key);
}

}  // namespace

TEST_CASE("keys of a rowid table are integers") {
  const Schema schema = schema_of("CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
  const Table& table = *schema.find_table("t");
  const std::vector<ValueView> value{int64_t{-17}};
  CHECK(*key_of_literals(table, "-17") == *row_key_of(table, value));
  CHECK(*key_of_literals(table, " ( - 17 ) ") == *row_key_of(table, value));
  CHECK(*key_of_literals(table, "'-17'") == *row_key_of(table, value));  // the column's affinity
  CHECK(again(schema, table, "9223372036854775807").literals == "9223372036854775807");
  CHECK(again(schema, table, "0").table == "t");
  for (const char* text : {"'a'", "1.5", "x'00'", "NULL", "9223372036854775808"}) CHECK(refusal(table, text) == Code::failed);
  for (const char* text : {"", "(", "()", "1,", "(1", "(1,2)", "1 2", "id", "1+1", "random()", "1;", "?", "'a", "--"}) {
    INFO(text);
    CHECK(refusal(table, text) == Code::usage);
  }
}

TEST_CASE("composite keys: all columns or the first ones, in the order of the columns") {
  const Schema schema = schema_of("CREATE TABLE p (a TEXT COLLATE NOCASE, b REAL, c BLOB, v, PRIMARY KEY (a, b DESC, c)) WITHOUT ROWID");
  const Table& table = *schema.find_table("P");
  CHECK(again(schema, table, "('it''s', 2, x'00ff')").literals == "('it''s', 2.0, x'00ff')");
  CHECK(again(schema, table, "'A'").literals == "'a'");
  CHECK(*key_of_literals(table, "('a', 2)") < *key_of_literals(table, "('a', 1)"));
  CHECK(*key_of_literals(table, "'a'") < *key_of_literals(table, "('a', 2)"));
  CHECK(refusal(table, "(1, 2, 3, 4)") == Code::usage);
  CHECK(refusal(table, "'" + std::string(600, 'x') + "'") == Code::too_long);
}

TEST_CASE("names of keys that are no row's: table starts, indexes, others") {
  const Schema schema = schema_of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)");
  const Table& table = *schema.find_table("t");
  const KeyName start = name_of_key(schema, row_prefix(table));
  CHECK(start.table == "t");
  CHECK(start.literals.empty());
  Bytes entry;
  codec::append_key_prefix(entry, table.id, table.indexes.at(0).id);
  codec::append_key_part(entry, std::string_view{"x"});
  CHECK(name_of_key(schema, entry).table == "t.sqlite_autoindex_t_1");
  CHECK(name_of_key(schema, entry).literals == "'x'");
  CHECK(name_of_key(schema, "\xf7zzz").table.empty());
  CHECK(name_of_key(schema, "a").literals == "x'61'");
}
