#include "gateway/rpc_message.hpp"

#include <doctest/doctest.h>

#include "codec/pack.hpp"
#include "env/random.hpp"

using namespace ddb;
using namespace ddb::gateway;
using codec::Packer;

namespace {

using namespace std::string_view_literals;

/// [0, id, method, params]; `params` packs the items of its array.
template <class Params>
Bytes request(uint32_t id, BytesView method, uint32_t count, Params params) {
  Bytes bytes;
  Packer out{bytes};
  out.array(4);
  out.u64(0);
  out.u64(id);
  out.str(method);
  out.array(count);
  params(out);
  return bytes;
}

Bytes execute_request() {
  return request(7, "execute", 2, [](Packer& out) {
    out.str("SELECT ?");
    out.array(6);
    out.nil();
    out.boolean(true);
    out.i64(-5);
    out.f64(0.5);
    out.str("text");
    out.bin("\x00\xff"sv);
  });
}

Result<std::optional<Request>> read_one(BytesView bytes) {
  RequestReader reader;
  reader.feed(bytes);
  return reader.next();
}

Result<Call> only_call(BytesView bytes) {
  auto request = read_one(bytes);
  REQUIRE(request);
  REQUIRE(request->has_value());
  return (*request)->call;
}

}  // namespace

TEST_CASE("execute carries its text and values of all types") {
  const auto read = read_one(execute_request());
  REQUIRE(read);
  REQUIRE(read->has_value());
  CHECK((*read)->id == 7);
  const auto& call = std::get<ExecuteCall>((*read)->call.value());
  CHECK(call.sql == "SELECT ?");
  REQUIRE(call.parameters.size() == 6);
  const codec::Value expected[] = {{}, int64_t{1}, int64_t{-5}, 0.5, std::string{"text"}, codec::Blob{Bytes{"\x00\xff"sv}}};
  for (size_t i = 0; i < 6; ++i) CHECK((call.parameters[i].value == expected[i]));
}

TEST_CASE("named parameters may leave out the colon") {
  const auto call = only_call(request(1, "execute", 2, [](Packer& out) {
    out.str("SELECT :a, @b");
    out.map(2);
    out.str("a");
    out.i64(1);
    out.str("@b");
    out.i64(2);
  }));
  REQUIRE(call);
  const auto& parameters = std::get<ExecuteCall>(*call).parameters;
  CHECK(parameters[0].name == ":a");
  CHECK(parameters[1].name == "@b");
}

TEST_CASE("requests are cut out wherever the stream is cut") {
  Bytes stream;
  for (int i = 0; i < 3; ++i) stream += execute_request() + request(1, "ping", 0, [](Packer&) {});
  Random random{1};
  for (int round = 0; round < 200; ++round) {
    RequestReader reader;
    int seen = 0;
    for (size_t at = 0; at < stream.size();) {
      const size_t size = std::min<size_t>(1 + random.below(20), stream.size() - at);
      reader.feed(BytesView{stream}.substr(at, size));
      at += size;
      for (;;) {
        auto next = reader.next();
        REQUIRE(next);
        if (!next->has_value()) break;
        CHECK((*next)->call.has_value());
        ++seen;
      }
    }
    CHECK(seen == 6);
  }
}

TEST_CASE("a notification has no id") {
  Bytes bytes;
  Packer out{bytes};
  out.array(3);
  out.u64(2);
  out.str("cancel");
  out.array(1);
  out.u64(9);
  const auto read = read_one(bytes);
  REQUIRE(read);
  CHECK_FALSE((*read)->id.has_value());
  CHECK(std::get<CancelCall>((*read)->call.value()).id == 9);
}

TEST_CASE("what is no request ends the conversation") {
  Bytes response;
  Packer out{response};
  out.array(4);
  out.u64(1);
  out.u64(1);
  out.nil();
  out.nil();
  for (const BytesView bytes : {BytesView{response}, "\xc1"sv, "\x07"sv, "\x90"sv, "\x94\x00\x01\x02\x90"sv, "GET / HTTP/1.1\r\n"sv}) {
    const auto read = read_one(bytes);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Code::bad_data);
  }
}

