#include "cluster.hpp"

#include <chrono>
#include <thread>

namespace ddb::route {

namespace {

constexpr Duration look_again = std::chrono::milliseconds{20};  // whether a directory is free

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::open(cli::Context& context, const ClusterChoice& choice) {
  std::unique_ptr<Cluster> cluster{new Cluster};
  cluster->options_.timeout = choice.timeout;
  if (!choice.directory.empty()) {
    if (auto served = cluster->serve(context, choice); !served) return std::unexpected(served.error());
    return cluster;
  }
  auto oracles = context.oracles();
  if (!oracles) return std::unexpected(oracles.error());
  cluster->options_.oracles = *std::move(oracles);
  return cluster;
}

/// One process at a time has a directory; scripts that meet take turns, as with a database file.
Result<void> Cluster::serve(cli::Context& context, const ClusterChoice& choice) {
  const Instant until = net::Loop::now() + choice.timeout;
  for (;;) {
    auto local = server::Local::open(loop_, choice.directory, {.warning = [&](const std::string& line) { context.note(line); },
                                                               .failed = [this](const Error& error) {
                                                                 failure_ = error;
                                                                 loop_.stop();
                                                               }});
    if (local) {
      local_ = *std::move(local);
      options_.oracles = local_->oracles();
      return {};
    }
    if (local.error().code != Code::try_again || net::Loop::now() >= until) return std::unexpected(local.error());
    std::this_thread::sleep_for(look_again);
  }
}

Result<void> Cluster::close(Result<void> done) {
  if (!local_) return done;
  bool stopped = false;
  local_->stop([&] { stopped = true; });
  loop_.run_until([&] { return stopped; });
  local_.reset();
  return failure_ ? std::unexpected(*failure_) : done;
}

}  // namespace ddb::route
