#include "gateway/rpc_message.hpp"

#include <fmt/format.h>

#include "base/overloaded.hpp"
#include "codec/pack.hpp"

namespace ddb::gateway {

namespace {

using codec::Packer;
using codec::Unpacker;
using Type = Unpacker::Type;

/// How an item's first byte is followed (MessagePack specification, Formats).
struct ItemForm {
  size_t header;          // bytes, the first included
  size_t length_at = 0;   // where the length stands; zero: none, `fixed` is it
  size_t length_size = 0;
  size_t fixed = 0;
  enum { payload, items, pairs } counts = payload;
};

std::optional<ItemForm> form_of(uint8_t lead) {
  if (lead < 0x80 || lead >= 0xe0) return ItemForm{.header = 1};
  if (lead < 0x90) return ItemForm{.header = 1, .fixed = lead & 0x0fu, .counts = ItemForm::pairs};
  if (lead < 0xa0) return ItemForm{.header = 1, .fixed = lead & 0x0fu, .counts = ItemForm::items};
  if (lead < 0xc0) return ItemForm{.header = 1, .fixed = lead & 0x1fu};
  const auto sized = [](size_t length_size, size_t extra = 0) {
    return ItemForm{.header = 1 + length_size + extra, .length_at = 1, .length_size = length_size};
  };
  const auto container = [](size_t length_size, auto counts) {
    return ItemForm{.header = 1 + length_size, .length_at = 1, .length_size = length_size, .counts = counts};
  };
  switch (lead) {
    case 0xc0: case 0xc2: case 0xc3: return ItemForm{.header = 1};
    case 0xc4: case 0xd9: return sized(1);
    case 0xc5: case 0xda: return sized(2);
    case 0xc6: case 0xdb: return sized(4);
    case 0xc7: return sized(1, 1);  // ext: a type byte after the length
    case 0xc8: return sized(2, 1);
    case 0xc9: return sized(4, 1);
    case 0xcc: case 0xd0: return ItemForm{.header = 1, .fixed = 1};
    case 0xcd: case 0xd1: return ItemForm{.header = 1, .fixed = 2};
    case 0xca: case 0xce: case 0xd2: return ItemForm{.header = 1, .fixed = 4};
    case 0xcb: case 0xcf: case 0xd3: return ItemForm{.header = 1, .fixed = 8};
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return ItemForm{.header = 2, .fixed = size_t{1} << (lead - 0xd4)};
    case 0xdc: return container(2, ItemForm::items);
    case 0xdd: return container(4, ItemForm::items);
    case 0xde: return container(2, ItemForm::pairs);
    case 0xdf: return container(4, ItemForm::pairs);
    default: return std::nullopt;  // 0xc1, never used
  }
}

size_t big_endian(BytesView bytes) {
  size_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

auto bad_request() {
  return fail(Code::bad_data, "not a MessagePack-RPC request", "see ddb-rpc(5)");
}

/// NULL, a number, a text or a blob; false and true are 0 and 1, as in SQLite.
Result<codec::Value> value(Unpacker& in) {
  switch (in.peek()) {
    case Type::nil: return in.nil(), codec::Value{};
    case Type::boolean: return int64_t{in.boolean()};
    case Type::integer: return in.i64();
    case Type::real: return in.f64();
    case Type::str: return std::string{in.str()};
    case Type::bin: return codec::Blob{Bytes{in.bin()}};
    default: return fail(Code::usage, "a parameter is neither nil, number, string nor binary");
  }
}

/// A name may leave out its prefix: SQL has three of them, and programs seldom care which.
std::string parameter_name(BytesView name) {
  const bool prefixed = name.starts_with(':') || name.starts_with('@') || name.starts_with('$') || name.starts_with('?');
  return (prefixed ? "" : ":") + std::string{name};
}

Result<std::vector<sql::Parameter>> parameters(Unpacker& in) {
  const bool named = in.peek() == Type::map;
  if (!named && in.peek() != Type::array) return fail(Code::usage, "the parameters are neither array nor map");
  std::vector<sql::Parameter> all(named ? in.map() : in.array());
  for (auto& parameter : all) {
    if (named) parameter.name = parameter_name(in.str());
    auto read = value(in);
    if (!read) return std::unexpected(read.error());
    parameter.value = *std::move(read);
  }
  in.leave();
  return all;
}

Result<Call> execute_call(Unpacker& in, uint32_t count) {
  if (count < 1 || count > 2 || in.peek() != Type::str) return fail(Code::usage, "execute takes SQL text and its parameters");
  ExecuteCall call{std::string{in.str()}, {}};
  if (count == 2) {
    auto given = parameters(in);
    if (!given) return std::unexpected(given.error());
    call.parameters = *std::move(given);
  }
  return call;
}

Result<Call> cancel_call(Unpacker& in, uint32_t count) {
  if (count != 1 || in.peek() != Type::integer) return fail(Code::usage, "cancel takes the id of a request");
  const uint64_t id = in.u64();
  if (id > UINT32_MAX) return fail(Code::usage, "cancel takes the id of a request");
  return CancelCall{static_cast<uint32_t>(id)};
}

Result<Call> call(BytesView method, Unpacker& in, uint32_t count) {
  if (method == "execute") return execute_call(in, count);
  if (method == "cancel") return cancel_call(in, count);
  if (method != "ping" && method != "status")
    return fail(Code::usage, fmt::format("there is no method \"{}\"", method), "use execute, cancel, ping or status");
  if (count != 0) return fail(Code::usage, fmt::format("{} takes no parameters", method));
  if (method == "ping") return PingCall{};
  return StatusCall{};
}

/// [0, id, method, params] or, for a notification, [2, method, params].
Result<Request> decode_request(BytesView message) {
  auto in = Unpacker::parse(message);
  if (!in || in->peek() != Type::array) return bad_request();
  const uint32_t count = in->array();
  if (in->peek() != Type::integer) return bad_request();
  const uint64_t type = in->u64();

  Request request{.id = {}, .call = PingCall{}};
  if (type == 0 && count == 4 && in->peek() == Type::integer) {
    const uint64_t id = in->u64();
    if (!in->ok() || id > UINT32_MAX) return bad_request();
    request.id = static_cast<uint32_t>(id);
  } else if (type != 2 || count != 3) {
    return bad_request();
  }
  if (in->peek() != Type::str) return bad_request();
  const BytesView method = in->str();
  if (in->peek() != Type::array) return bad_request();
  const uint32_t parameter_count = in->array();
  request.call = call(method, *in, parameter_count);
  if (!in->ok()) request.call = fail(Code::usage, "a parameter is out of range", "integers have 64 bits, with sign");
  return request;
}

void pack_reply(Packer& out, uint32_t id) {
  out.array(4);
  out.u64(1);
  out.u64(id);
}

void pack_value(Packer& out, const sql::ValueView& value) {
  std::visit(Overloaded{[&](std::monostate) { out.nil(); }, [&](int64_t v) { out.i64(v); }, [&](double v) { out.f64(v); },
                        [&](std::string_view v) { out.str(v); }, [&](codec::BlobView v) { out.bin(v.bytes); }},
             value);
}

}  // namespace

void RequestReader::feed(BytesView bytes) {
  if (begin_ > 0) {  // what was taken goes; at most one message and one read stay
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  buffer_ += bytes;
}

Result<bool> RequestReader::scan_item() {
  const BytesView rest = BytesView{buffer_}.substr(scanned_);
  if (rest.empty()) return false;
  const auto form = form_of(static_cast<uint8_t>(rest[0]));
  if (!form) return bad_request();
  if (rest.size() < form->header) return false;

  const size_t length = form->length_at == 0 ? form->fixed : big_endian(rest.substr(form->length_at, form->length_size));
  const size_t payload = form->counts == ItemForm::payload ? length : 0;
  const size_t items = form->counts == ItemForm::payload ? 0 : form->counts == ItemForm::pairs ? 2 * length : length;
  // By what the header promises: nothing is kept on a liar's word.
  if (scanned_ - begin_ + form->header + payload > request_bytes_max || items_counted_ + items > request_items_max)
    return fail(Code::too_long, fmt::format("the request exceeds {} MiB or {} values", request_bytes_max >> 20, request_items_max));
  if (rest.size() < form->header + payload) return false;
  scanned_ += form->header + payload;
  items_counted_ += items;
  items_due_ = items_due_ - 1 + items;
  return true;
}

Result<bool> RequestReader::scan() {
  while (items_due_ > 0) {
    const auto whole = scan_item();
    if (!whole || !*whole) return whole;
  }
  return true;
}

Result<std::optional<Request>> RequestReader::next() {
  const auto whole = scan();
  if (!whole) return std::unexpected(whole.error());
  if (!*whole) return std::nullopt;
  auto request = decode_request(BytesView{buffer_}.substr(begin_, scanned_ - begin_));
  if (!request) return std::unexpected(request.error());
  begin_ = scanned_;
  items_due_ = items_counted_ = 1;
  return *std::move(request);
}

Bytes encode_error(uint32_t id, const sql::SqlError& error) {
  Bytes bytes;
  Packer out{bytes};
  pack_reply(out, id);
  out.map(error.position ? 6 : 4);
  out.str("code");
  out.str(name_of(error.error.code));
  out.str("message");
  out.str(error.error.message);
  out.str("hint");
  out.str(error.error.hint);
  out.str("sqlstate");
  out.str(error.sqlstate);
  if (error.position) {
    out.str("line");
    out.u64(error.position->line);
    out.str("column");
    out.u64(error.position->column);
  }
  out.nil();
  return bytes;
}

Bytes encode_done(uint32_t id, bool result) {
  Bytes bytes;
  Packer out{bytes};
  pack_reply(out, id);
  out.nil();
  out.boolean(result);
  return bytes;
}

Bytes encode_figures(uint32_t id, const std::vector<std::pair<std::string, uint64_t>>& figures) {
  Bytes bytes;
  Packer out{bytes};
  pack_reply(out, id);
  out.nil();
  out.map(static_cast<uint32_t>(figures.size()));
  for (const auto& [name, figure] : figures) {
    out.str(name);
    out.u64(figure);
  }
  return bytes;
}

Result<void> ReplyRows::columns(std::span<const sql::ColumnInfo> columns) {
  columns_.assign(columns.begin(), columns.end());
  return {};
}

Result<void> ReplyRows::row(std::span<const sql::ValueView> values) {
  Packer out{rows_};
  out.array(static_cast<uint32_t>(values.size()));
  for (const auto& value : values) pack_value(out, value);
  ++row_count_;
  if (rows_.size() <= reply_bytes_max) return {};
  return fail(Code::too_long, fmt::format("the rows exceed the {} MiB of one reply", reply_bytes_max >> 20),
              "read them in parts, with LIMIT and a key to go on from");
}

Bytes ReplyRows::encode(uint32_t id, const sql::StatementResult& result) const {
  Bytes bytes;
  Packer out{bytes};
  pack_reply(out, id);
  out.nil();
  out.map(6);
  out.str("columns");
  out.array(static_cast<uint32_t>(columns_.size()));
  for (const auto& column : columns_) out.str(column.name);
  out.str("types");
  out.array(static_cast<uint32_t>(columns_.size()));
  for (const auto& column : columns_) out.str(column.declared_type);
  out.str("rows");
  out.array(row_count_);
  bytes += rows_;
  out.str("changes");
  out.i64(result.changes);
  out.str("last_insert_rowid");
  out.i64(result.last_insert_rowid);
  out.str("tag");
  out.str(result.tag);
  return bytes;
}

}  // namespace ddb::gateway
