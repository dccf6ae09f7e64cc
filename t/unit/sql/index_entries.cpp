#include "sql/index_entries.hpp"

#include <doctest/doctest.h>

#include "codec/row.hpp"
#include "env/kv.hpp"
#include "sql/shadow_catalog.hpp"

using namespace ddb;
using codec::Blob;
using codec::Value;
using codec::ValueView;
using sql::Row;

namespace {

sql::Schema schema_of(const std::vector<std::string>& ddl) {
  auto shadow = std::move(*sql::ShadowCatalog::open({}));
  for (const auto& text : ddl) {
    const auto done = shadow->execute(text);
    REQUIRE_MESSAGE(done, done.error().message);
  }
  return shadow->schema();
}

bool identical(const Row& a, const Row& b) {
  if (a.rowid != b.rowid || a.values.size() != b.values.size()) return false;
  for (size_t i = 0; i < a.values.size(); ++i)
    if (!codec::identical(to_view(a.values[i]), to_view(b.values[i]))) return false;
  return true;
}

/// Encodes and decodes a row, and every entry of it.
void round_trip(const sql::Table& table, const Row& row) {
  const auto values = sql::views(row);
  const sql::RowView view{row.rowid, values};
  const auto key = sql::row_key(table, view);
  REQUIRE(key);
  const auto back = sql::decode_row(table, *key, sql::row_value(table, view));
  REQUIRE(back);
  CHECK(identical(*back, row));
  auto writer = sql::RowWriter::open(table);
  REQUIRE(writer);
  const auto entries = writer->entries(view);
  REQUIRE(entries);
  for (const auto& entry : *entries) {
    CHECK(*sql::row_key_of_entry(table, *entry.index, entry.key, entry.value) == *key);
    const auto read = sql::EntryReader::open(table, *entry.index, entry.key, entry.value);
    REQUIRE(read);
    for (size_t i = 0; i < entry.index->columns.size(); ++i) {
      const uint32_t column = entry.index->columns[i].column;
      if (column == sql::expression_column) continue;
      CHECK(codec::identical(to_view(read->index_values[i]), sql::column_value(table, view, column)));
    }
    for (size_t i = 0; i < table.key_columns().size(); ++i)
      CHECK(codec::identical(to_view(read->key_values[i]), sql::column_value(table, view, table.key_columns()[i].column)));
  }
}

const std::vector<Value> odd = {{}, int64_t{5}, 5.0, -0.0, 0.0, int64_t{0}, -9223372036854775808.0, INT64_MIN, 1e300, 0.1,
                                std::string{"Abc "}, std::string{"a\0b", 3}, std::string{}, Blob{Bytes{"\0\1x", 3}}, Blob{}};

}  // namespace

TEST_CASE("rows and entries come back exactly, whatever the key loses") {
  const auto schema = schema_of({
      "CREATE TABLE a(x, y COLLATE NOCASE, z TEXT COLLATE RTRIM, PRIMARY KEY(y DESC, x))",
      "CREATE INDEX a1 ON a(z, y)",
      "CREATE UNIQUE INDEX a2 ON a(x COLLATE NOCASE, z DESC)",
      "CREATE TABLE b(x REAL, y INTEGER PRIMARY KEY, z)",
      "CREATE UNIQUE INDEX b1 ON b(x, z)",
      "CREATE TABLE c(x NUMERIC, y BLOB, z)",
      "CREATE INDEX c1 ON c(z DESC, x)",
  });
  for (const auto& x : odd)
    for (const auto& y : odd) {
      round_trip(*schema.find_table("a"), {7, {x, y, y}});
      round_trip(*schema.find_table("c"), {-7, {x, y, x}});
    }
  for (const double x : {0.0, -0.0, 5.0, -0x1p63, 0x1p63, 0.5, 1e300})
    round_trip(*schema.find_table("b"), {INT64_MIN, {x, INT64_MIN, x}});
}

