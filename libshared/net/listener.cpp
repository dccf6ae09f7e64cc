#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <unistd.h>

#include "net/connection.hpp"
#include "net/socket.hpp"

namespace ddb::net {

namespace {

namespace asio = boost::asio;

constexpr Duration accept_retry = std::chrono::milliseconds{100};  // when descriptors run out

using Acceptor = asio::basic_socket_acceptor<Stream>;

Result<Stream::endpoint> endpoint_of(asio::io_context& io, const Address& address) {
  const auto literal = literal_endpoints(address);
  if (!literal.empty()) return literal.front();
  boost::system::error_code error;
  const auto found = tcp::resolver{io}.resolve(address.host, std::to_string(address.port), error);
  if (error || found.empty())
    return fail(Code::cannot_create, "cannot find the host of " + to_string(address) + ": " + error.message());
  return Stream::endpoint{found.begin()->endpoint()};
}

std::unexpected<Error> listen_error(const Address& address, const boost::system::error_code& error) {
  const std::string what = "cannot listen on " + to_string(address) + ": ";
  if (error == asio::error::address_in_use)
    return fail(Code::cannot_create, what + "the port is in use", "stop what uses it or choose another port");
  if (error == asio::error::access_denied)
    return fail(Code::refused, what + error.message(), "choose a port above 1023");
  return fail(Code::cannot_create, what + error.message());
}

Result<void> bind(Acceptor& acceptor, const Stream::endpoint& endpoint, const Address& address) {
  // What a process that was killed left there. Whoever listens has locked the directory around it.
  if (address.is_local()) ::unlink(address.host.c_str());
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address{true}, error);  // a restart need not wait for TIME_WAIT
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(Acceptor::max_listen_connections, error);
  if (error) return listen_error(address, error);
  return {};
}

}  // namespace

struct Listener::Impl : std::enable_shared_from_this<Impl> {
  Impl(Loop& the_loop, const ConnectionOptions& the_options, std::function<void(ConnectionPtr)> on_accept)
      : loop{the_loop}, options{the_options}, accepted{std::move(on_accept)}, acceptor{loop.io()}, retry{loop} {}

  void accept() {
    acceptor.async_accept([self = shared_from_this()](const boost::system::error_code& error, Stream::socket socket) {
      if (self->closed) return;
      if (!error) {
        self->accepted(make_connection(self->loop, std::move(socket), self->options));
        if (!self->closed) self->accept();
      } else {
        self->retry.after(accept_retry, [impl = self.get()] { impl->accept(); });
      }
    });
  }

  Loop& loop;
  ConnectionOptions options;
  std::function<void(ConnectionPtr)> accepted;
  Acceptor acceptor;
  Address address;
  Timer retry;
  bool closed = false;
};

Listener::Listener(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}

Listener::~Listener() {
  boost::system::error_code ignored;
  impl_->closed = true;
  impl_->retry.cancel();
  impl_->acceptor.close(ignored);
  if (impl_->address.is_local()) ::unlink(impl_->address.host.c_str());
}

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Address& address, const ListenOptions& options,
                                                 std::function<void(ConnectionPtr)> accepted) {
  if (!options.insecure && !is_loopback(address))
    return fail(Code::refused, "will not listen on " + to_string(address) + " without TLS",
                "listen on 127.0.0.1, or give --insecure on a network that you trust");
  const auto endpoint = endpoint_of(loop.io(), address);
  if (!endpoint) return std::unexpected(endpoint.error());
  auto impl = std::make_shared<Impl>(loop, options.connection, std::move(accepted));
  if (auto bound = bind(impl->acceptor, *endpoint, address); !bound) return std::unexpected(bound.error());
  impl->address = {.host = address.host, .port = address_of(impl->acceptor.local_endpoint()).port};
  impl->accept();
  return std::unique_ptr<Listener>{new Listener{std::move(impl)}};
}

const Address& Listener::address() const { return impl_->address; }

}  // namespace ddb::net
