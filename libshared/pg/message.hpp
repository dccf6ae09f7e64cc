// PostgreSQL's frontend/backend protocol 3.0: what a client's bytes say (PostgreSQL 15 documentation, chapter 55).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace ddb::pg {

constexpr size_t startup_bytes_max = 10'000;
constexpr size_t message_bytes_max = 16 << 20;  // as of a MessagePack-RPC request

struct SslRequest {};
struct GssRequest {};
struct CancelRequest {
  uint32_t process = 0;
  uint32_t secret = 0;
};
struct Startup {
  uint16_t major = 3;
  uint16_t minor = 0;
  std::vector<std::pair<std::string, std::string>> parameters;
};
struct SimpleQuery {
  std::string sql;
};
struct Parse {
  std::string statement;
  std::string sql;
  std::vector<uint32_t> types;  // by parameter; zero: not specified
};
enum class Format : uint16_t { text = 0, binary = 1 };
struct Bind {
  std::string portal;
  std::string statement;
  std::vector<Format> parameter_formats;  // none: text; one: of all
  std::vector<std::optional<Bytes>> values;
  std::vector<Format> result_formats;     // likewise
};
enum class Target : char { statement = 'S', portal = 'P' };
struct Describe {
  Target target = Target::statement;
  std::string name;
};
struct Close {
  Target target = Target::statement;
  std::string name;
};
struct Execute {
  std::string portal;
  uint32_t rows_max = 0;  // zero: all
};
struct Flush {};
struct Sync {};
struct Terminate {};
struct CopyData {
  Bytes bytes;
};
struct CopyDone {};
struct CopyFail {
  std::string reason;
};
/// Whole, but not as its type demands.
struct Malformed {
  char type = 0;
  std::string reason;
};

using Message = std::variant<SslRequest, GssRequest, CancelRequest, Startup, SimpleQuery, Parse, Bind, Describe, Close, Execute,
                             Flush, Sync, Terminate, CopyData, CopyDone, CopyFail, Malformed>;

/// Cuts messages out of a stream of untrusted bytes. Memory: what was fed and not taken.
class MessageReader {
 public:
  void feed(BytesView bytes);
  /// The next message, which next() will take; nullptr: it has not come as a whole, or next() has an error.
  const Message* peek();
  /// nullopt: more bytes are needed. bad_data, too_long: no client of ours, or no more; close.
  Result<std::optional<Message>> next();
  /// Bytes that wait.
  size_t waiting() const { return buffer_.size() - begin_; }

 private:
  Result<bool> decode();  // true: front_ is there
  Result<bool> decode_startup();

  Bytes buffer_;
  size_t begin_ = 0;  // of the first message that is not in front_
  bool started_ = false;
  std::optional<Message> front_;
};

}  // namespace ddb::pg
