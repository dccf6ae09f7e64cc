#include "gateway/rpc_server.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "gateway/rpc_message.hpp"

namespace ddb::gateway {

namespace {

constexpr Duration unread_pause = std::chrono::milliseconds{2};

sql::SqlError sql_error(Error error) { return {.error = std::move(error), .sqlstate = {}, .position = {}}; }

const Error interrupted{Code::failed, "interrupted", {}, {}};

}  // namespace

struct RpcServer::Impl : std::enable_shared_from_this<Impl> {
  class Client;

  Impl(net::Loop& the_loop, RpcServerOptions the_options) : loop{the_loop}, options{std::move(the_options)} {}
  void accepted(net::ConnectionPtr connection);
  void gone(const std::shared_ptr<Client>& client);
  std::vector<std::pair<std::string, uint64_t>> figures() const;

  net::Loop& loop;
  RpcServerOptions options;
  std::unique_ptr<net::Listener> listener;
  std::set<std::shared_ptr<Client>> clients;
  std::function<void()> stopped;  // set: stopping
  uint64_t statements = 0;
  uint64_t errors = 0;
  Instant started = net::Loop::now();
};

/// One connection and its session. Lives until both are done: the connection's callbacks and the fiber hold it.
///
///   open -(the peer closes, or sends garbage: nothing more is sent)-> closed
///   open -(stop(): what runs is interrupted and answered)-> closed
/// A fiber is at work while requests wait; a closed client without one is gone.
class RpcServer::Impl::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(Impl& server, net::ConnectionPtr connection) : server_{server}, connection_{std::move(connection)} {}

  void start() {
    connection_->start({.frame = [self = shared_from_this()](BytesView bytes) { self->received(bytes); },
                        .closed = [self = shared_from_this()](const Error&) { self->close(); }});
  }

  void close() {
    if (std::exchange(closed_, true)) return;
    waiting_.clear();
    if (session_) session_->interrupt();
    if (!working_) work();  // to end the session where it has run
  }

 private:
  void received(BytesView bytes) {
    reader_.feed(bytes);
    take_requests();
  }

  void take_requests() {
    while (!closed_ && waiting_.size() < requests_waiting_max) {
      auto request = reader_.next();
      if (!request) {  // no client of ours: nothing that it sent before is owed an answer
        connection_->close();
        return close();
      }
      if (!*request) return connection_->pause(false);
      take(**std::move(request));
    }
    if (!closed_) connection_->pause(true);
  }

  void take(Request request) {
    if (!request.call) return answer(request.id, [&](uint32_t id) { return encode_error(id, sql_error(request.call.error())); });
    if (std::holds_alternative<ExecuteCall>(*request.call)) {
      waiting_.push_back(std::move(request));
      if (!working_) work();
    } else if (const auto* cancelled = std::get_if<CancelCall>(&*request.call)) {
      const bool found = cancel(cancelled->id);
      answer(request.id, [&](uint32_t id) { return encode_done(id, found); });
    } else if (std::holds_alternative<StatusCall>(*request.call)) {
      answer(request.id, [&](uint32_t id) { return encode_figures(id, server_.figures()); });
    } else {
      answer(request.id, [](uint32_t id) { return encode_done(id, true); });
    }
  }

  bool cancel(uint32_t id) {
    if (running_ == id) {
      session_->interrupt();
      return true;
    }
    const auto found = std::ranges::find(waiting_, std::optional{id}, &Request::id);
    if (found == waiting_.end()) return false;
    waiting_.erase(found);
    answer(id, [](uint32_t same) { return encode_error(same, sql_error(interrupted)); });
    return true;
  }

  template <class Encode>
  void answer(std::optional<uint32_t> id, Encode encode) {
    if (id) connection_->send(encode(*id));  // a notification has none to answer to
  }

  void work() {
    working_ = true;
    server_.options.spawn([self = shared_from_this()] {
      while (!self->waiting_.empty()) self->run_next();
      self->working_ = false;
      if (self->closed_) self->end();
    });
  }

