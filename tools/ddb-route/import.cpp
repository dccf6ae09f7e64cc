#include "import.hpp"

#include <signal.h>

#include <cstdlib>
#include <utility>

#include "cli/progress.hpp"
#include "gateway/gateway.hpp"
#include "gateway/import.hpp"
#include "input.hpp"

namespace ddb::route {

namespace {

using gateway::RecordFormat;

Result<RecordFormat> format_of(const ImportArguments& arguments) {
  if (arguments.csv + arguments.tsv + arguments.json > 1) return fail(Code::usage, "a file has one format", "choose one of --csv, --tsv and --json");
  const auto named = [&](std::string_view end) { return arguments.file.ends_with(end); };
  if (arguments.tsv) return RecordFormat::tsv;
  if (arguments.json) return RecordFormat::json;
  if (arguments.csv || named(".csv")) return RecordFormat::csv;
  if (named(".tsv")) return RecordFormat::tsv;
  if (named(".json") || named(".jsonl") || named(".ndjson")) return RecordFormat::json;
  return fail(Code::usage, "the name of " + arguments.file + " does not tell its format", "say --csv, --tsv or --json");
}

Result<gateway::ImportOptions> options_of(const ImportArguments& arguments) {
  const auto format = format_of(arguments);
  if (!format) return std::unexpected(format.error());
  if (arguments.separator.size() != 1 || arguments.separator == "\"" || arguments.separator == "\n")
    return fail(Code::usage, "--separator takes one character, no quote and no newline");
  gateway::ImportOptions options;
  options.table = arguments.table;
  options.format = *format;
  options.separator = arguments.separator.front();
  options.header = !arguments.no_header;
  options.create = arguments.create;
  if (arguments.existing == "skip") options.existing = gateway::Existing::skip;
  if (arguments.existing == "replace") options.existing = gateway::Existing::replace;
  options.from_line = arguments.from_line;
  options.batch = arguments.batch;
  options.bad_max = arguments.bad_max;
  return options;
}

class Run {
 public:
  Run(cli::Context& context, const client::ClusterOptions& cluster, const ImportArguments& arguments, gateway::ImportOptions options)
      : context_{context}, arguments_{arguments}, options_{std::move(options)}, gateway_{loop_, cluster} {
    options_.report = [this](std::string_view line) {
      progress_.clear();
      context_.note(line);
    };
    options_.progress = [this](uint64_t rows) { progress_.update(rows); };
  }

  Result<void> run() {
    loop_.on_signal({SIGINT, SIGTERM}, [this](int signal) { on_signal(signal); });
    auto done = gateway_.run([this] { return work(); });
    progress_.clear();
    tell();
    if (signal_ != 0) die();
    return done;
  }

 private:
  Result<void> work() {
    if (auto opened = gateway_.open(); !opened) return opened;
    auto done = import();
    gateway_.close();
    return done;
  }

  Result<void> import() {
    auto input = FileInput::open(arguments_.file, loop_, gateway_.fibers());
    if (!input) return std::unexpected(input.error());
    sql::SessionOptions load;
    load.unique_check = sql::UniqueCheck::at_commit;
    auto loading = gateway_.session(load);
    if (!loading) return std::unexpected(loading.error());
    auto careful = gateway_.session();
    if (!careful) return std::unexpected(careful.error());
    gateway::Import import{**loading, **careful, options_};
    interrupt_ = [&] {
      (*input)->cancel();
      (*loading)->interrupt();
      (*careful)->interrupt();
    };
    auto done = import.run((*input)->name(), [&] { return (*input)->read(); }, counts_);
    interrupt_ = {};
    return done;
  }

  void tell() {
    context_.out().columns({"table", "rows", "bad", "next_line"});
    context_.out().row(arguments_.table, counts_.rows, counts_.bad, counts_.next_line);
  }

  void on_signal(int signal) {
    if (std::exchange(signal_, signal) != 0) die();
    if (interrupt_) interrupt_();
  }

  /// As the signal would have ended it: the shell sees so.
  [[noreturn]] void die() {
    (void)context_.out().close();
    ::signal(signal_, SIG_DFL);
    raise(signal_);
    std::abort();
  }

  cli::Context& context_;
  const ImportArguments& arguments_;
  gateway::ImportOptions options_;
  net::Loop loop_;
  gateway::Gateway gateway_;
  gateway::ImportCounts counts_;
  std::function<void()> interrupt_;
  cli::Progress progress_{"ddb-route", "rows"};
  int signal_ = 0;
};

}  // namespace

Result<void> import(cli::Context& context, std::chrono::microseconds timeout, const ImportArguments& arguments) {
  auto options = options_of(arguments);
  if (!options) return std::unexpected(options.error());
  auto oracles = context.oracles();
  if (!oracles) return std::unexpected(oracles.error());
  return Run{context, {.oracles = *std::move(oracles), .timeout = timeout}, arguments, *std::move(options)}.run();
}

}  // namespace ddb::route
