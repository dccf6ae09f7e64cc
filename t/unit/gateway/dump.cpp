#include "gateway/dump.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <limits>
#include <string>

#include "env/random.hpp"
#include "memory_gateway.hpp"
#include "sql/query.hpp"

using namespace ddb;
using sql::ValueView;

namespace {

std::string literal(const ValueView& value) {
  static const gateway::Literals literals;
  std::string out;
  literals.append(out, value);
  return out;
}

/// As SQLite's parser reads the literal.
bool reads_back(const ValueView& value) {
  static const sql::PrivateDb db;
  const auto query = sql::Query::prepare(db.get(), "SELECT " + literal(value));
  return query && query->step() == 100 /* SQLITE_ROW */ && codec::identical(query->column(0), value);
}

std::string dump_of(sql::Session& session, const gateway::DumpOptions& options) {
  std::string out;
  gateway::DumpText text{[&](std::string_view lines) -> Result<void> {
    out += lines;
    return {};
  }};
  REQUIRE(gateway::dump(session, options, text));
  return out;
}

}  // namespace

TEST_CASE("reals of any size read back bit by bit, where SQLite misreads its own digits too") {
  using limits = std::numeric_limits<double>;
  for (const double value : {0.0, -0.0, 0.1, 1e15, 1e16, 123456789012345678.0, limits::min(), limits::max(), limits::denorm_min(),
                             -limits::denorm_min(), limits::infinity(), -limits::infinity()})
    CHECK_MESSAGE(reads_back(value), literal(value));
  Random random{7};
  int products = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto value = std::bit_cast<double>(random.next());
    if (value != value) continue;
    if (literal(value).find_first_of("*/") != std::string::npos) ++products;
    CHECK_MESSAGE(reads_back(value), literal(value));
  }
  CHECK(products > 0);
}

TEST_CASE("integers, texts and blobs read back, NUL bytes and line ends too") {
  using namespace std::string_view_literals;
  for (const ValueView value : {ValueView{}, ValueView{INT64_MIN}, ValueView{INT64_MAX}, ValueView{int64_t{0}}, ValueView{""sv},
                                ValueView{"it's"sv}, ValueView{"a\0b"sv}, ValueView{"a\r\nb"sv}, ValueView{"\xff\xfe"sv},
                                ValueView{codec::BlobView{""sv}}, ValueView{codec::BlobView{"\0'"sv}}})
    CHECK_MESSAGE(reads_back(value), literal(value));
  CHECK(literal("a\nb"sv) == "'a\nb'");
}

TEST_CASE("a dump in an open transaction shows what that has written, and leaves it open") {
  test::MemoryGateway memory;
  const auto session = memory.session();
  for (const char* sql : {"CREATE TABLE \"my table\" (a, b AS (a + 1))", "BEGIN", "INSERT INTO \"my table\" VALUES (1.5)"}) REQUIRE(session->execute(sql));
  CHECK(dump_of(*session, {}) == "CREATE TABLE \"my table\" (a, b AS (a + 1));\nINSERT INTO \"my table\"(rowid,a) VALUES(1,1.5);\n");
  CHECK(session->in_transaction());
}

TEST_CASE("a sink that fails ends the dump, and the transaction it read in") {
  test::MemoryGateway memory;
  const auto session = memory.session();
  REQUIRE(session->execute("CREATE TABLE t (a)"));
  gateway::DumpText text{[](std::string_view) -> Result<void> { return fail(Code::io, "full"); }};
  const auto now = memory.kv.now();
  REQUIRE(now);
  const auto done = gateway::dump(*session, {.tables = {}, .as_of = {}, .now = *now}, text);
  REQUIRE_FALSE(done);
  CHECK(done.error().message == "full");
  CHECK_FALSE(session->in_transaction());
}
