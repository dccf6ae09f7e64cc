#include "rpc_client.hpp"

#define MSGPACK_NO_BOOST
#include <array>
#include <cstring>
#include <msgpack.hpp>
#include <optional>

#include "bench/measure.hpp"
#include "codec/pack.hpp"
#include "net/connection.hpp"

namespace ddb::bench {

namespace {

constexpr net::ConnectionOptions stream{.framed = false};

Bytes encode_call(uint32_t id, const std::string& sql, const Parameters& parameters) {
  Bytes out;
  codec::Packer packer{out};
  packer.array(4);
  packer.u64(0);
  packer.u64(id);
  packer.str("execute");
  packer.array(2);
  packer.str(sql);
  packer.map(static_cast<uint32_t>(parameters.size()));
  for (const auto& [name, value] : parameters) {
    packer.str(name);
    if (const auto* text = std::get_if<std::string>(&value)) packer.str(*text);
    else packer.u64(std::get<uint64_t>(value));
  }
  return out;
}

Code code_of(std::string_view word) {
  for (int code = 1; code <= static_cast<int>(Code::too_old); ++code)
    if (word == name_of(static_cast<Code>(code))) return static_cast<Code>(code);
  return Code::failed;
}

Error to_error(const msgpack::object& map) {
  Error error;
  if (map.type != msgpack::type::MAP) return {Code::bad_data, "the gateway's error is no map", {}, {}};
  for (const auto& [key, value] : map.via.map) {
    if (key.type != msgpack::type::STR || value.type != msgpack::type::STR) continue;
    const auto name = key.as<std::string>();
    if (name == "code") error.code = code_of(value.as<std::string>());
    if (name == "message") error.message = value.as<std::string>();
    if (name == "hint") error.hint = value.as<std::string>();
  }
  return error;
}

codec::Value to_value(const msgpack::object& value) {
  switch (value.type) {
    case msgpack::type::STR: return value.as<std::string>();
    case msgpack::type::BIN: return codec::Blob{value.as<std::string>()};
    case msgpack::type::POSITIVE_INTEGER: return static_cast<int64_t>(value.via.u64);  // they have 64 bits, with sign
    case msgpack::type::NEGATIVE_INTEGER: return value.via.i64;
    case msgpack::type::FLOAT64: return value.via.f64;
    default: return {};
  }
}

Rows rows_of(const msgpack::object& result) {
  Rows rows;
  if (result.type != msgpack::type::MAP) return rows;
  for (const auto& [name, value] : result.via.map) {
    if (name.type != msgpack::type::STR || name.as<std::string>() != "rows" || value.type != msgpack::type::ARRAY) continue;
    for (const auto& row : value.via.array) {
      rows.emplace_back();
      if (row.type != msgpack::type::ARRAY) continue;
      for (const auto& cell : row.via.array) rows.back().push_back(to_value(cell));
    }
  }
  return rows;
}

/// [1, id, error, result]
Result<Rows> outcome_of(const msgpack::object& reply, bool with_rows) {
  if (reply.type != msgpack::type::ARRAY || reply.via.array.size != 4) return fail(Code::bad_data, "the gateway's reply is no response");
  const auto& error = reply.via.array.ptr[2];
  if (error.type != msgpack::type::NIL) return std::unexpected(to_error(error));
  return with_rows ? rows_of(reply.via.array.ptr[3]) : Rows{};
}

}  // namespace

struct RpcClient::Impl {
  Impl(net::Loop& the_loop, const net::Address& the_gateway, Duration the_timeout)
      : loop{the_loop}, gateway{the_gateway}, timeout{the_timeout}, timer{loop} {}

  void begin(Bytes encoded, bool wants_rows, DoneRows callback) {
    call = std::move(encoded);
    with_rows = wants_rows;
    done = std::move(callback);
    sent = false;
    timer.after(timeout, [this] { end_session("no answer in time"); });
    if (connection) send();
    else connect();
  }

  void connect() {
    reader.emplace();
    dialer.emplace(loop, gateway, timeout, stream, [this](Result<net::ConnectionPtr> dialed) {
      if (!dialed) return end_session(dialed.error().message);
      connection = std::move(*dialed);
      connection->start({.frame = [this](BytesView piece) { received(piece); },
                         .closed = [this](const Error& reason) { end_session(reason.message); }});
      send();
    });
  }

  void send() {
    sent = true;
    connection->send(call);
  }

  void received(BytesView piece) {
    reader->reserve_buffer(piece.size());
    std::memcpy(reader->buffer(), piece.data(), piece.size());
    reader->buffer_consumed(piece.size());
    msgpack::object_handle reply;
    while (connection && reader->next(reply)) finish(outcome_of(reply.get(), with_rows));
  }

  /// Nobody reads the old session's answers.
  void end_session(const std::string& reason) {
    dialer.reset();
    connection.reset();
    finish(fail(sent ? Code::unknown_outcome : Code::unavailable, "gateway " + to_string(gateway) + ": " + reason));
  }

  void finish(Result<Rows> outcome) {
    timer.cancel();
    if (const auto callback = std::exchange(done, nullptr)) callback(std::move(outcome));
  }

  net::Loop& loop;
  net::Address gateway;
  Duration timeout;
  net::Timer timer;
  std::optional<net::Dialer> dialer;
  net::ConnectionPtr connection;  // null: none
  std::optional<msgpack::unpacker> reader;  // of this session; a moved one would look after its buffers in the old one's zone
  Bytes call;  // under way
  bool sent = false;
  bool with_rows = false;
  uint32_t last_id = 0;
  DoneRows done;
};

RpcClient::RpcClient(net::Loop& loop, const net::Address& gateway, Duration timeout)
    : impl_{std::make_unique<Impl>(loop, gateway, timeout)} {}
RpcClient::~RpcClient() = default;

void RpcClient::execute(const std::string& sql, const Parameters& parameters, Done done) {
  impl_->begin(encode_call(++impl_->last_id, sql, parameters), false, [done = std::move(done)](const Result<Rows>& outcome) {
    done(outcome ? Result<void>{} : std::unexpected(outcome.error()));
  });
}

void RpcClient::query(const std::string& sql, const Parameters& parameters, DoneRows done) {
  impl_->begin(encode_call(++impl_->last_id, sql, parameters), true, std::move(done));
}

}  // namespace ddb::bench
