#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "net/connection.hpp"
#include "net/socket.hpp"

namespace ddb::net {

struct Dialer::Impl : std::enable_shared_from_this<Impl> {
  Impl(Loop& the_loop, const Address& the_address, const ConnectionOptions& the_options,
       std::function<void(Result<ConnectionPtr>)> on_done)
      : loop{the_loop}, address{the_address}, options{the_options}, done{std::move(on_done)}, socket{loop.io()},
        resolver{loop.io()}, timeout{loop} {}

  void dial() {
    const auto literal = literal_endpoints(address);
    if (!literal.empty()) return connect(literal);
    resolver.async_resolve(address.host, std::to_string(address.port),
                           [self = shared_from_this()](const boost::system::error_code& error, const auto& found) {
                             if (error) return self->failed(error.message());
                             std::vector<Stream::endpoint> endpoints;
                             for (const auto& entry : found) endpoints.emplace_back(entry.endpoint());
                             self->connect(endpoints);
                           });
  }

  void connect(const std::vector<Stream::endpoint>& endpoints) {
    boost::asio::async_connect(socket, endpoints,
                               [self = shared_from_this()](const boost::system::error_code& error, const auto&) {
                                 if (error) return self->failed(error.message());
                                 self->finish(make_connection(self->loop, std::move(self->socket), self->options));
                               });
  }

  void failed(const std::string& reason) {
    finish(fail(Code::unavailable, "cannot connect to " + to_string(address) + ": " + reason));
  }

  void finish(Result<ConnectionPtr> result) {
    const auto callback = std::exchange(done, nullptr);
    abandon();
    if (callback) callback(std::move(result));
  }

  void abandon() {
    done = nullptr;
    timeout.cancel();
    resolver.cancel();
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  Loop& loop;
  Address address;
  ConnectionOptions options;
  std::function<void(Result<ConnectionPtr>)> done;  // null: over
  Stream::socket socket;
  tcp::resolver resolver;
  Timer timeout;
};

Dialer::Dialer(Loop& loop, const Address& address, Duration timeout, const ConnectionOptions& options,
               std::function<void(Result<ConnectionPtr>)> done)
    : impl_{std::make_shared<Impl>(loop, address, options, std::move(done))} {
  impl_->timeout.after(timeout, [impl = impl_.get()] { impl->failed("no answer in time"); });
  impl_->dial();
}

Dialer::~Dialer() {
  if (impl_) impl_->abandon();
}
Dialer::Dialer(Dialer&&) noexcept = default;
Dialer& Dialer::operator=(Dialer&& other) noexcept {
  if (impl_) impl_->abandon();
  impl_ = std::move(other.impl_);
  return *this;
}

}  // namespace ddb::net
