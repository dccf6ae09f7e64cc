#include "filter.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "cli/progress.hpp"
#include "commands.hpp"
#include "cli/text.hpp"
#include "gateway/gateway.hpp"
#include "gateway/named_txn.hpp"
#include "gateway/script.hpp"
#include "input.hpp"
#include "prompt.hpp"

namespace ddb::route {

namespace {

using gateway::Script;

/// One run: opens a session, feeds it all texts, closes it.
class Filter {
 public:
  Filter(cli::Context& context, Cluster& cluster, const FilterOptions& options)
      : context_{context},
        options_{options},
        interactive_{options.commands.empty() && options.files.empty() && isatty(STDIN_FILENO) == 1},
        loop_{cluster.loop()},
        gateway_{loop_, cluster.options()} {}

  Result<void> run() {
    if (auto checked = check_name(); !checked) return checked;
    loop_.on_signal({SIGINT, SIGTERM}, [this](int signal) { on_signal(signal); });
    auto done = gateway_.run([this] { return work(); });
    progress_.clear();
    if (signal_ != 0) die();
    return done;
  }

 private:
  Result<void> work() {
    if (auto opened = gateway_.open(); !opened) return opened;
    auto done = options_.txn_id ? run_named(*options_.txn_id) : run_session(gateway_.kv());
    gateway_.close();
    return done;
  }

  Result<void> run_session(env::Kv& kv) {
    auto session = gateway_.session(kv, session_options());
    if (!session) return std::unexpected(session.error());
    session_ = std::move(*session);
    auto done = interactive_ ? converse() : run_texts();
    session_.reset();
    return done;
  }

  Result<void> check_name() const {
    if (!options_.txn_id) return {};
    if (options_.keep_going || options_.batch > 0)
      return fail(Code::usage, "--txn-id makes all of a run one transaction", "leave out --keep-going and --batch");
    if (interactive_) return fail(Code::usage, "--txn-id is not for a prompt", "name a file, or use -c");
    return gateway::check_txn_name(*options_.txn_id);
  }

  /// What is committed under this name already is a success as well: so a run can be repeated until it succeeds.
  Result<void> run_named(const std::string& name) {
    const auto before = gateway::find_outcome(gateway_.kv(), name);
    if (!before) return std::unexpected(before.error());
    if (before->known) return taken(name, *before->known);
    gateway::NamedKv named{gateway_.kv(), name, before->read_ts};
    auto done = run_session(named);
    if (done) done = named.finish();
    if (done) return done;
    // Whatever failed may have failed because another run was faster, or only the answer to the commit was lost.
    const auto now = gateway::find_outcome(gateway_.kv(), name);
    return now && now->known ? taken(name, *now->known) : done;
  }

  Result<void> taken(const std::string& name, const gateway::KnownOutcome& known) {
    if (known.outcome == gateway::Outcome::aborted)
      return fail(Code::refused, fmt::format("transaction {} was given up by ddb-route outcome", name), "run it under another name");
    context_.note(fmt::format("transaction {} was committed, at {}: nothing more was done", name, cli::utc(known.since.millis())));
    return {};
  }

  /// A text that ends with its first error may learn of an existing key as late as COMMIT, and spares a request
  /// for every row. Who goes on after an error has to know at once.
  sql::SessionOptions session_options() const {
    sql::SessionOptions options;
    const bool load = !interactive_ && !options_.keep_going && options_.commands.empty();
    options.unique_check = load ? sql::UniqueCheck::at_commit : sql::UniqueCheck::at_statement;
    return options;
  }

  gateway::ScriptOptions script_options() {
    gateway::ScriptOptions options;
    options.keep_going = interactive_ || options_.keep_going;
    options.batch = options_.txn_id ? gateway::batch_whole : options_.batch;
    options.report = [this](const gateway::Complaint& complaint) {
      progress_.clear();
      context_.out().flush();  // rows before the error come before it
      if (context_.out().format() == cli::Format::json) fmt::print(stderr, "{}\n", json_line(complaint));
      else context_.note(text_line(complaint));
    };
    if (isatty(STDOUT_FILENO) == 0) options.progress = [this](uint64_t statements) { progress_.update(statements); };
    return options;
  }

