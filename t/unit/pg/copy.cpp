#include "pg/copy.hpp"

#include <doctest/doctest.h>

using namespace ddb;
using namespace ddb::pg;

namespace {

/// Rows of a stream that comes in pieces of this size: "a|NULL;b|c;", or the error's state behind those before it.
std::string rows_of(const CopyCommand& command, std::string_view stream, size_t piece) {
  CopyReader reader{command};
  std::string out;
  const auto take = [&] {
    for (;;) {
      const auto row = reader.next();
      if (!row) return out += row.error().sqlstate, false;
      if (!*row) return true;
      for (size_t i = 0; i < (*row)->size(); ++i) out += (i == 0 ? "" : "|") + (**row)[i].value_or("NULL");
      out += ';';
    }
  };
  for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size()))) {
    reader.feed(stream.substr(0, piece));
    if (!take()) return out;
  }
  reader.finish();
  take();
  return out;
}

std::string rows_of(const CopyCommand& command, std::string_view stream) {
  const std::string whole = rows_of(command, stream, stream.size() + 1);
  for (const size_t piece : {1, 2, 3}) CHECK(rows_of(command, stream, piece) == whole);
  return whole;
}

CopyCommand command_from(std::string_view sql) {
  const auto command = command_of(sql);
  REQUIRE(command);
  REQUIRE(std::holds_alternative<CopyCommand>(*command));
  return std::get<CopyCommand>(*command);
}

}  // namespace

TEST_CASE("COPY's text: escapes, NULL, the end mark") {
  const CopyCommand text = command_from("COPY t FROM STDIN");
  CHECK(rows_of(text, "a\tb\n\\N\t\n") == "a|b;NULL|;");
  CHECK(rows_of(text, "a\\tb\\\\\\n\\x41\\101\\q\n") == "a\tb\\\nAAq;");
  CHECK(rows_of(text, "a\\\nb\tc\r\n") == "a\nb|c;");
  CHECK(rows_of(text, "a\n\\.\nb\n") == "a;");
  CHECK(rows_of(text, "last line") == "last line;");
  CHECK(rows_of(text, "a\\") == "a\\;");
  CHECK(rows_of(text, "") == "");
  CHECK(rows_of(command_from("COPY t FROM STDIN WITH (DELIMITER '|', NULL 'none')"), "a|none\n") == "a|NULL;");
}

TEST_CASE("COPY's CSV: quotes, newlines in them, NULL is empty and unquoted") {
  const CopyCommand csv = command_from("COPY t FROM STDIN CSV");
  CHECK(rows_of(csv, "a,\"b,\"\"c\"\"\nd\",,\"\"\n") == "a|b,\"c\"\nd|NULL|;");
  CHECK(rows_of(csv, "a\r\nb\r\n") == "a;b;");
  CHECK(rows_of(csv, "a,\"open\n") == "22P04");
  CHECK(rows_of(command_from("COPY t FROM STDIN (FORMAT csv, HEADER, QUOTE '''', ESCAPE '!')"), "x,y\n'a!'b',c\n") == "a'b|c;");
}

TEST_CASE("a row that never ends is refused") {
  const CopyCommand text = command_from("COPY t FROM STDIN");
  CopyReader reader{text};
  reader.feed(std::string(CopyReader::row_bytes_max + 1, 'x'));
  const auto row = reader.next();
  REQUIRE(!row);
  CHECK(row.error().sqlstate == "54000");
}

TEST_CASE("COPY's options that cannot be") {
  for (const std::string_view sql : {"COPY t FROM STDIN (FORMAT binary)", "COPY t FROM '/etc/passwd'", "COPY t FROM PROGRAM 'x'", "COPY t STDIN",
                                     "COPY t FROM STDIN (DELIMITER 'ab')", "COPY t FROM STDIN (nonsense)", "COPY (SELECT 1) FROM STDIN",
                                     "COPY t FROM STDIN CSV DELIMITER '\"'", "ALTER TABLE t ADD CONSTRAINT c"}) {
    CHECK(!command_of(sql));
  }
}
