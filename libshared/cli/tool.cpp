#include "cli/tool.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>

#include "base/assert.hpp"
#include "cli/text.hpp"

namespace ddb::cli {

struct Tool::Impl {
  std::string name;
  CLI::App app;
  std::vector<std::unique_ptr<Command>> commands;
  std::string oracle;
  Format format = Format::automatic;
  bool no_header = false;

  Impl(std::string n, std::string purpose) : name{std::move(n)}, app{std::move(purpose), name} {}
};

namespace {

const std::map<std::string, Format> formats{{"table", Format::table}, {"tsv", Format::tsv},     {"csv", Format::csv},
                                            {"json", Format::json},   {"quote", Format::quote}};

Result<Format> parse_format(const std::string& text) {
  const auto format = formats.find(text);
  if (format != formats.end()) return format->second;
  return fail(Code::usage, fmt::format("\"{}\" is not table, tsv, csv, json or quote", text));
}

Result<std::chrono::microseconds> parse_duration(const std::string& text) {
  static const std::map<std::string, double> units{
      {"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"", 1e6}, {"m", 60e6}, {"h", 3600e6}};
  const size_t digits = text.find_first_not_of("0123456789.");
  const std::string number = text.substr(0, digits);
  const auto unit = units.find(digits == std::string::npos ? "" : text.substr(digits));
  double value = 0;
  if (unit == units.end() || !CLI::detail::lexical_cast(number, value) || value * unit->second > 1e15)
    return fail(Code::usage, fmt::format("\"{}\" is not a duration: write 500ms, 10s, 5m or 1h", text));
  return std::chrono::microseconds{static_cast<int64_t>(value * unit->second)};
}

template <class T>
CLI::Option* add(CLI::App* app, const std::string& names, T& value, const std::string& help, const char* type, bool show_default) {
  CLI::Option* const option = app->add_option(names, value, help)->type_name(type);
  return show_default ? option->capture_default_str() : option;
}

/// An option whose text `parse` turns into a value, or refuses.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App* app, const std::string& names, T& value, const std::string& help, const char* type, Parse parse) {
  return app
      ->add_option_function<std::string>(
          names,
          [&value, names, parse](const std::string& text) {
            auto parsed = parse(text);
            if (!parsed) throw CLI::ValidationError(names, to_string(parsed.error()));
            value = *std::move(parsed);
          },
          help)
      ->type_name(type);
}

/// CLI11's sentences start upper case and may have several lines.
std::string sentence(std::string text) {
  if (text.size() > 1 && std::isupper(static_cast<unsigned char>(text[0])) && !std::isupper(static_cast<unsigned char>(text[1])))
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  return text;
}

int complain(const std::string& tool, const std::string& message, int status) {
  fmt::print(stderr, "{}: {}\n", tool, one_line(message));
  return status;
}

/// Help and version are output like any other.
int print(const std::string& tool, const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return exit_done;
  return complain(tool, fmt::format("cannot write the output: {}", std::strerror(errno)), exit_io);
}

/// The one place where exceptions end: constructors of the shells, and Asio.
Result<void> guarded(const std::function<Result<void>()>& body) {
  try {
    return body();
  } catch (const std::system_error& error) {
    return fail(Code::io, error.what());
  } catch (const std::exception& error) {
    return fail(Code::internal, error.what());
  }
}

/// As any filter ends whose reader has gone: the shell sees it, nobody reads of it.
[[noreturn]] void die_of_broken_pipe() {
  signal(SIGPIPE, SIG_DFL);
  raise(SIGPIPE);
  std::abort();
}

}  // namespace

Result<std::vector<net::Address>> oracle_addresses(std::string_view option) {
  if (!option.empty()) return net::parse_addresses(option);
  const char* const variable = std::getenv("DDB_ORACLE");
  if (variable == nullptr || *variable == '\0')
    return fail(Code::usage, "no oracle given", "use --oracle HOST:PORT[,HOST:PORT...] or set DDB_ORACLE");
  auto addresses = net::parse_addresses(variable);
  if (!addresses) addresses.error().message = "DDB_ORACLE: " + addresses.error().message;
  return addresses;
}

Result<std::vector<net::Address>> Context::oracles() const { return oracle_addresses(oracle_); }

void Context::note(std::string_view message) const { fmt::print(stderr, "{}: {}\n", tool_name_, one_line(message)); }

Command& Command::flag(const std::string& names, bool& value, const std::string& help) {
  last_ = app_->add_flag(names, value, help);
  return *this;
}

Command& Command::option(const std::string& names, std::string& value, const std::string& help) {
  last_ = add(app_, names, value, help, "TEXT", !value.empty());
  return *this;
}

Command& Command::option(const std::string& names, std::vector<std::string>& values, const std::string& help) {
  last_ = add(app_, names, values, help, "TEXT", false);
  if (!last_->get_positional()) last_->allow_extra_args(false);  // -c a b: b is an argument
  return *this;
}

Command& Command::option(const std::string& names, uint64_t& value, const std::string& help) {
  last_ = add(app_, names, value, help, "N", true);
  return *this;
}

Command& Command::option(const std::string& names, uint32_t& value, const std::string& help) {
  last_ = add(app_, names, value, help, "N", true);
  return *this;
}

Command& Command::option(const std::string& names, uint16_t& value, const std::string& help) {
  last_ = add(app_, names, value, help, "N", true);
  return *this;
}

Command& Command::option(const std::string& names, int64_t& value, const std::string& help) {
  last_ = add(app_, names, value, help, "N", true);
  return *this;
}

Command& Command::option(const std::string& names, double& value, const std::string& help) {
  last_ = add(app_, names, value, help, "X", true);
  return *this;
}

Command& Command::option(const std::string& names, std::optional<std::string>& value, const std::string& help) {
  last_ = add(app_, names, value, help, "TEXT", false);
  return *this;
}

Command& Command::option(const std::string& names, std::optional<uint64_t>& value, const std::string& help) {
  last_ = add(app_, names, value, help, "N", false);
  return *this;
}

Command& Command::option(const std::string& names, net::Address& value, const std::string& help) {
  last_ = add_parsed(app_, names, value, help, "HOST:PORT", [](const std::string& text) { return net::parse_address(text); });
  if (!value.host.empty()) last_->default_str(to_string(value));
  return *this;
}

Command& Command::option(const std::string& names, std::chrono::microseconds& value, const std::string& help) {
  last_ = add_parsed(app_, names, value, help, "TIME", parse_duration);
  last_->default_str(value.count() % 1'000'000 == 0 ? fmt::format("{}s", value.count() / 1'000'000)
                                                    : fmt::format("{}ms", value.count() / 1'000));
  return *this;
}

Command& Command::required() {
  DDB_ASSERT(last_ != nullptr);
  last_->required();
  return *this;
}

Command& Command::one_of(const std::vector<std::string>& words) {
  DDB_ASSERT(last_ != nullptr);
  last_->check(CLI::IsMember(words))->type_name("");
  return *this;
}

Command& Command::between(double min, double max) {
  DDB_ASSERT(last_ != nullptr);
  last_->check([min, max](const std::string& text) {
    double value = 0;
    const bool inside = CLI::detail::lexical_cast(text, value) && value >= min && value <= max;
    return inside ? std::string{} : fmt::format("\"{}\" is not a number from {} to {}", text, min, max);
  });
  return *this;
}

Command& Command::with_oracle() {
  app_->add_option("-o,--oracle", tool_->impl_->oracle, "the oracles' addresses; default: $DDB_ORACLE")
      ->type_name("HOST:PORT[,HOST:PORT...]");
  return *this;
}

Command& Command::with_output() {
  static const std::map<std::string, std::string> help{{"table", "columns aligned under headings"},
                                                       {"tsv", "tab-separated lines with a header"},
                                                       {"csv", "comma-separated records with a header"},
                                                       {"json", "one JSON object per line"},
                                                       {"quote", "SQL literals"}};
  Tool::Impl& impl = *tool_->impl_;
  add_parsed(app_, "--format", impl.format, "default: table on a terminal, tsv elsewhere", "table|tsv|csv|json|quote", parse_format);
  for (const auto& [name, format] : formats)
    app_->add_flag_callback("--" + name, [&impl, chosen = format] { impl.format = chosen; }, help.at(name));
  app_->add_flag("--no-header", impl.no_header, "leave out the headings");
  return *this;
}

Command& Command::action(Action action) {
  action_ = std::move(action);
  return *this;
}

Tool::Tool(std::string name, std::string purpose)
    : Command{*this, nullptr}, impl_{std::make_unique<Impl>(std::move(name), std::move(purpose))} {
  app_ = &impl_->app;
  app_->set_version_flag("--version", fmt::format("{} {}", impl_->name, version), "print the version");
  app_->set_help_flag("-h,--help", "print this help");
}

Tool::~Tool() = default;

Command& Tool::command(const std::string& name, const std::string& summary) {
  CLI::App* const app = impl_->app.add_subcommand(name, summary);
  impl_->app.require_subcommand(1);
  impl_->commands.push_back(std::unique_ptr<Command>{new Command{*this, app}});
  return *impl_->commands.back();
}

int Tool::run(int argc, const char* const* argv, Action chosen) {
  action(std::move(chosen));
  impl_->app.require_subcommand(0, 1);
  return run(argc, argv);
}

int Tool::run(int argc, const char* const* argv) {
  const std::string& name = impl_->name;
  signal(SIGPIPE, SIG_IGN);  // a lost peer is an error of one write, not of the process
  try {
    impl_->app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return print(name, impl_->app.help());
  } catch (const CLI::CallForVersion&) {
    return print(name, impl_->app.version() + "\n");
  } catch (const CLI::ParseError& error) {
    // A word that nothing took is the likelier reason for whatever else is missing.
    const auto unknown = impl_->app.remaining(true);
    const std::string what = unknown.empty() ? sentence(error.what()) : fmt::format("\"{}\" is unknown", unknown.front());
    return complain(name, fmt::format("{}: try {} --help", what, name), exit_usage);
  }

  Output out{impl_->format, !impl_->no_header};
  Context context;
  context.tool_name_ = name;
  context.oracle_ = impl_->oracle;
  context.out_ = &out;
  const auto done = guarded([&] { return act(context); });
  const auto closed = out.close();
  if (out.broken_pipe()) die_of_broken_pipe();
  for (const auto& result : {closed, done}) {
    if (result) continue;
    const Error& error = result.error();
    return error.message.empty() ? exit_code(error.code) : complain(name, to_string(error), exit_code(error.code));
  }
  return exit_done;
}

Result<void> Tool::act(Context& context) {
  for (const auto& command : impl_->commands) {
    if (!command->app_->parsed()) continue;
    for (const auto* option : impl_->app.get_options())
      if (option->count() > 0)
        return fail(Code::usage, fmt::format("{} does not go before {}", option->get_name(), command->app_->get_name()));
    return command->action_(context);
  }
  return action_(context);
}

}  // namespace ddb::cli
