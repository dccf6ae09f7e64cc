#include "gateway/import.hpp"

#include <doctest/doctest.h>

#include <string>

#include "memory_gateway.hpp"

using namespace ddb;
using gateway::Existing;
using gateway::Import;
using gateway::ImportCounts;
using gateway::ImportOptions;
using gateway::RecordFormat;
using gateway::RecordReader;
using namespace std::string_literals;

namespace {

std::string show(const codec::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return "'" + *text + "'";
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return "r" + std::to_string(*real);
  if (const auto* blob = std::get_if<codec::Blob>(&value)) return "x" + to_hex(blob->bytes);
  return "NULL";
}

/// "LINE:value,value;LINE!trouble", whatever the size of the pieces the text comes in.
std::string records(RecordFormat format, const std::string& text, size_t piece) {
  RecordReader reader{format, ','};
  std::string out;
  for (size_t at = 0; at <= text.size(); at += piece) {
    reader.feed(std::string_view{text}.substr(at, piece));
    while (const auto record = reader.next()) {
      out += std::to_string(record->line) + (record->trouble.empty() ? ":" : "!" + record->trouble);
      for (size_t i = 0; record->trouble.empty() && i < record->values.size(); ++i)
        out += (i > 0 ? "," : "") + (record->names.empty() ? "" : record->names[i] + "=") + show(record->values[i]);
      out += ';';
    }
  }
  reader.feed({});
  while (const auto record = reader.next()) {
    out += std::to_string(record->line) + (record->trouble.empty() ? ":" : "!" + record->trouble);
    for (size_t i = 0; record->trouble.empty() && i < record->values.size(); ++i)
      out += (i > 0 ? "," : "") + (record->names.empty() ? "" : record->names[i] + "=") + show(record->values[i]);
    out += ';';
  }
  return out;
}

void check_records(RecordFormat format, const std::string& text, const std::string& expected) {
  for (size_t piece = 1; piece < 12; ++piece) CHECK(records(format, text, piece) == expected);
}

struct Importer {
  Importer() {
    sql::SessionOptions at_commit;
    at_commit.unique_check = sql::UniqueCheck::at_commit;
    load = memory.session(at_commit);
    REQUIRE(load->execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'none', CHECK (name <> 'bad'))"));
  }
  Result<void> run(ImportOptions options, std::string text) {
    options.table = options.table.empty() ? "t" : options.table;
    options.report = [this](std::string_view line) { troubles += std::string{line} + "\n"; };
    Import import{*load, *careful, options};
    std::string_view rest = text;
    return import.run("f", [&]() -> Result<std::string_view> { return std::exchange(rest, {}); }, counts);
  }
  int64_t rows() {
    struct Count final : sql::RowSink {
      Result<void> columns(std::span<const sql::ColumnInfo>) override { return {}; }
      Result<void> row(std::span<const sql::ValueView> values) override {
        value = std::get<int64_t>(values[0]);
        return {};
      }
      int64_t value = -1;
    } count;
    REQUIRE(load->execute("SELECT count(*) FROM t", {}, count));
    return count.value;
  }

  test::MemoryGateway memory;
  std::unique_ptr<sql::Session> load;
  std::unique_ptr<sql::Session> careful = memory.session();
  std::string troubles;
  ImportCounts counts;
};

}  // namespace

TEST_CASE("CSV: quotes, empty fields, line ends, a mark in front, no newline at the end") {
  check_records(RecordFormat::csv, "\xef\xbb\xbf" "a,\"b\"\r\n,\"\"\n\"x\"\"y\",\"two\nlines, one field\"\n1,5\" nail,z", "1:'a','b';2:NULL,'';3:'x\"y','two\nlines, one field';5:'1','5\" nail','z';");
  check_records(RecordFormat::csv, "a\n\"b\" c,d\n\xff\ne\n", "1:'a';2!field 1 goes on behind its closing quote;3!it is not UTF-8;4:'e';");
  check_records(RecordFormat::csv, "a\n\"b\nc\n", "1:'a';2!a quote that begins a field is never closed;");
}

TEST_CASE("TSV: the escapes that our own output has, and no others") {
  check_records(RecordFormat::tsv, "a\\tb\t\\N\t\\x00ff\t\\\\x41\t\r\n\"q\"\nc:\\dir\n\\x1\n", "1:'a\tb',NULL,x00ff,'\\x41','';2:'\"q\"';3!field 1 has a backslash that means nothing;4!field 1 has a backslash that means nothing;");
}

