#include "pg/message.hpp"

#include <fmt/format.h>

namespace ddb::pg {

namespace {

// Numbers of the protocol (55.7, Message Formats).
constexpr uint32_t cancel_code = 80877102;
constexpr uint32_t ssl_code = 80877103;
constexpr uint32_t gss_code = 80877104;

constexpr size_t feed_slack = 64 << 10;  // taken bytes in front of the buffer, until they are moved out

/// Takes fields from the left; once one is missing, all are empty and ok() is false.
class Fields {
 public:
  explicit Fields(BytesView bytes) : rest_{bytes} {}

  uint32_t number(size_t size) {
    uint32_t value = 0;
    for (const char byte : bytes(size)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
  }
  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return number(4); }
  BytesView bytes(size_t size) {
    if (size > rest_.size()) return missing();
    const BytesView taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string text() {
    const size_t end = rest_.find('\0');
    if (end == rest_.npos) return std::string{missing()};
    std::string taken{rest_.substr(0, end)};
    rest_.remove_prefix(end + 1);
    return taken;
  }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }
  BytesView rest() const { return rest_; }

 private:
  BytesView missing() {
    ok_ = false;
    return rest_ = {};
  }

  BytesView rest_;
  bool ok_ = true;
};

Message malformed(char type, std::string reason) { return Malformed{type, std::move(reason)}; }

/// False: a code that is neither text nor binary.
bool take_formats(Fields& in, std::vector<Format>& formats) {
  for (uint16_t count = in.u16(); count > 0 && in.ok(); --count) {
    const uint16_t code = in.u16();
    if (code > 1) return false;
    formats.push_back(static_cast<Format>(code));
  }
  return true;
}

Message parse(Fields& in) {
  Parse message;
  message.statement = in.text();
  message.sql = in.text();
  for (uint16_t count = in.u16(); count > 0 && in.ok(); --count) message.types.push_back(in.u32());
  return message;
}

Message bind(Fields& in) {
  Bind message;
  message.portal = in.text();
  message.statement = in.text();
  if (!take_formats(in, message.parameter_formats)) return malformed('B', "unsupported format code");
  for (uint16_t count = in.u16(); count > 0 && in.ok(); --count) {
    const uint32_t size = in.u32();
    auto& value = message.values.emplace_back();
    if (size != UINT32_MAX) value = Bytes{in.bytes(size)};
  }
  if (!take_formats(in, message.result_formats)) return malformed('B', "unsupported format code");
  const size_t formats = message.parameter_formats.size();
  if (in.ok() && formats > 1 && formats != message.values.size()) {
    return malformed('B', fmt::format("bind message has {} parameter formats but {} parameters", formats, message.values.size()));
  }
  return message;
}

/// Of Describe and Close.
template <class T>
Message targeted(Fields& in, char type) {
  const char target = static_cast<char>(in.u8());
  if (in.ok() && target != 'S' && target != 'P') {
    return malformed(type, fmt::format("invalid subtype {} of message", static_cast<int>(target)));
  }
  return T{static_cast<Target>(target), in.text()};
}

Message execute(Fields& in) {
  Execute message;
  message.portal = in.text();
  message.rows_max = in.u32();
  if (message.rows_max > INT32_MAX) message.rows_max = 0;  // a negative limit is none
  return message;
}

std::optional<Message> body_of(char type, Fields& in) {
  switch (type) {
    case 'Q': return SimpleQuery{in.text()};
    case 'P': return parse(in);
    case 'B': return bind(in);
    case 'D': return targeted<Describe>(in, type);
    case 'C': return targeted<Close>(in, type);
    case 'E': return execute(in);
    case 'H': return Flush{};
    case 'S': return Sync{};
    case 'X': return Terminate{};
    case 'd': return CopyData{Bytes{in.bytes(in.rest().size())}};
    case 'c': return CopyDone{};
    case 'f': return CopyFail{in.text()};
    case 'F': in.bytes(in.rest().size()); return malformed(type, "function calls by protocol are not supported");
    case 'p': in.bytes(in.rest().size()); return malformed(type, "no password was asked for");
    default: return std::nullopt;
  }
}

Result<Message> startup(BytesView body) {
  Fields in{body};
  const uint32_t code = in.u32();
  if (code == ssl_code && in.done()) return SslRequest{};
  if (code == gss_code && in.done()) return GssRequest{};
  if (code == cancel_code) {
    const CancelRequest cancel{.process = in.u32(), .secret = in.u32()};
    if (in.done()) return cancel;
  }
  Startup message{.major = static_cast<uint16_t>(code >> 16), .minor = static_cast<uint16_t>(code), .parameters = {}};
  if (message.major != 3) {
    return fail(Code::bad_data, fmt::format("unsupported frontend protocol {}.{}: server supports 3.0", message.major, message.minor));
  }
  for (std::string name = in.text(); in.ok() && !name.empty(); name = in.text()) {
    message.parameters.emplace_back(std::move(name), in.text());
  }
  if (!in.done()) return fail(Code::bad_data, "invalid startup packet layout: expected terminator as last byte");
  return message;
}

}  // namespace

void MessageReader::feed(BytesView bytes) {
  if (begin_ > feed_slack || begin_ == buffer_.size()) buffer_.erase(0, std::exchange(begin_, 0));
  buffer_ += bytes;
}

Result<bool> MessageReader::decode_startup() {
  Fields in{BytesView{buffer_}.substr(begin_)};
  const uint32_t size = in.u32();
  if (!in.ok()) return false;
  if (size < 8 || size > startup_bytes_max) return fail(Code::bad_data, "invalid length of startup packet");
  if (waiting() < size) return false;
  auto message = startup(in.bytes(size - 4));
  if (!message) return std::unexpected(message.error());
  begin_ += size;
  started_ = std::holds_alternative<Startup>(*message) || std::holds_alternative<CancelRequest>(*message);
  front_ = *std::move(message);
  return true;
}

Result<bool> MessageReader::decode() {
  if (front_) return true;
  if (!started_) return decode_startup();
  Fields in{BytesView{buffer_}.substr(begin_)};
  const char type = static_cast<char>(in.u8());
  if (!in.ok()) return false;
  Fields none{{}};
  if (!body_of(type, none)) return fail(Code::bad_data, fmt::format("invalid frontend message type {}", static_cast<uint8_t>(type)));
  const uint32_t size = in.u32();
  if (!in.ok()) return false;
  if (size < 4) return fail(Code::bad_data, "invalid message length");
  if (size - 4 > message_bytes_max) {
    return fail(Code::too_long, fmt::format("a message of {} bytes: the limit is {}", size - 4, message_bytes_max));
  }
  if (waiting() < size + 1) return false;
  Fields body{in.bytes(size - 4)};
  begin_ += size + 1;
  front_ = *body_of(type, body);
  if (!body.done() && !std::holds_alternative<Malformed>(*front_)) front_ = malformed(type, "invalid message format");
  return true;
}

const Message* MessageReader::peek() {
  const auto there = decode();
  return there && *there ? &*front_ : nullptr;
}

Result<std::optional<Message>> MessageReader::next() {
  const auto there = decode();
  if (!there) return std::unexpected(there.error());
  return std::exchange(front_, {});
}

}  // namespace ddb::pg
