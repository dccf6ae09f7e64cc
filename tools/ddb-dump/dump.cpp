#include "dump.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "cli/progress.hpp"
#include "gateway/dump_file.hpp"
#include "gateway/gateway.hpp"

namespace ddb {

namespace {

class Run {
 public:
  Run(cli::Context& context, const client::ClusterOptions& cluster, const DumpArguments& arguments)
      : context_{context}, arguments_{arguments}, gateway_{loop_, cluster} {}

  Result<void> run() {
    loop_.on_signal({SIGINT, SIGTERM}, [this](int signal) { on_signal(signal); });
    auto done = gateway_.run([this] { return work(); });
    progress_.clear();
    if (signal_ != 0) die();
    return done;
  }

 private:
  Result<void> work() {
    if (auto opened = gateway_.open(); !opened) return opened;
    auto done = tell();
    gateway_.close();
    return done;
  }

  Result<void> tell() {
    auto session = gateway_.session();
    if (!session) return std::unexpected(session.error());
    session_ = std::move(*session);
    const auto now = gateway_.kv().now();
    auto done = !now ? std::unexpected(now.error()) : arguments_.sqlite.empty() ? to_stdout(*now) : to_file(*now);
    session_.reset();
    return done;
  }

  gateway::DumpOptions options(Timestamp now) {
    gateway::DumpOptions options{.tables = arguments_.tables, .as_of = arguments_.as_of, .now = now};
    if (!arguments_.sqlite.empty() || isatty(STDOUT_FILENO) == 0) options.progress = [this](uint64_t rows) { progress_.update(rows); };
    return options;
  }

  /// A dump that is cut off has no COMMIT: whoever loads it keeps nothing of it.
  Result<void> to_stdout(Timestamp now) {
    gateway::DumpText text{[this](std::string_view lines) -> Result<void> {
      if (context_.out().text(lines)) return {};
      return fail(Code::io, "cannot write the output");
    }};
    if (auto begun = text.begin(); !begun) return begun;
    if (auto done = gateway::dump(*session_, options(now), text); !done) return done;
    return text.end();
  }

  Result<void> to_file(Timestamp now) {
    auto file = gateway::DumpFile::create(arguments_.sqlite);
    if (!file) return std::unexpected(file.error());
    if (auto done = gateway::dump(*session_, options(now), **file); !done) return done;
    return signal_ == 0 ? (*file)->commit() : fail(Code::failed, "interrupted");
  }

  void on_signal(int signal) {
    if (std::exchange(signal_, signal) != 0) die();
    if (session_) session_->interrupt();
  }

  /// As the signal would have ended it: the shell sees so.
  [[noreturn]] void die() {
    (void)context_.out().close();
    ::signal(signal_, SIG_DFL);
    raise(signal_);
    std::abort();
  }

  cli::Context& context_;
  const DumpArguments& arguments_;
  net::Loop loop_;
  gateway::Gateway gateway_;
  std::unique_ptr<sql::Session> session_;
  cli::Progress progress_{"ddb-dump", "rows"};
  int signal_ = 0;
};

}  // namespace

Result<void> dump(cli::Context& context, const client::ClusterOptions& cluster, const DumpArguments& arguments) {
  return Run{context, cluster, arguments}.run();
}

}  // namespace ddb
