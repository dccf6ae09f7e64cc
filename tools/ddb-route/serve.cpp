#include "serve.hpp"

#include <csignal>
#include <fmt/format.h>
#include <sys/random.h>

#include "cli/log.hpp"
#include "gateway/gateway.hpp"
#include "gateway/rpc_server.hpp"
#include "pg/server.hpp"

namespace ddb::route {

namespace {

constexpr Duration open_retry = std::chrono::seconds{1};

uint32_t secret() {
  uint32_t drawn = 0;
  (void)!getrandom(&drawn, sizeof drawn, 0);  // so few bytes never fail, once the kernel has any
  return drawn;
}

/// From an empty process to a serving gateway, and back.
class Daemon {
 public:
  Daemon(Cluster& cluster, const ServeOptions& options)
      : options_{options}, loop_{cluster.loop()}, gateway_{loop_, cluster.options(), [this](const Error& error) { log_.warning(to_string(error)); }} {}

  Result<void> run() {
    if (!options_.log.empty()) {
      if (auto opened = log_.open(options_.log); !opened) return opened;
    }
    loop_.on_signal({SIGTERM, SIGINT, SIGHUP}, [this](int signal) { on_signal(signal); });
    const auto opened = gateway_.run([this] { return open_patiently(); });
    if (!opened) return stopping_ ? Result<void>{} : opened;
    const auto served = stopping_ ? Result<void>{} : serve();
    (void)gateway_.run([this] { return gateway_.close(), Result<void>{}; });
    return served;
  }

 private:
  /// A daemon may be started before its cluster: it waits, and says so.
  Result<void> open_patiently() {
    for (;;) {
      const auto opened = gateway_.open();
      if (opened || stopping_ || opened.error().code == Code::refused) return opened;
      log_.warning(to_string(opened.error()));
      gateway_.sleep(open_retry);
    }
  }

  Result<void> serve() {
    const auto spawn = [this](std::function<void()> body) { gateway_.fibers().spawn(std::move(body)); };
    const auto sleep = [this](Duration time) { gateway_.sleep(time); };
    if (!options_.listen.host.empty()) {
      auto server = gateway::RpcServer::open(loop_, {.listen = options_.listen,
                                                     .insecure = options_.insecure,
                                                     .spawn = spawn,
                                                     .sleep = sleep,
                                                     .open_session = [this] { return gateway_.session(); },
                                                     .figures = [this] { return gateway_.figures(); }});
      if (!server) return std::unexpected(server.error());
      rpc_ = *std::move(server);
      log_.info(fmt::format("serves on {}", net::to_string(rpc_->address())));
    }
    if (!options_.pg.host.empty()) {
      auto server = pg::Server::open(loop_, {.listen = options_.pg,
                                             .insecure = options_.insecure,
                                             .spawn = spawn,
                                             .sleep = sleep,
                                             .open_session = [this](sql::SessionOptions with) { return gateway_.session(std::move(with)); },
                                             .schema = [this] { return gateway_.schema(); },
                                             .random = secret});
      if (!server) return std::unexpected(server.error());
      pg_ = *std::move(server);
      log_.info(fmt::format("serves PostgreSQL clients on {}", net::to_string(pg_->address())));
    }
    loop_.run_until([this] { return stopping_ && serving_ == 0; });
    return {};
  }

  template <class Server>
  void stop(const std::unique_ptr<Server>& server) {
    if (!server) return;
    ++serving_;
    server->stop([this] { --serving_; });
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) {
      if (const auto reopened = log_.reopen(); !reopened) log_.warning(to_string(reopened.error()));
      return;
    }
    log_.info("stopping");
    if (std::exchange(stopping_, true)) return gateway_.fibers().stop();  // asked twice: nobody waits any more
    stop(rpc_);
    stop(pg_);
  }

  const ServeOptions& options_;
  cli::Log log_;
  net::Loop& loop_;
  gateway::Gateway gateway_;
  std::unique_ptr<gateway::RpcServer> rpc_;
  std::unique_ptr<pg::Server> pg_;
  bool stopping_ = false;
  int serving_ = 0;  // servers that are being stopped
};

}  // namespace

Result<void> serve(Cluster& cluster, const ServeOptions& options) {
  return Daemon{cluster, options}.run();
}

}  // namespace ddb::route
