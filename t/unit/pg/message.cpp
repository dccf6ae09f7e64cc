#include "pg/message.hpp"

#include <doctest/doctest.h>

#include "unit/pg/wire.hpp"

using namespace ddb;
using namespace ddb::pg;

namespace {

/// The next message, which must be a T.
template <class T>
T take(MessageReader& reader) {
  auto next = reader.next();
  REQUIRE(next);
  REQUIRE(*next);
  REQUIRE(std::holds_alternative<T>(**next));
  return std::get<T>(**std::move(next));
}

MessageReader started() {
  MessageReader reader;
  reader.feed(startup());
  take<Startup>(reader);
  return reader;
}

}  // namespace

TEST_CASE("a connection begins with requests for encryption, then the start-up packet") {
  MessageReader reader;
  reader.feed(untyped(number(80877103, 4)) + untyped(number(80877104, 4)) + startup("ann"));
  take<SslRequest>(reader);
  take<GssRequest>(reader);
  const auto start = take<Startup>(reader);
  CHECK(start.parameters == std::vector<std::pair<std::string, std::string>>{{"user", "ann"}, {"database", "ddb"}});
  const auto none = reader.next();
  REQUIRE(none);
  CHECK(!*none);
}

TEST_CASE("a cancel request has the process and its secret") {
  MessageReader reader;
  reader.feed(untyped(number(80877102, 4) + number(7, 4) + number(0xdeadbeef, 4)));
  const auto cancel = take<CancelRequest>(reader);
  CHECK(cancel.process == 7);
  CHECK(cancel.secret == 0xdeadbeef);
}

TEST_CASE("messages come whole, however the stream is cut") {
  const Bytes stream = parse("s", "SELECT $1", {23, 0}) + bound("p", "s", {"1", std::nullopt}) + describe('P', "p") + execute("p", 10) +
                       close('S', "s") + message('H') + sync_point() + message('d', "row\n") + message('c') + message('f', cstring("no")) +
                       query("SELECT 1") + message('X');
  MessageReader reader = started();
  for (const char byte : stream.substr(0, stream.size() - 1)) reader.feed({&byte, 1});
  const auto parsed = take<Parse>(reader);
  CHECK(parsed.statement == "s");
  CHECK(parsed.sql == "SELECT $1");
  CHECK(parsed.types == std::vector<uint32_t>{23, 0});
  const auto bound = take<Bind>(reader);
  CHECK(bound.values == std::vector<std::optional<Bytes>>{"1", std::nullopt});
  CHECK(bound.result_formats == std::vector<Format>{Format::text});
  CHECK(take<Describe>(reader).target == Target::portal);
  REQUIRE(reader.peek() != nullptr);
  CHECK(std::holds_alternative<Execute>(*reader.peek()));
  CHECK(take<Execute>(reader).rows_max == 10);
  CHECK(take<Close>(reader).name == "s");
  take<Flush>(reader);
  take<Sync>(reader);
  CHECK(take<CopyData>(reader).bytes == "row\n");
  take<CopyDone>(reader);
  CHECK(take<CopyFail>(reader).reason == "no");
  CHECK(take<SimpleQuery>(reader).sql == "SELECT 1");
  CHECK(reader.peek() == nullptr);
  reader.feed(stream.substr(stream.size() - 1));
  take<Terminate>(reader);
}

TEST_CASE("a whole message that is wrong inside is told apart from a stream that is lost") {
  const std::vector<std::pair<Bytes, std::string>> wrong{
      {message('Q', "no NUL"), "invalid message format"},
      {message('Q', Bytes("SELECT 1\0more\0", 14)), "invalid message format"},
      {message('S', "x"), "invalid message format"},
      {message('B', cstring("") + cstring("") + number(1, 2) + number(7, 2)), "unsupported format code"},
      {message('B', cstring("") + cstring("") + number(0, 2) + number(60000, 2)), "invalid message format"},
      {message('B', cstring("") + cstring("") + number(2, 2) + number(0, 4) + number(1, 2) + number(UINT32_MAX, 4) + number(0, 2)),
       "bind message has 2 parameter formats but 1 parameters"},
      {message('D', "x" + cstring("")), "invalid subtype 120 of message"},
      {message('F', "anything"), "function calls by protocol are not supported"},
  };
  for (const auto& [bytes, reason] : wrong) {
    MessageReader reader = started();
    reader.feed(bytes + sync_point());
    CHECK(take<Malformed>(reader).reason == reason);
    take<Sync>(reader);
  }
}

TEST_CASE("a stream that is lost is refused, before what it promises arrives") {
  const auto refused = [](MessageReader reader, BytesView bytes) {
    reader.feed(bytes);
    const auto next = reader.next();
    REQUIRE(!next);
    CHECK(reader.peek() == nullptr);
    return next.error().message;
  };
  CHECK(refused(started(), "!") == "invalid frontend message type 33");
  CHECK(refused(started(), "Q" + number(3, 4)) == "invalid message length");
  CHECK(refused(started(), "Q" + number(0xffffffff, 4)) == "a message of 4294967291 bytes: the limit is 16777216");
  CHECK(refused({}, "GET / HTTP/1.1\r\n\r\n") == "invalid length of startup packet");
  CHECK(refused({}, number(4, 4)) == "invalid length of startup packet");
  CHECK(refused({}, untyped(number(2 << 16, 4))) == "unsupported frontend protocol 2.0: server supports 3.0");
  CHECK(refused({}, untyped(number(3 << 16, 4) + "user")) == "invalid startup packet layout: expected terminator as last byte");
}

TEST_CASE("replies have the protocol's form") {
  Bytes out;
  put_authentication_ok(out);
  put_key(out, 1, 2);
  CHECK(out == message('R', number(0, 4)) + message('K', number(1, 4) + number(2, 4)));
  out.clear();
  put_row_description(out, std::vector<Field>{{.name = "a", .type = 23, .type_size = 4}});
  CHECK(out == message('T', number(1, 2) + cstring("a") + number(0, 6) + number(23, 4) + number(4, 2) + number(UINT32_MAX, 4) + number(0, 2)));
  out.clear();
  put_report(out, {.sqlstate = "42601", .message = "bad\nline", .hint = "mend it", .position = 8});
  CHECK(out == message('E', "S" + cstring("ERROR") + "V" + cstring("ERROR") + "C" + cstring("42601") + "M" + cstring("bad\nline") + "H" +
                                cstring("mend it") + "P" + cstring("8") + '\0'));
}