  void run_next() {
    const Request request = std::move(waiting_.front());
    waiting_.pop_front();
    take_requests();
    running_ = request.id;
    run(request);
    running_.reset();
    while (!closed_ && connection_->output_bytes() > replies_unread_max) server_.options.sleep(unread_pause);
  }

  void run(const Request& request) {
    ++server_.statements;
    ReplyRows rows;
    const auto result = execute(std::get<ExecuteCall>(*request.call), rows);
    if (!result) ++server_.errors;
    answer(request.id, [&](uint32_t id) { return result ? rows.encode(id, *result) : encode_error(id, result.error()); });
  }

  sql::SqlResult<sql::StatementResult> execute(const ExecuteCall& call, ReplyRows& rows) {
    if (!session_) {
      auto session = server_.options.open_session();
      if (!session) return std::unexpected(sql_error(session.error()));
      session_ = *std::move(session);
    }
    if (closed_) return std::unexpected(sql_error(interrupted));
    return session_->execute(call.sql, call.parameters, rows);
  }

  void end() {
    session_.reset();
    connection_->finish();
    server_.gone(shared_from_this());
  }

  Impl& server_;
  net::ConnectionPtr connection_;
  RequestReader reader_;
  std::deque<Request> waiting_;  // at most requests_waiting_max
  std::optional<uint32_t> running_;
  std::unique_ptr<sql::Session> session_;
  bool working_ = false;  // a fiber is
  bool closed_ = false;
};

void RpcServer::Impl::accepted(net::ConnectionPtr connection) {
  const auto client = *clients.insert(std::make_shared<Client>(*this, std::move(connection))).first;
  client->start();
}

void RpcServer::Impl::gone(const std::shared_ptr<Client>& client) {
  clients.erase(client);
  if (clients.empty() && stopped) loop.post([done = std::exchange(stopped, {})] { done(); });
}

std::vector<std::pair<std::string, uint64_t>> RpcServer::Impl::figures() const {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(net::Loop::now() - started);
  const client::Figures cluster = options.figures ? options.figures() : client::Figures{};
  return {{"connections", clients.size()},
          {"statements", statements},
          {"errors", errors},
          {"uptime_seconds", static_cast<uint64_t>(uptime.count())},
          {"requests", cluster.requests},
          {"requests_misrouted", cluster.requests_misrouted},
          {"map_reads", cluster.map_reads},
          {"timestamp_requests", cluster.timestamp_requests},
          {"timestamps", cluster.timestamps},
          {"commits_one_range", cluster.commits_one_range},
          {"commits_several_ranges", cluster.commits_several_ranges},
          {"commits_failed", cluster.commits_failed},
          {"restarts", cluster.restarts},
          {"recoveries", cluster.recoveries}};
}

Result<std::unique_ptr<RpcServer>> RpcServer::open(net::Loop& loop, RpcServerOptions options) {
  auto impl = std::make_shared<Impl>(loop, std::move(options));
  net::ListenOptions listen{.insecure = impl->options.insecure, .connection = {.framed = false}};
  listen.connection.frame_bytes_max = 2 * reply_bytes_max;
  auto listener = net::Listener::open(loop, impl->options.listen, listen,
                                      [server = impl.get()](net::ConnectionPtr connection) { server->accepted(std::move(connection)); });
  if (!listener) return std::unexpected(listener.error());
  impl->listener = *std::move(listener);
  return std::unique_ptr<RpcServer>{new RpcServer{std::move(impl)}};
}

RpcServer::RpcServer(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
RpcServer::~RpcServer() = default;

const net::Address& RpcServer::address() const { return impl_->listener->address(); }

void RpcServer::stop(std::function<void()> done) {
  impl_->listener.reset();
  if (impl_->clients.empty()) return impl_->loop.post(std::move(done));
  impl_->stopped = std::move(done);
  const auto clients = impl_->clients;  // close() may let some go
  for (const auto& client : clients) client->close();
}

}  // namespace ddb::gateway