TEST_CASE("a wrong call is answered, and the conversation goes on") {
  const auto none = [](Packer&) {};
  const auto number = [](Packer& out) { out.u64(1); };
  CHECK(only_call(request(1, "drop_everything", 0, none)).error().code == Code::usage);
  CHECK(only_call(request(1, "ping", 1, number)).error().code == Code::usage);
  CHECK(only_call(request(1, "execute", 0, none)).error().code == Code::usage);
  CHECK(only_call(request(1, "execute", 1, number)).error().code == Code::usage);
  CHECK(only_call(request(1, "cancel", 1, [](Packer& out) { out.str("x"); })).error().code == Code::usage);
  CHECK(only_call(request(1, "cancel", 1, [](Packer& out) { out.u64(uint64_t{1} << 32); })).error().code == Code::usage);
  const auto with = [](auto pack) {
    return request(1, "execute", 2, [&](Packer& out) {
      out.str("SELECT ?");
      out.array(1);
      pack(out);
    });
  };
  CHECK(only_call(with([](Packer& out) { out.array(0); })).error().code == Code::usage);
  CHECK(only_call(with([](Packer& out) { out.u64(UINT64_MAX); })).error().code == Code::usage);
  CHECK(only_call(with(number)).has_value());
}

TEST_CASE("a header that promises too much is refused before its items arrive") {
  for (const BytesView head : {"\x94\x00\x01\xdb\xff\xff\xff\xff"sv, "\xdd\xff\xff\xff\xff"sv, "\x94\x00\x01\xdf\x7f\xff\xff\xff"sv, "\xc6\x01\x00\x00\x01"sv}) {
    const auto read = read_one(head);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Code::too_long);
  }
  // Many small containers add up as well.
  RequestReader reader;
  Result<std::optional<Request>> read = std::nullopt;
  for (int i = 0; i < 20 && read; ++i) {
    reader.feed("\xdc\x27\x10"sv);  // an array of 10 000, in an array of 10 000, ...
    read = reader.next();
  }
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Code::too_long);
}

TEST_CASE("random bytes are refused or wait, and never crash") {
  Random random{2};
  const Bytes valid = execute_request();
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = valid;
    for (uint64_t flips = random.below(4); flips > 0; --flips) bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    bytes.resize(random.below(bytes.size() + 1));
    RequestReader reader;
    reader.feed(bytes);
    while (auto next = reader.next())
      if (!next->has_value()) break;
  }
}

TEST_CASE("a reply reads back") {
  ReplyRows rows;
  const sql::ColumnInfo columns[] = {{"a", "INTEGER"}, {"b", ""}};
  REQUIRE(rows.columns(columns));
  const sql::ValueView values[] = {int64_t{1}, codec::BlobView{"\xff"sv}};
  REQUIRE(rows.row(values));
  const Bytes bytes = rows.encode(9, {.kind = sql::StatementKind::select, .tag = "SELECT", .rows = 1});

  auto in = codec::Unpacker::parse(bytes);
  REQUIRE(in);
  CHECK(in->array() == 4);
  CHECK(in->u64() == 1);
  CHECK(in->u64() == 9);
  in->nil();
  CHECK(in->map() == 6);
  CHECK(in->str() == "columns");
  CHECK(in->array() == 2);
  CHECK(in->str() == "a");
  in->leave();
  CHECK(in->str() == "types");
  in->skip();
  CHECK(in->str() == "rows");
  CHECK(in->array() == 1);
  CHECK(in->array() == 2);
  CHECK(in->i64() == 1);
  CHECK(in->bin() == "\xff"sv);
  CHECK(in->ok());
}

TEST_CASE("a reply has a limit, and says how to stay below it") {
  ReplyRows rows;
  const std::string big(1 << 20, 'x');
  const sql::ValueView values[] = {std::string_view{big}};
  Result<void> added;
  for (int i = 0; i < 100 && added; ++i) added = rows.row(values);
  REQUIRE_FALSE(added);
  CHECK(added.error().code == Code::too_long);
  CHECK(added.error().hint.find("LIMIT") != std::string::npos);
}

TEST_CASE("an error tells what, where and what to do") {
  const Bytes bytes = encode_error(3, {.error = {.code = Code::conflict, .message = "m", .hint = "h", .detail = {}},
                                       .sqlstate = "40001",
                                       .position = sql::Position{4, 1, 5}});
  auto in = codec::Unpacker::parse(bytes);
  REQUIRE(in);
  in->array();
  in->u64();
  CHECK(in->u64() == 3);
  CHECK(in->map() == 6);
  CHECK(in->str() == "code");
  CHECK(in->str() == "conflict");
}
