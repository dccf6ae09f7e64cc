// Messages of PostgreSQL clients, cut from a stream in pieces.
#include "fuzz/fuzz.hpp"
#include "pg/message.hpp"
#include "unit/pg/wire.hpp"

using namespace ddb;

namespace {

/// What a stream says, in words.
std::vector<Bytes> messages(BytesView stream, size_t piece) {
  pg::MessageReader reader;
  std::vector<Bytes> out;
  while (!stream.empty()) {
    const size_t size = std::min(stream.size(), piece);
    reader.feed(stream.substr(0, size));
    stream.remove_prefix(size);
    for (;;) {
      const bool peeked = reader.peek() != nullptr;
      const auto message = reader.next();
      DDB_ASSERT(peeked == (message && *message));
      if (!message) return out.emplace_back(to_string(message.error())), out;
      if (!*message) break;
      out.push_back(std::to_string((*message)->index()));
      if (const auto* parse = std::get_if<pg::Parse>(&**message)) out.back() += parse->sql;
      if (const auto* bind = std::get_if<pg::Bind>(&**message)) out.back() += std::to_string(bind->values.size());
      if (const auto* malformed = std::get_if<pg::Malformed>(&**message)) out.back() += malformed->reason;
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView stream = fuzz::view(data, size);
  DDB_ASSERT(messages(stream, stream.size()) == messages(stream, 1));
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  using namespace ddb::pg;
  const Bytes start = startup();
  return {untyped(number(80877103, 4)) + start + query("SELECT 1"),
          untyped(number(80877102, 4) + number(1, 4) + number(2, 4)),
          start + parse("s", "SELECT $1", {23}) + bound("p", "s", {"1", std::nullopt}) + describe('P', "p") + execute("p", 5) + sync_point(),
          start + query("COPY t FROM STDIN") + message('d', "1\t2\n") + message('c') + message('f', cstring("no")) + message('X'),
          start + close('S', "s") + message('H') + message('F', "x") + message('p', cstring("secret"))};
}
