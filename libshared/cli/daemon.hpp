// From an empty process to a serving one, and back: log, signals, and the loop of a server.
#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/log.hpp"
#include "net/loop.hpp"
#include "server/events.hpp"

namespace ddb::cli {

/// SIGTERM and SIGINT end it in order, a second one at once; SIGHUP reopens the log.
class Daemon {
 public:
  /// `log`: file; empty: stderr.
  explicit Daemon(std::string log) : path_{std::move(log)} {}

  /// `Server` as server::NodeServer is. Returns when it has stopped or failed.
  template <class Server, class Options>
  Result<void> run(const Options& options, const std::string& farewell) {
    if (!path_.empty()) {
      if (auto opened = log_.open(path_); !opened) return opened;
    }
    auto server = Server::open(loop_, options, {.info = [this](const std::string& line) { log_.info(line); },
                                                .warning = [this](const std::string& line) { log_.warning(line); },
                                                .failed = [this](const Error& error) { fail_with(error); }});
    if (!server) return std::unexpected(server.error());
    bool stopping = false;
    loop_.on_signal({SIGTERM, SIGINT, SIGHUP}, [&](int signal) {
      if (signal == SIGHUP) return (void)log_.reopen();
      if (std::exchange(stopping, true)) return loop_.stop();
      log_.info(farewell);
      (*server)->stop([this] { loop_.stop(); });
    });
    loop_.run();
    return error_ ? Result<void>{std::unexpected(*error_)} : Result<void>{};
  }

 private:
  void fail_with(const Error& error) {
    log_.error(to_string(error));
    error_ = error;
    loop_.stop();
  }

  const std::string path_;
  Log log_;
  net::Loop loop_;
  std::optional<Error> error_;
};

}  // namespace ddb::cli
