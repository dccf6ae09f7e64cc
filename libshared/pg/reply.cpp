#include "pg/reply.hpp"

namespace ddb::pg {

namespace {

void put_number(Bytes& out, uint32_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::notice: return "NOTICE";
    case Severity::warning: return "WARNING";
    case Severity::error: return "ERROR";
    case Severity::fatal: return "FATAL";
  }
  return "ERROR";
}

}  // namespace

MessageWriter::MessageWriter(Bytes& out, char type) : out_{out}, begin_{out.size() + 1} {
  out_.push_back(type);
  u32(0);
}
void MessageWriter::u16(uint16_t value) { put_number(out_, value, 2); }
void MessageWriter::u32(uint32_t value) { put_number(out_, value, 4); }
void MessageWriter::text(std::string_view value) {
  out_ += value.substr(0, value.find('\0'));
  u8(0);
}
size_t MessageWriter::open_length() {
  u32(0);
  return out_.size();
}
void MessageWriter::close_length(size_t at) {
  const auto size = static_cast<uint32_t>(out_.size() - at);
  for (size_t i = 0; i < 4; ++i) out_[at - 4 + i] = static_cast<char>(size >> (24 - 8 * i));
}
void MessageWriter::end() {
  const auto size = static_cast<uint32_t>(out_.size() - begin_);  // itself included
  for (size_t i = 0; i < 4; ++i) out_[begin_ + i] = static_cast<char>(size >> (24 - 8 * i));
}

void put_plain(Bytes& out, char type) { MessageWriter{out, type}.end(); }

void put_authentication_ok(Bytes& out) {
  MessageWriter message{out, 'R'};
  message.u32(0);
  message.end();
}

void put_parameter_status(Bytes& out, std::string_view name, std::string_view value) {
  MessageWriter message{out, 'S'};
  message.text(name);
  message.text(value);
  message.end();
}

void put_key(Bytes& out, uint32_t process, uint32_t secret) {
  MessageWriter message{out, 'K'};
  message.u32(process);
  message.u32(secret);
  message.end();
}

void put_ready(Bytes& out, Status status) {
  MessageWriter message{out, 'Z'};
  message.u8(static_cast<uint8_t>(status));
  message.end();
}

void put_report(Bytes& out, const Report& report) {
  MessageWriter message{out, report.severity <= Severity::warning ? 'N' : 'E'};
  const auto field = [&](char code, std::string_view value) {
    if (value.empty()) return;
    message.u8(static_cast<uint8_t>(code));
    message.text(value);
  };
  field('S', name_of(report.severity));
  field('V', name_of(report.severity));
  field('C', report.sqlstate.empty() ? "XX000" : std::string_view{report.sqlstate});
  field('M', report.message.empty() ? "failed" : std::string_view{report.message});
  field('H', report.hint);
  if (report.position > 0) field('P', std::to_string(report.position));
  message.u8(0);
  message.end();
}

void put_row_description(Bytes& out, std::span<const Field> fields) {
  MessageWriter message{out, 'T'};
  message.u16(static_cast<uint16_t>(fields.size()));
  for (const Field& field : fields) {
    message.text(field.name);
    message.u32(0);  // no table's column
    message.u16(0);
    message.u32(field.type);
    message.u16(static_cast<uint16_t>(field.type_size));
    message.u32(static_cast<uint32_t>(field.modifier));
    message.u16(static_cast<uint16_t>(field.format));
  }
  message.end();
}

void put_parameter_description(Bytes& out, std::span<const uint32_t> types) {
  MessageWriter message{out, 't'};
  message.u16(static_cast<uint16_t>(types.size()));
  for (const uint32_t type : types) message.u32(type);
  message.end();
}

void put_command_complete(Bytes& out, std::string_view tag) {
  MessageWriter message{out, 'C'};
  message.text(tag);
  message.end();
}

void put_copy_response(Bytes& out, char type, size_t columns) {
  MessageWriter message{out, type};
  message.u8(0);
  message.u16(static_cast<uint16_t>(columns));
  for (size_t i = 0; i < columns; ++i) message.u16(0);
  message.end();
}

void put_copy_data(Bytes& out, BytesView data) {
  MessageWriter message{out, 'd'};
  message.bytes(data);
  message.end();
}

}  // namespace ddb::pg
