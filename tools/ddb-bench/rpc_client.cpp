#include "rpc_client.hpp"

#define MSGPACK_NO_BOOST
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <msgpack.hpp>

#include "bench/measure.hpp"
#include "codec/pack.hpp"

namespace ddb::bench {

namespace {

using boost::asio::ip::tcp;
using Failure = boost::system::error_code;

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
    packer.u64(value);
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

/// [1, id, error, result]
Result<void> outcome_of(const msgpack::object& reply) {
  if (reply.type != msgpack::type::ARRAY || reply.via.array.size != 4) return fail(Code::bad_data, "the gateway's reply is no response");
  const auto& error = reply.via.array.ptr[2];
  if (error.type == msgpack::type::NIL) return {};
  return std::unexpected(to_error(error));
}

}  // namespace

struct RpcClient::Impl : std::enable_shared_from_this<Impl> {
  Impl(net::Loop& the_loop, const net::Address& the_gateway, Duration the_timeout)
      : loop{the_loop}, gateway{the_gateway}, timeout{the_timeout}, socket{loop.io()}, resolver{loop.io()}, timer{loop} {}

  void connect() {
    reader = msgpack::unpacker{};
    resolver.async_resolve(gateway.host, std::to_string(gateway.port), [self = shared_from_this()](const Failure& error, const auto& found) {
      if (error) return self->broken(error);
      boost::asio::async_connect(self->socket, found, [self](const Failure& failure, const auto&) {
        if (failure) return self->broken(failure);
        Failure ignored;
        self->socket.set_option(tcp::no_delay{true}, ignored);
        self->connected = true;
        self->read();
        self->send();
      });
    });
  }

  void send() {
    sent = true;
    boost::asio::async_write(socket, boost::asio::buffer(call), [self = shared_from_this()](const Failure& error, size_t) {
      if (error) self->broken(error);
    });
  }

  void read() {
    reader.reserve_buffer(16 << 10);
    socket.async_read_some(boost::asio::buffer(reader.buffer(), reader.buffer_capacity()),
                           [self = shared_from_this()](const Failure& error, size_t size) {
                             if (error) return self->broken(error);
                             self->reader.buffer_consumed(size);
                             self->take_replies();
                             if (self->connected) self->read();
                           });
  }

  void take_replies() {
    msgpack::object_handle reply;
    while (connected && reader.next(reply)) finish(outcome_of(reply.get()));
  }

  void broken(const Failure& error) {
    if (error != boost::asio::error::operation_aborted) end_session(error.message());
  }

  /// Nobody reads the old session's answers.
  void end_session(const std::string& reason) {
    Failure ignored;
    connected = false;
    resolver.cancel();
    socket.close(ignored);
    finish(fail(sent ? Code::unknown_outcome : Code::unavailable, "gateway " + to_string(gateway) + ": " + reason));
  }

  void finish(Result<void> outcome) {
    timer.cancel();
    if (const auto callback = std::exchange(done, nullptr)) callback(std::move(outcome));
  }

  net::Loop& loop;
  net::Address gateway;
  Duration timeout;
  tcp::socket socket;
  tcp::resolver resolver;
  net::Timer timer;
  msgpack::unpacker reader;
  Bytes call;   // under way
  bool sent = false;
  bool connected = false;
  uint32_t last_id = 0;
  Done done;
};

RpcClient::RpcClient(net::Loop& loop, const net::Address& gateway, Duration timeout)
    : impl_{std::make_shared<Impl>(loop, gateway, timeout)} {}

RpcClient::~RpcClient() {
  impl_->done = nullptr;
  impl_->end_session("gone");
}

void RpcClient::execute(const std::string& sql, const Parameters& parameters, Done done) {
  impl_->call = encode_call(++impl_->last_id, sql, parameters);
  impl_->done = std::move(done);
  impl_->sent = false;
  impl_->timer.after(impl_->timeout, [impl = impl_.get()] { impl->end_session("no answer in time"); });
  if (impl_->connected) impl_->send();
  else impl_->connect();
}

}  // namespace ddb::bench
