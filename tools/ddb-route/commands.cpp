#include "commands.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <set>

#include "gateway/dump.hpp"
#include "gateway/import.hpp"
#include "input.hpp"
#include "sql/lexer.hpp"
#include "sql/schema.hpp"

namespace ddb::route {

struct Commands::Command {
  std::string_view name;
  std::string_view words;
  std::string_view purpose;
  Result<void> (Commands::*run)(const Words&);
  size_t least;
  size_t most;
};

namespace {

/// At blanks; words in quotes may hold some.
std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> words;
  for (size_t at = line.find_first_not_of(" \t\r\n"); at < line.size(); at = line.find_first_not_of(" \t\r\n", at)) {
    const bool quoted = line[at] == '\'' || line[at] == '"';
    const size_t begin = at + (quoted ? 1 : 0);
    const size_t end = std::min(quoted ? line.find(line[at], begin) : line.find_first_of(" \t\r\n", begin), line.size());
    words.emplace_back(line.substr(begin, end - begin));
    at = end + (quoted ? 1 : 0);
  }
  return words;
}

Result<bool> on_or_off(const std::string& word) {
  if (word == "on" || word == "yes" || word == "1") return true;
  if (word == "off" || word == "no" || word == "0") return false;
  return fail(Code::usage, "\"" + word + "\" is neither on nor off");
}

bool begins_nocase(std::string_view word, std::string_view begin) {
  return word.size() >= begin.size() && sql::equal_nocase(word.substr(0, begin.size()), begin);
}

}  // namespace

Result<void> Commands::run(std::string_view line) {
  static const Command commands[] = {
      {".dump", "[TABLE...]", "print tables as SQL", &Commands::dump, 0, SIZE_MAX},
      {".exit", "", "leave", &Commands::quit, 0, 0},
      {".headers", "on|off", "print the names of columns, or not", &Commands::headers, 1, 1},
      {".help", "", "print this", nullptr, 0, 0},
      {".import", "[--csv|--tsv|--json] [--skip N] FILE TABLE", "put the rows of a file into a table", &Commands::import, 2, SIZE_MAX},
      {".indexes", "[TABLE]", "list indexes", &Commands::indexes, 0, 1},
      {".mode", "[table|tsv|csv|json|quote]", "how rows are printed", &Commands::mode, 0, 1},
      {".print", "TEXT...", "print it", &Commands::print, 0, SIZE_MAX},
      {".quit", "", "leave", &Commands::quit, 0, 0},
      {".read", "FILE", "run the SQL in a file", &Commands::read, 1, 1},
      {".schema", "[PATTERN]", "print the SQL of tables, indexes, views and triggers", &Commands::schema, 0, 1},
      {".tables", "[PATTERN]", "list tables and views", &Commands::tables, 0, 1},
      {".timer", "on|off", "print how long each statement took, or not", &Commands::timer, 1, 1},
  };
  Words words = split(line);
  const std::string name = words.front();
  words.erase(words.begin());
  if (name.size() > 1 && std::string_view{".help"}.starts_with(name) && name != ".h") {
    for (const Command& command : commands)
      at_.out.text(fmt::format("{:<48} {}\n", fmt::format("{} {}", command.name, command.words), command.purpose));
    return {};
  }
  // As in sqlite3 a beginning is enough; the first that fits is meant.
  const auto* const found = std::ranges::find_if(commands, [&](const Command& command) { return name.size() > 1 && command.name.starts_with(name); });
  if (found == std::end(commands)) return fail(Code::usage, "there is no command " + name, ".help lists them");
  if (words.size() < found->least || words.size() > found->most) return fail(Code::usage, fmt::format("write {} {}", found->name, found->words));
  return (this->*found->run)(words);
}

Result<void> Commands::quit(const Words&) {
  quitting_ = true;
  return {};
}

/// The first column of what a query returns; `words` are its parameters.
Result<std::vector<std::string>> Commands::texts(std::string_view sql, const Words& words) {
  class Texts final : public sql::RowSink {
   public:
    Result<void> columns(std::span<const sql::ColumnInfo>) override { return {}; }
    Result<void> row(std::span<const sql::ValueView> values) override {
      if (const auto* text = std::get_if<std::string_view>(values.data())) found.emplace_back(*text);
      return {};
    }
    std::vector<std::string> found;
  } sink;
  std::vector<sql::Parameter> parameters;
  for (const auto& word : words) parameters.push_back({{}, word});
  if (auto done = at_.session.execute(sql, parameters, sink); !done) return std::unexpected(done.error().error);
  return std::move(sink.found);
}

/// Down and then right, on 80 columns, as sqlite3 does.
Result<void> Commands::in_columns(const std::vector<std::string>& names) {
  size_t width = 0;
  for (const auto& name : names) width = std::max(width, name.size());
  const size_t across = std::max<size_t>(80 / (width + 2), 1);
  const size_t lines = (names.size() + across - 1) / across;
  for (size_t line = 0; line < lines; ++line) {
    std::string text;
    for (size_t i = line; i < names.size(); i += lines) text += fmt::format("{}{:<{}}", i < lines ? "" : "  ", names[i], width);
    at_.out.text(text + "\n");
  }
  return {};
}