TEST_CASE("JSON lines: types, escapes, nested values as text") {
  check_records(RecordFormat::json, R"({"a":1,"b":-2.5,"c":null,"d":true}
{"a":9223372036854775808,"b":{"x":[1, 2]},"c":"\ud83d\ude00\u0041\n"}
[1]
{"a":01x}
{"a":"\ud83d"}
{"a":1} 2)", "1:a=1,b=r-2.500000,c=NULL,d=1;2:a=r9223372036854775808.000000,b='{\"x\":[1, 2]}',c='\xf0\x9f\x98\x80" "A\n';3!it is not a JSON object;4!it is not a JSON object;5!it is not a JSON object;6!it is not a JSON object;");
}

TEST_CASE("a record that is too long is bad, takes no memory, and the next one is read") {
  RecordReader reader{RecordFormat::csv, ','};
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 40; ++i) {
    reader.feed(piece);
    CHECK_FALSE(reader.next());
  }
  reader.feed("\nnext\n");
  CHECK(reader.next()->trouble == "it is longer than 16 MB");
  CHECK(reader.next()->line == 2);
}

TEST_CASE("columns are found by name, defaults serve where a name is missing") {
  Importer importer;
  REQUIRE(importer.run({}, "NAME,id\nx,1\ny,2\n"));
  CHECK(importer.counts.rows == 2);
  REQUIRE(importer.run({.table = {}, .format = RecordFormat::json}, "{\"id\":3}\n{\"id\":4}\n{\"name\":\"z\"}\n"));
  CHECK(importer.counts.rows == 3);
  CHECK(importer.rows() == 5);
  const auto unknown = importer.run({}, "id,nme\n1,x\n");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message == "f:1: table t has no column named \"nme\"");
}

TEST_CASE("bad rows are told with line and reason, and keep no others out, up to the limit") {
  Importer importer;
  const std::string text = "id,name\n1,a\n1,b\n2,bad\n3,\nx,c\n4,d,e\n5\n6,\"f\"g\n7,h\n";
  REQUIRE(importer.run({.table = {}, .bad_max = 7}, text));
  CHECK(importer.counts.rows == 2);
  CHECK(importer.counts.bad == 7);
  CHECK(importer.troubles == "f:3: UNIQUE constraint failed: t.id: a row with (1) is already there\nf:4: CHECK constraint failed: name <> 'bad'\n"
                             "f:5: NOT NULL constraint failed: t.name\nf:6: datatype mismatch\nf:7: it has 3 fields, not 2\n"
                             "f:8: it has 1 fields, not 2\nf:9: field 2 goes on behind its closing quote\n");
}

TEST_CASE("one bad row more than allowed ends the import; its batch stays out, and the hint says where to go on") {
  Importer importer;
  std::string text = "id,name\n";
  for (int i = 1; i <= 10; ++i) text += std::to_string(i) + (i == 8 ? ",bad\n" : ",x\n");
  const auto stopped = importer.run({.table = {}, .batch = 3}, text);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().message == "a row is bad");
  CHECK(stopped.error().hint == "6 rows are in, of the lines before 8: go on with --from 8");
  CHECK(importer.troubles == "f:9: CHECK constraint failed: name <> 'bad'\n");
  CHECK(importer.rows() == 6);
  text.replace(text.find("bad"), 3, "mended");
  REQUIRE(importer.run({.table = {}, .from_line = 8, .batch = 3}, text));
  CHECK(importer.rows() == 10);
}

TEST_CASE("a file is taken again where rows that are there are skipped or replaced") {
  Importer importer;
  REQUIRE(importer.run({}, "id,name\n1,a\n2,b\n"));
  REQUIRE(importer.run({.table = {}, .existing = Existing::skip}, "id,name\n1,a\n3,c\n"));
  CHECK(importer.counts.rows == 1);
  REQUIRE(importer.run({.table = {}, .existing = Existing::replace}, "id,name\n1,new\n"));
  CHECK(importer.counts.rows == 1);
  CHECK(importer.rows() == 3);
}

TEST_CASE("a table that is not there is created on request") {
  Importer importer;
  const auto missing = importer.run({.table = "u"}, "a,b\n1,2\n");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Code::not_found);
  REQUIRE(importer.run({.table = "u", .create = true}, "a,b\n1,2\n"));
  CHECK(importer.load->execute("UPDATE u SET a = b WHERE typeof(a) = 'text'")->changes == 1);
}
