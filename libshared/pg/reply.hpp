// Messages that go to a PostgreSQL client, as bytes (PostgreSQL 15 documentation, section 55.7).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "pg/message.hpp"

namespace ddb::pg {

/// One message at the end of `out`: its length is filled in by end().
class MessageWriter {
 public:
  MessageWriter(Bytes& out, char type);
  void u8(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u16(uint16_t value);
  void u32(uint32_t value);
  void text(std::string_view value);  // with its NUL
  void bytes(BytesView value) { out_ += value; }
  /// A length that is known only once what it counts has been written.
  size_t open_length();
  void close_length(size_t at);
  void end();

 private:
  Bytes& out_;
  size_t begin_;  // of the length
};

/// What Describe tells of a column of rows.
struct Field {
  std::string name;
  uint32_t type = 0;
  int16_t type_size = -1;  // of varying length: -1
  int32_t modifier = -1;
  Format format = Format::text;
};

enum class Severity : uint8_t { notice, warning, error, fatal };
struct Report {
  Severity severity = Severity::error;
  std::string sqlstate;
  std::string message;
  std::string hint;
  size_t position = 0;  // characters from 1; zero: none
};

enum class Status : char { idle = 'I', transaction = 'T', failed = 'E' };

void put_authentication_ok(Bytes& out);
void put_parameter_status(Bytes& out, std::string_view name, std::string_view value);
void put_key(Bytes& out, uint32_t process, uint32_t secret);
void put_ready(Bytes& out, Status status);
void put_report(Bytes& out, const Report& report);
void put_row_description(Bytes& out, std::span<const Field> fields);
void put_parameter_description(Bytes& out, std::span<const uint32_t> types);
void put_command_complete(Bytes& out, std::string_view tag);
/// CopyInResponse or CopyOutResponse, in text.
void put_copy_response(Bytes& out, char type, size_t columns);
void put_copy_data(Bytes& out, BytesView data);
/// ParseComplete '1', BindComplete '2', CloseComplete '3', NoData 'n', PortalSuspended 's', EmptyQueryResponse 'I', CopyDone 'c'.
void put_plain(Bytes& out, char type);

}  // namespace ddb::pg