Result<void> Commands::tables(const Words& words) {
  const auto names = texts(words.empty() ? "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY 1"
                                         : "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name LIKE ?1 ORDER BY 1", words);
  return names ? in_columns(*names) : std::unexpected(names.error());
}

Result<void> Commands::indexes(const Words& words) {
  const auto names = texts(words.empty() ? "SELECT name FROM sqlite_schema WHERE type = 'index' ORDER BY 1"
                                         : "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name LIKE ?1 ORDER BY 1", words);
  return names ? in_columns(*names) : std::unexpected(names.error());
}

Result<void> Commands::schema(const Words& words) {
  const auto found = texts(words.empty() ? "SELECT sql FROM sqlite_schema WHERE sql NOT NULL"
                                         : "SELECT sql FROM sqlite_schema WHERE sql NOT NULL AND (name LIKE ?1 OR tbl_name LIKE ?1)", words);
  if (!found) return std::unexpected(found.error());
  for (const auto& sql : *found) at_.out.text(sql + ";\n");
  return {};
}

Result<void> Commands::mode(const Words& words) {
  static const std::map<std::string, cli::Format> modes{{"table", cli::Format::table}, {"tsv", cli::Format::tsv}, {"tabs", cli::Format::tsv},
                                                        {"csv", cli::Format::csv}, {"json", cli::Format::json}, {"quote", cli::Format::quote}};
  if (words.empty()) {
    for (const auto& [name, format] : modes)
      if (format == at_.out.format() && name != "tabs") at_.out.text("current output mode: " + name + "\n");
    return {};
  }
  const auto found = modes.find(words[0]);
  if (found == modes.end()) return fail(Code::usage, "\"" + words[0] + "\" is not table, tsv, csv, json or quote");
  at_.out.use(found->second, at_.out.header());
  return {};
}

Result<void> Commands::headers(const Words& words) {
  const auto on = on_or_off(words[0]);
  if (!on) return std::unexpected(on.error());
  at_.out.use(at_.out.format(), *on);
  return {};
}

Result<void> Commands::timer(const Words& words) {
  const auto on = on_or_off(words[0]);
  if (!on) return std::unexpected(on.error());
  timing_ = *on;
  return {};
}

Result<void> Commands::print(const Words& words) {
  std::string line;
  for (size_t i = 0; i < words.size(); ++i) line += (i > 0 ? " " : "") + words[i];
  at_.out.text(line + "\n");
  return {};
}

Result<void> Commands::read(const Words& words) { return at_.read_file(words[0]); }

Result<void> Commands::dump(const Words& words) {
  const auto now = at_.gateway.kv().now();
  if (!now) return std::unexpected(now.error());
  gateway::DumpText text{[this](std::string_view lines) -> Result<void> {
    if (at_.out.text(lines)) return {};
    return fail(Code::io, "cannot write the output");
  }};
  if (auto begun = text.begin(); !begun) return begun;
  if (auto done = gateway::dump(at_.session, {.tables = words, .as_of = {}, .now = *now}, text); !done) return done;
  return text.end();
}

/// As sqlite3's: the first record names columns only where the table is made.
Result<void> Commands::import(const Words& words) {
  gateway::ImportOptions options;
  Words names;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--csv") options.format = gateway::RecordFormat::csv;
    else if (words[i] == "--tsv") options.format = gateway::RecordFormat::tsv;
    else if (words[i] == "--json") options.format = gateway::RecordFormat::json;
    else if (words[i] == "--skip" && i + 1 < words.size()) options.from_line = std::strtoull(words[++i].c_str(), nullptr, 10) + 1;
    else if (words[i].starts_with("--")) return fail(Code::usage, "\"" + words[i] + "\" is unknown");
    else names.push_back(words[i]);
  }
  if (names.size() != 2) return fail(Code::usage, "write .import [--csv|--tsv|--json] [--skip N] FILE TABLE");
  if (at_.session.in_transaction()) return fail(Code::usage, "an import commits by itself", "end the transaction first");
  options.table = names[1];
  options.create = options.header = at_.gateway.schema()->find_table(names[1]) == nullptr;
  options.bad_max = UINT64_MAX - 1;  // each is told, and none stops it
  options.report = at_.report;
  auto input = FileInput::open(names[0], at_.loop, at_.gateway.fibers());
  if (!input) return std::unexpected(input.error());
  gateway::Import import{at_.session, at_.session, options};
  gateway::ImportCounts counts;
  return import.run(names[0], [&] { return (*input)->read(); }, counts);
}

std::vector<std::string> completions(const sql::Schema& schema, std::string_view begun) {
  std::set<std::string> found;
  const auto offer = [&](std::string_view word) {
    if (begins_nocase(word, begun)) found.emplace(word);
  };
  for (const auto& [id, table] : schema.tables) {
    offer(table.name);
    for (const auto& column : table.columns) offer(column.name);
  }
  for (const auto& [id, view] : schema.views) offer(view.name);
  const bool lower = !begun.empty() && begun.front() >= 'a' && begun.front() <= 'z';
  for (int i = 0; i < sqlite3_keyword_count(); ++i) {
    const char* word = nullptr;
    int size = 0;
    sqlite3_keyword_name(i, &word, &size);
    const std::string keyword{word, static_cast<size_t>(size)};
    offer(lower ? sql::to_lower(keyword) : keyword);
  }
  return {found.begin(), found.end()};
}

}  // namespace ddb::route
