#include "serve.hpp"

#include <csignal>
#include <fmt/format.h>

#include "cli/log.hpp"
#include "gateway/gateway.hpp"
#include "gateway/rpc_server.hpp"

namespace ddb::route {

namespace {

constexpr Duration open_retry = std::chrono::seconds{1};

/// From an empty process to a serving gateway, and back.
class Daemon {
 public:
  Daemon(const client::ClusterOptions& cluster, const ServeOptions& options)
      : options_{options}, gateway_{loop_, cluster, [this](const Error& error) { log_.warning(to_string(error)); }} {}

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
    auto server = gateway::RpcServer::open(
        loop_, {.listen = options_.listen,
                .insecure = options_.insecure,
                .spawn = [this](std::function<void()> body) { gateway_.fibers().spawn(std::move(body)); },
                .sleep = [this](Duration time) { gateway_.sleep(time); },
                .open_session = [this] { return gateway_.session(); },
                .figures = [this] { return gateway_.figures(); }});
    if (!server) return std::unexpected(server.error());
    server_ = *std::move(server);
    log_.info(fmt::format("serves on {}", net::to_string(server_->address())));
    loop_.run_until([this] { return stopped_; });
    return {};
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) {
      if (const auto reopened = log_.reopen(); !reopened) log_.warning(to_string(reopened.error()));
      return;
    }
    log_.info("stopping");
    if (std::exchange(stopping_, true)) return gateway_.fibers().stop();  // asked twice: nobody waits any more
    if (server_) server_->stop([this] { stopped_ = true; });
  }

  const ServeOptions& options_;
  cli::Log log_;
  net::Loop loop_;
  gateway::Gateway gateway_;
  std::unique_ptr<gateway::RpcServer> server_;
  bool stopping_ = false;
  bool stopped_ = false;
};

}  // namespace

Result<void> serve(const client::ClusterOptions& cluster, const ServeOptions& options) {
  return Daemon{cluster, options}.run();
}

}  // namespace ddb::route
