#include "pg/server.hpp"

#include <chrono>
#include <map>
#include <utility>

#include "pg/backend.hpp"

namespace ddb::pg {

namespace {

constexpr Duration unread_pause = std::chrono::milliseconds{2};
constexpr Duration unread_patience = std::chrono::minutes{5};  // with a client that reads nothing, while its transaction waits

int64_t unix_microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

struct Server::Impl : std::enable_shared_from_this<Impl> {
  class Client;

  Impl(net::Loop& the_loop, ServerOptions the_options) : loop{the_loop}, options{std::move(the_options)} {}
  void accepted(net::ConnectionPtr connection);
  void cancel(const CancelRequest& request);
  void gone(uint32_t process);

  net::Loop& loop;
  ServerOptions options;
  std::unique_ptr<net::Listener> listener;
  std::map<uint32_t, std::shared_ptr<Client>> clients;  // by process
  uint32_t last_process = 0;
  std::function<void()> stopped;  // set: stopping
};

/// One connection. Lives until both its conversation and its fiber are done.
///
///   open -(the conversation is over)-> finishing -(what is left to say is sent)-> closed
///   open -(the peer closes)-> closed
/// A fiber is at work while bytes wait that it can do something with; a closed client without one is gone.
class Server::Impl::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(Impl& server, net::ConnectionPtr connection, uint32_t process, uint32_t secret)
      : server_{server},
        connection_{std::move(connection)},
        process_{process},
        secret_{secret},
        backend_{{.open_session = server.options.open_session,
                  .schema = server.options.schema,
                  .unix_microseconds = unix_microseconds,
                  .send = [this](Bytes bytes) { return send(std::move(bytes)); },
                  .cancel = [this](const CancelRequest& request) { server_.cancel(request); },
                  .process = process,
                  .secret = secret}} {}

  void start() {
    connection_->start({.frame = [self = shared_from_this()](BytesView bytes) { self->received(bytes); },
                        .closed = [self = shared_from_this()](const Error&) { self->close(); }});
  }

  /// The peer is gone, or is to go.
  void close() {
    if (std::exchange(closed_, true)) return;
    backend_.interrupt();
    if (!working_) work();  // to end the session where it has run
  }

  void dismiss(std::string sqlstate, std::string reason) {
    dismissal_ = {std::move(sqlstate), std::move(reason)};
    close();
  }

  void interrupt(uint32_t secret) {
    if (secret == secret_) backend_.interrupt();
  }

 private:
  void received(BytesView bytes) {
    if (closed_) return;
    backend_.feed(bytes);
    if (working_ && backend_.waiting() > input_waiting_max) {
      paused_ = true;
      connection_->pause(true);
    }
    came_ = true;
    if (!working_) work();
  }

  void work() {
    working_ = true;
    server_.options.spawn([self = shared_from_this()] { self->run(); });
  }

  void run() {
    while (!closed_ && std::exchange(came_, false)) {
      if (!backend_.work()) closed_ = true;
      if (std::exchange(paused_, false) && !closed_) connection_->pause(false);
    }
    working_ = false;
    if (closed_) end();
  }

  bool send(Bytes bytes) {
    if (!connection_->open()) return false;
    connection_->send(bytes);
    const Instant give_up = net::Loop::now() + unread_patience;
    while (!closed_ && connection_->open() && connection_->output_bytes() > output_unread_max) {
      if (net::Loop::now() > give_up) {
        connection_->close();
        return false;
      }
      server_.options.sleep(unread_pause);
    }
    return !closed_ && connection_->open();
  }

  void end() {
    if (dismissal_) backend_.say_goodbye(dismissal_->first, dismissal_->second);
    backend_.end();
    connection_->finish();
    server_.gone(process_);
  }

  Impl& server_;
  net::ConnectionPtr connection_;
  const uint32_t process_;
  const uint32_t secret_;
  Backend backend_;
  std::optional<std::pair<std::string, std::string>> dismissal_;
  bool working_ = false;  // a fiber is
  bool came_ = false;     // bytes, since work() was last called
  bool paused_ = false;
  bool closed_ = false;
};

void Server::Impl::accepted(net::ConnectionPtr connection) {
  do ++last_process;
  while (last_process == 0 || last_process > INT32_MAX || clients.contains(last_process));
  const auto client = std::make_shared<Client>(*this, std::move(connection), last_process, options.random());
  clients.emplace(last_process, client);
  client->start();
  if (clients.size() > options.connections_max) client->dismiss("53300", "sorry, too many clients already");
}

void Server::Impl::cancel(const CancelRequest& request) {
  const auto found = clients.find(request.process);
  if (found != clients.end()) found->second->interrupt(request.secret);
}

void Server::Impl::gone(uint32_t process) {
  clients.erase(process);
  if (clients.empty() && stopped) loop.post([done = std::exchange(stopped, {})] { done(); });
}

Result<std::unique_ptr<Server>> Server::open(net::Loop& loop, ServerOptions options) {
  auto impl = std::make_shared<Impl>(loop, std::move(options));
  net::ListenOptions listen{.insecure = impl->options.insecure, .connection = {.framed = false}};
  listen.connection.frame_bytes_max = 2 * portal_bytes_max;
  listen.connection.output_bytes_max = 4 * portal_bytes_max;
  auto listener = net::Listener::open(loop, impl->options.listen, listen,
                                      [server = impl.get()](net::ConnectionPtr connection) { server->accepted(std::move(connection)); });
  if (!listener) return std::unexpected(listener.error());
  impl->listener = *std::move(listener);
  return std::unique_ptr<Server>{new Server{std::move(impl)}};
}

Server::Server(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
Server::~Server() = default;

const net::Address& Server::address() const { return impl_->listener->address(); }

void Server::stop(std::function<void()> done) {
  impl_->listener.reset();
  if (impl_->clients.empty()) return impl_->loop.post(std::move(done));
  impl_->stopped = std::move(done);
  const auto clients = impl_->clients;  // some may go meanwhile
  for (const auto& [process, client] : clients) client->dismiss("57P01", "terminating connection: the gateway is stopping");
}

}  // namespace ddb::pg