  Result<void> run_texts() {
    Script script{*session_, context_.out(), script_options()};
    Result<void> first{};
    const auto may_go_on = [&](Result<void> done) {
      if (!done && first) first = done;
      return done || options_.keep_going;
    };
    for (const auto& text : options_.commands)
      if (!may_go_on(run_command(script, text))) return first;
    std::vector<std::string> files = options_.files;
    if (files.empty() && options_.commands.empty()) files.push_back("-");
    for (const auto& path : files)
      if (!may_go_on(run_file(script, path))) return first;
    may_go_on(script.finish());
    return first;
  }

  /// The text of -c is whole: its end is a statement's end.
  Result<void> run_command(Script& script, std::string_view text) {
    std::string_view next = text;
    return script.run("-c", [&]() -> Result<std::string_view> { return std::exchange(next, {}); },
                      Script::Ending::whole);
  }

  Result<void> run_file(Script& script, const std::string& path) {
    auto input = FileInput::open(path, loop_, gateway_.fibers());
    if (!input) return std::unexpected(input.error());
    input_ = input->get();
    auto done = script.run(input_->name(), [this] {
      context_.out().flush();  // who reads the rows need not wait for more text
      return input_->read();
    }, Script::Ending::may_be_cut);
    input_ = nullptr;
    return done;
  }

  Result<void> converse() {
    Prompt prompt{loop_, gateway_.fibers(), [this](std::string_view begun) { return completions(*gateway_.schema(), begun); }};
    Script script{*session_, context_.out(), script_options()};
    prompt_ = &prompt;
    script_ = &script;
    loop_.on_signal({SIGTSTP}, [this](int) {
      if (prompt_ != nullptr) prompt_->suspend();
    });
    Commands commands{{.out = context_.out(), .gateway = gateway_, .session = *session_, .loop = loop_,
                       .read_file = [this](const std::string& path) { return read_file(path); },
                       .report = [this](std::string_view line) { context_.note(line); }}};
    std::optional<Instant> since;  // a statement runs since then
    (void)script.run("stdin", [&]() -> Result<std::string_view> {  // errors were shown
      for (;;) {
        context_.out().interrupted();
        if (since && commands.timing() && !script.inside_statement())
          context_.out().text(fmt::format("Run Time: real {:.3f}\n", std::chrono::duration<double>(net::Loop::now() - *since).count()));
        context_.out().flush();
        const auto line = prompt.read(script.inside_statement());
        since = net::Loop::now();
        if (script.inside_statement() || !line.starts_with('.')) return line;
        script.forget();
        since.reset();
        if (auto done = commands.run(line); !done && !done.error().message.empty()) context_.note(to_string(done.error()));
        if (commands.quitting()) return std::string_view{};
      }
    }, Script::Ending::whole);
    script_ = nullptr;
    prompt_ = nullptr;
    session_->rollback();
    return {};
  }

  /// For .read: its errors were shown, and end it alone.
  Result<void> read_file(const std::string& path) {
    auto options = script_options();
    options.keep_going = false;
    const bool before = session_->in_transaction();
    Script script{*session_, context_.out(), options};
    auto input = FileInput::open(path, loop_, gateway_.fibers());
    if (!input) return std::unexpected(input.error());
    auto done = script.run(path, [&] { return (*input)->read(); }, Script::Ending::may_be_cut);
    if (!done && before) return fail(Code::failed, "the open transaction was rolled back");
    return {};
  }

  /// A prompt survives ^C; anything else ends, in order the first time, at once the second.
  void on_signal(int signal) {
    if (prompt_ != nullptr && signal == SIGINT) {
      if (!prompt_->reading()) {
        std::fputc('\n', stderr);  // behind the ^C that the terminal shows
        return session_->interrupt();
      }
      script_->forget();
      return prompt_->drop_line();
    }
    if (std::exchange(signal_, signal) != 0) die();
    if (input_ != nullptr) input_->cancel();
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
  const FilterOptions& options_;
  const bool interactive_;
  net::Loop& loop_;
  gateway::Gateway gateway_;
  std::unique_ptr<sql::Session> session_;
  cli::Progress progress_{"ddb-route", "statements"};
  FileInput* input_ = nullptr;       // being read
  Prompt* prompt_ = nullptr;         // open
  Script* script_ = nullptr;  // of the prompt
  int signal_ = 0;
};

}  // namespace

Result<void> filter(cli::Context& context, Cluster& cluster, const FilterOptions& options) {
  return Filter{context, cluster, options}.run();
}

}  // namespace ddb::route
