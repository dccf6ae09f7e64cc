#include "check.hpp"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <csignal>

#include "check/check.hpp"
#include "cli/progress.hpp"
#include "client/fiber.hpp"
#include "client/later.hpp"
#include "sql.hpp"
#include "verdict.hpp"
#include "workload.hpp"

namespace ddb::bench {

namespace {

constexpr Duration error_pause = std::chrono::milliseconds{20};
constexpr Duration progress_interval = std::chrono::milliseconds{200};
constexpr Duration patience = std::chrono::seconds{60};  // with a cluster that does not let us begin or end

/// Different in each run: what another run may still have under way must not reach this one's rows.
std::string fresh_prefix() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return fmt::format("check/{:x}{:08x}/", t.tv_sec, t.tv_nsec);
}

std::string table_name(std::string workload) {
  std::ranges::replace(workload, '-', '_');
  return "check_" + workload;
}

/// All clients of all workloads, each in a fiber of its own.
class Checked {
 public:
  Checked(const cli::Context& context, const CheckOptions& options, std::vector<net::Address> gateways, const std::vector<net::Address>& oracles);

  /// Errors: those of opening, or the last one if nothing succeeded.
  Result<void> run();
  const check::History& history() const { return recorder_.history(); }

 private:
  struct Running {
    std::unique_ptr<Workload> workload;
    std::vector<std::unique_ptr<Client>> clients;
    uint32_t at_work = 0;
  };

  std::unique_ptr<Client> make_client(const std::string& workload, uint32_t number, Random& seeds);
  void open(Running& running);
  void begin();
  void work(Running& running, Client& client);
  void close(Running& running, Client& client);
  Result<void> retry(const std::function<Result<void>()>& step);
  void pause(Duration duration);
  void show_progress();

  const cli::Context& context_;
  const CheckOptions& options_;
  std::vector<net::Address> gateways_;
  net::Loop loop_;
  client::Fibers fibers_{loop_};
  client::Later later_{loop_};
  std::optional<client::Cluster> cluster_;
  std::string prefix_ = fresh_prefix();
  History file_;
  Recorder recorder_{file_};
  cli::Progress progress_{"ddb-bench", "operations"};
  std::vector<Running> running_;
  size_t opened_ = 0;
  uint64_t succeeded_ = 0;
  uint64_t ended_ = 0;
  bool stopping_ = false;
  bool interrupted_ = false;
  Result<void> opening_{};
  Error last_error_;
};

Checked::Checked(const cli::Context& context, const CheckOptions& options, std::vector<net::Address> gateways, const std::vector<net::Address>& oracles)
    : context_{context}, options_{options}, gateways_{std::move(gateways)} {
  if (!oracles.empty()) cluster_.emplace(loop_, client::ClusterOptions{.oracles = oracles, .timeout = options.timeout});
  Random seeds{options.seed};
  for (const auto& name : options.workloads.empty() ? check::workload_names() : options.workloads) {
    running_.push_back({.workload = make_workload(name), .clients = {}});
    for (uint32_t number = 0; number < options.clients; ++number) running_.back().clients.push_back(make_client(name, number, seeds));
  }
}

std::unique_ptr<Client> Checked::make_client(const std::string& workload, uint32_t number, Random& seeds) {
  auto client = std::make_unique<Client>(Client{.number = number, .recorder = recorder_, .session = {}, .table = {}, .random = Random{seeds.next()}, .process = recorder_.new_process()});
  if (cluster_) {
    client->table = make_kv_table(fibers_, *cluster_, prefix_ + workload + "/");
  } else {
    client->session = std::make_unique<RpcClient>(loop_, gateways_[number % gateways_.size()], options_.timeout);
    client->table = make_sql_table(fibers_, *client->session, table_name(workload));
  }
  return client;
}

Result<void> Checked::run() {
  if (!options_.history.empty())
    if (auto opened = file_.open(options_.history); !opened) return opened;
  loop_.on_signal({SIGINT, SIGTERM}, [this](int) { stopping_ = interrupted_ = true; });
  for (auto& running : running_) fibers_.spawn([this, &running] { open(running); });
  show_progress();
  loop_.run_until([&] { return fibers_.count() == 0; });
  progress_.clear();
  if (auto closed = file_.close(); !closed) return closed;
  if (!opening_) return opening_;
  if (succeeded_ == 0) return std::unexpected(last_error_.message.empty() ? Error{Code::failed, "interrupted", {}, {}} : last_error_);
  return {};
}

void Checked::open(Running& running) {
  Client& first = *running.clients.front();
  Result<void> opened = retry([&] { return first.table->create(); });
  if (opened) opened = retry([&] { return running.workload->open(first); });
  if (!opened) {
    opening_ = opened;
    stopping_ = true;
  }
  if (++opened_ == running_.size()) begin();
}

void Checked::begin() {
  if (stopping_) return;
  later_.after(options_.duration, [this] { stopping_ = true; });
  for (auto& running : running_) {
    running.at_work = options_.clients;
    for (auto& client : running.clients) fibers_.spawn([this, &running, &client] { work(running, *client); });
  }
}

void Checked::work(Running& running, Client& client) {
  while (!stopping_) {
    const auto done = running.workload->operate(client);
    ++ended_;
    if (done) {
      ++succeeded_;
      continue;
    }
    if (done.error().code != Code::conflict) last_error_ = done.error();
    pause(error_pause);
  }
  if (--running.at_work == 0) close(running, client);
}

/// The last one out looks what is left.
void Checked::close(Running& running, Client& client) {
  const auto closed = retry([&] { return running.workload->close(client); });
  if (!closed) context_.note(fmt::format("{}: the last reads failed, so what was lost at the end may not be noticed: {}", running.workload->name(), closed.error().message));
}

Result<void> Checked::retry(const std::function<Result<void>()>& step) {
  const Instant begun = net::Loop::now();
  for (;;) {
    const auto done = step();
    const bool enough = interrupted_ || net::Loop::now() - begun > patience;
    if (done || enough || done.error().code == Code::usage) return done;
    pause(error_pause);
  }
}

void Checked::pause(Duration duration) {
  (void)client::await<bool>(fibers_, [&](client::Done<bool> done) {
    later_.after(duration, [done = std::move(done)]() mutable { done(true); });
  });
}

void Checked::show_progress() {
  if (stopping_) return;
  progress_.update(ended_, 0);
  later_.after(progress_interval, [this] { show_progress(); });
}

}  // namespace

Result<void> run_check(cli::Context& context, const CheckOptions& options) {
  if (!options.file.empty()) {
    const auto history = read_history(options.file);
    return history ? judge(context, *history) : std::unexpected(history.error());
  }
  std::vector<net::Address> gateways, oracles;
  auto addresses = options.via == "sql" ? gateway_addresses(options.gateways) : context.oracles();
  if (!addresses) return std::unexpected(addresses.error());
  (options.via == "sql" ? gateways : oracles) = std::move(*addresses);
  Checked checked{context, options, std::move(gateways), oracles};
  if (auto run = checked.run(); !run) return run;
  return judge(context, checked.history());
}

}  // namespace ddb::bench