TEST_CASE("no column is stored twice") {
  const auto schema = schema_of({"CREATE TABLE t(a TEXT, b INT, v, PRIMARY KEY(a, b))", "CREATE INDEX i ON t(v)",
                                 "CREATE TABLE n(id INTEGER PRIMARY KEY, v)"});
  const sql::Table& table = *schema.find_table("t");
  const std::vector<ValueView> values{std::string_view{"a long key"}, int64_t{1'000'000'000}, int64_t{1}};
  CHECK(sql::row_value(table, {1, values}).size() == 6);  // header, version, rowid, two NULLs, v
  auto writer = sql::RowWriter::open(table);
  CHECK(writer->entries({1, values})->at(0).value.empty());
  const std::vector<ValueView> plain{int64_t{9}, int64_t{1}};
  CHECK(sql::row_key(*schema.find_table("n"), {9, plain})->size() == 4);
}

TEST_CASE("NULLs in a declared key: many rows, each with its rowid; NULLs in a unique index claim nothing") {
  const auto schema = schema_of({"CREATE TABLE t(a PRIMARY KEY, b UNIQUE)"});
  const sql::Table& table = *schema.find_table("t");
  auto writer = sql::RowWriter::open(table);
  const std::vector<ValueView> nulls{ValueView{}, ValueView{}};
  CHECK(*sql::row_key(table, {1, nulls}) != *sql::row_key(table, {2, nulls}));
  CHECK(writer->claims({1, nulls})->size() == 1);
  CHECK(writer->entries({1, nulls})->at(0).key != writer->entries({2, nulls})->at(0).key);
  const std::vector<ValueView> whole{int64_t{1}, int64_t{2}};
  CHECK(*sql::row_key(table, {1, whole}) == *sql::row_key(table, {2, whole}));
  CHECK(writer->claims({1, whole})->size() == 2);
}

TEST_CASE("partial and expression indexes hold what SQLite would, under the columns' affinities") {
  const auto schema = schema_of({"CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INT)",
                                 "CREATE UNIQUE INDEX i ON t(lower(a) COLLATE NOCASE DESC, b + 1) WHERE a > 5 AND b IS NOT NULL",
                                 "CREATE INDEX unread ON t(b * 2)"});
  const sql::Table& table = *schema.find_table("t");
  CHECK(table.index(table.indexes[0].id)->where == "a > 5 AND b IS NOT NULL");
  auto writer = sql::RowWriter::open(table);
  REQUIRE(writer);
  const std::vector<ValueView> in{int64_t{1}, std::string_view{"X"}, int64_t{41}};
  const std::vector<ValueView> out{int64_t{1}, std::string_view{"10"}, int64_t{41}};  // TEXT: '10' < '5'
  const auto entries = writer->entries({1, in});
  REQUIRE(entries);
  REQUIRE(entries->size() == 1);  // an index that no read can use has no entries
  const auto entry = sql::EntryReader::open(table, table.indexes[0], entries->at(0).key, entries->at(0).value);
  CHECK(entry->index_values[0] == Value{"x"});
  CHECK(entry->index_values[1] == Value{int64_t{42}});
  CHECK(writer->entries({1, out})->empty());
}

TEST_CASE("an update writes what differs, and keeps what a newer schema added") {
  const auto schema = schema_of({"CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)", "CREATE UNIQUE INDEX i ON t(a)", "CREATE INDEX j ON t(b)"});
  const sql::Table& table = *schema.find_table("t");
  auto writer = sql::RowWriter::open(table);
  const std::vector<ValueView> before{int64_t{1}, int64_t{2}, int64_t{3}};
  const std::vector<ValueView> after{int64_t{1}, int64_t{2}, int64_t{4}};
  std::vector<ValueView> newer{ValueView{}, ValueView{}, int64_t{2}, int64_t{3}, std::string_view{"added"}};
  const Bytes previous = codec::encode_row(99, newer);
  sql::WriteBuffer buffer;
  REQUIRE(writer->update({1, before}, previous, {1, after}, buffer));
  CHECK(buffer.entries().size() == 3);  // the row, and j's old and new entry
  const auto key = sql::row_key(table, {1, after});
  codec::RowReader row;
  REQUIRE(row.open(buffer.find(*key)->value));
  CHECK(codec::identical(*row.cell(4), std::string_view{"added"}));

  sql::WriteBuffer moved;
  const std::vector<ValueView> elsewhere{int64_t{7}, int64_t{2}, int64_t{3}};
  REQUIRE(writer->update({1, before}, previous, {7, elsewhere}, moved));
  CHECK(moved.find(*key)->kind == env::WriteKind::erase);
  CHECK(moved.entries().size() == 5);  // both rows, i's value, j's old and new entry
}

TEST_CASE("entries follow an index's state") {
  auto schema = schema_of({"CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE)"});
  sql::Table& table = schema.tables.begin()->second;
  const std::vector<ValueView> values{int64_t{1}, int64_t{2}};
  table.indexes[0].state = sql::IndexState::delete_only;
  auto writer = sql::RowWriter::open(table);
  sql::WriteBuffer buffer;
  REQUIRE(writer->insert({1, values}, buffer));
  CHECK(buffer.entries().size() == 1);
  CHECK(writer->claims({1, values})->size() == 1);
  sql::WriteBuffer erased;
  REQUIRE(writer->erase({1, values}, erased));
  CHECK(erased.entries().size() == 2);
}

TEST_CASE("a key over the limit names its table or index") {
  const auto schema = schema_of({"CREATE TABLE t(a PRIMARY KEY, b)", "CREATE INDEX i ON t(b)"});
  const sql::Table& table = *schema.find_table("t");
  const std::string text(600, 'x');
  const std::vector<ValueView> in_key{std::string_view{text}, int64_t{1}};
  const std::vector<ValueView> in_index{int64_t{1}, std::string_view{text}};
  const auto limit = std::to_string(env::user_key_bytes_max);
  const auto key = sql::row_key(table, {1, in_key});
  REQUIRE_FALSE(key);
  CHECK(key.error().code == Code::too_long);
  CHECK(key.error().message.starts_with("a key of table t takes 60"));
  CHECK(key.error().message.ends_with("the limit is " + limit));
  const auto entries = sql::RowWriter::open(table)->entries({1, in_index});
  REQUIRE_FALSE(entries);
  CHECK(entries.error().message.starts_with("a key of index i takes 60"));
}

TEST_CASE("violations are worded as SQLite words them") {
  const auto schema = schema_of({"CREATE TABLE t(a TEXT, b INT, c, PRIMARY KEY(a, b))", "CREATE UNIQUE INDEX i ON t(c)",
                                 "CREATE UNIQUE INDEX j ON t(b + 1)", "CREATE TABLE n(id INTEGER PRIMARY KEY)"});
  const sql::Table& table = *schema.find_table("t");
  const std::vector<ValueView> values{std::string_view{"x"}, int64_t{2}, 1.5};
  const auto claims = sql::RowWriter::open(table)->claims({1, values});
  REQUIRE(claims->size() == 3);
  CHECK(sql::unique_violation(schema, claims->at(0).key)->message == "UNIQUE constraint failed: t.a, t.b");
  CHECK(sql::unique_violation(schema, claims->at(0).key)->hint == "a row with ('x', 2) is already there");
  CHECK(sql::unique_violation(schema, claims->at(1).key)->message == "UNIQUE constraint failed: t.c");
  CHECK(sql::unique_violation(schema, claims->at(2).key)->message == "UNIQUE constraint failed: index 'j'");
  const std::vector<ValueView> id{int64_t{5}};
  CHECK(sql::unique_violation(schema, *sql::row_key(*schema.find_table("n"), {5, id}))->message == "UNIQUE constraint failed: n.id");
  CHECK_FALSE(sql::unique_violation(schema, "\x77\x01zz"));
}

TEST_CASE("damaged rows and entries are refused by name") {
  const auto schema = schema_of({"CREATE TABLE t(a TEXT PRIMARY KEY, b UNIQUE)"});
  const sql::Table& table = *schema.find_table("t");
  const std::vector<ValueView> values{std::string_view{"x"}, int64_t{2}};
  const Bytes key = *sql::row_key(table, {1, values});
  const Bytes value = sql::row_value(table, {1, values});
  const auto entry = sql::RowWriter::open(table)->entries({1, values})->at(0);
  for (size_t cut = 0; cut < value.size(); ++cut) CHECK_FALSE(sql::decode_row(table, key, BytesView{value}.substr(0, cut)));
  for (size_t cut = 0; cut < key.size(); ++cut) {
    const auto row = sql::decode_row(table, BytesView{key}.substr(0, cut), value);
    REQUIRE_FALSE(row);
    CHECK(row.error().code == Code::bad_data);
    CHECK(row.error().message == "a row of table t is damaged");
  }
  for (size_t cut = 0; cut < entry.value.size(); ++cut)
    CHECK_FALSE(sql::row_key_of_entry(table, *entry.index, entry.key, BytesView{entry.value}.substr(0, cut)));
}
