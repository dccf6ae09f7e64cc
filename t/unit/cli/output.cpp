#include "cli/output.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

using namespace ddb;
using cli::Blob;
using cli::Cell;
using cli::Format;
using cli::Output;

namespace {

using namespace std::string_view_literals;

std::string written(Format format, const std::function<void(Output&)>& body, bool header = true) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* const file = open_memstream(&text, &size);
  {
    Output out{format, header, file};
    body(out);
    CHECK(out.close());
  }
  std::fclose(file);
  std::string result{text, size};
  free(text);
  return result;
}

void one_of_each(Output& out) {
  out.columns({"null", "int", "real", "text", "blob"});
  out.row(Cell{}, int64_t{-7}, 0.1, "it's\ta \"\\\n", Blob{"\x00\xff"sv});
}

}  // namespace

TEST_CASE("every type in every format") {
  CHECK(written(Format::tsv, one_of_each) == "null\tint\treal\ttext\tblob\n\\N\t-7\t0.1\tit's\\ta \"\\\\\\n\t\\x00ff\n");
  CHECK(written(Format::csv, one_of_each) == "null,int,real,text,blob\n,-7,0.1,\"it's\ta \"\"\\\n\",\\x00ff\n");
  CHECK(written(Format::json, one_of_each) ==
        R"({"null":null,"int":-7,"real":0.1,"text":"it's\ta \"\\\n","blob":"\\x00ff"})" "\n");
  CHECK(written(Format::quote, one_of_each) == "NULL,-7,0.1,'it''s\ta \"\\\n',x'00ff'\n");
  CHECK(written(Format::table, one_of_each) ==
        "null  int  real  text          blob\n"
        "----  ---  ----  ------------  ------\n"
        "NULL   -7   0.1  it's\\ta \"\\\\n  \\x00ff\n");
}

TEST_CASE("NULL and the empty text stay apart in csv and tsv") {
  const auto both = [](Output& out) {
    out.columns({"a", "b"});
    out.row(Cell{}, "");
  };
  CHECK(written(Format::csv, both) == "a,b\n,\"\"\n");
  CHECK(written(Format::tsv, both) == "a\tb\n\\N\t\n");
}

TEST_CASE("a text that looks like NULL or a blob is told apart in tsv") {
  const auto looks = [](Output& out) {
    out.columns({"a", "b"});
    out.row("\\N", "\\x00");
  };
  CHECK(written(Format::tsv, looks, false) == "\\\\N\t\\\\x00\n");
}

TEST_CASE("reals keep their type, and in json and quote their value") {
  const auto reals = [](Output& out) {
    out.columns({"a", "b", "c", "d"});
    out.row(3.0, 0.1 + 0.2, 1e300, -INFINITY);
  };
  CHECK(written(Format::tsv, reals, false) == "3.0\t0.3\t1.0e+300\t-Inf\n");  // SQLite's own text
  CHECK(written(Format::quote, reals) == "3.0,0.30000000000000004,1e+300,-9e999\n");
}

TEST_CASE("json is UTF-8 whatever the bytes are") {
  const auto bytes = [](Output& out) {
    out.columns({"a"});
    out.row("\xc3\xa9\xff\x01\xed\xa0\x80");
  };
  CHECK(written(Format::json, bytes) == "{\"a\":\"\xc3\xa9\ufffd\\u0001\ufffd\ufffd\ufffd\"}\n");
}

TEST_CASE("a text with a NUL survives as a literal") {
  const auto nul = [](Output& out) {
    out.columns({"a"});
    out.row("a\0b"sv);
  };
  CHECK(written(Format::quote, nul) == "CAST(x'610062' AS TEXT)\n");
}

TEST_CASE("tables align by what is seen: wide and combining characters") {
  const auto names = [](Output& out) {
    out.columns({"name", "n"});
    out.row("\u65e5\u672c", 1);
    out.row("e\u0301t\u00e9", 22);
  };
  CHECK(written(Format::table, names) ==
        "name   n\n"
        "----  --\n"
        "\u65e5\u672c   1\n"
        "e\u0301t\u00e9   22\n");
}

TEST_CASE("a table's widths come from its first page; later rows may stand out but nothing is cut") {
  const auto many = [](Output& out) {
    out.columns({"n"});
    for (int i = 0; i < 100; ++i) out.row(i);
    out.row("longer than the column");
  };
  const std::string text = written(Format::table, many);
  CHECK(text.starts_with(" n\n--\n 0\n"));
  CHECK(text.ends_with("99\nlonger than the column\n"));
}

TEST_CASE("several result sets, each with its header") {
  const auto two = [](Output& out) {
    out.columns({"a"});
    out.row(1);
    out.columns({"b"});
  };
  CHECK(written(Format::tsv, two) == "a\n1\nb\n");
  CHECK(written(Format::table, two) == "a\n-\n1\n\nb\n-\n");
  CHECK(written(Format::table, two, false) == "1\n\n");
}

TEST_CASE("flush shows the rows of an unfinished page") {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* const file = open_memstream(&text, &size);
  Output out{Format::table, true, file};
  out.columns({"a"});
  out.row(1);
  CHECK(out.flush());
  CHECK(std::string_view{text, size} == "a\n-\n1\n");
  CHECK(out.close());
  std::fclose(file);
  free(text);
}

TEST_CASE("a full disk is an error, told once the rows cannot be read") {
  std::FILE* const file = std::fopen("/dev/full", "w");
  REQUIRE(file != nullptr);
  Output out{Format::tsv, true, file};
  out.columns({"a"});
  bool more = true;
  for (int i = 0; more && i < 100'000; ++i) more = out.row(i);
  CHECK_FALSE(more);
  const auto closed = out.close();
  REQUIRE_FALSE(closed);
  CHECK(closed.error().code == Code::io);
  CHECK_FALSE(out.broken_pipe());
  std::fclose(file);
}
