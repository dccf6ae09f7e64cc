#include "pg/command.hpp"

#include <charconv>

#include "sql/head.hpp"
#include "sql/schema.hpp"

namespace ddb::pg {

namespace {

using sql::TokenKind;
using sql::quote_name;

std::unexpected<SqlError> unsupported(std::string what, std::string hint = {}) { return refuse("0A000", what + " is not supported", std::move(hint)); }

/// Reads one statement's tokens from the left.
class CommandParser {
 public:
  explicit CommandParser(std::string_view text) : s_{sql::parse_statement(text)} {}

  SqlResult<Command> parse() {
    if (accept("BEGIN")) return begin("BEGIN");
    if (word("START") && word(1, "TRANSACTION")) return take(1), begin("START TRANSACTION");
    if (accept("COMMIT") || accept("END")) return end(true);
    if (accept("ABORT")) return end(false);
    if (word("ROLLBACK") && !rolls_back_to_savepoint()) return take(1), end(false);
    if (accept("SET")) return set();
    if (accept("SHOW")) return ShowCommand{setting_name()};
    if (accept("RESET")) return ResetCommand{setting_name()};
    if (accept("DISCARD")) return DiscardCommand{word("ALL")};
    if (accept("COPY")) return copy();
    if (accept("TRUNCATE")) return truncate();
    if (word("DROP") && more(1)) return drop();
    if (word("ALTER") && word(1, "TABLE")) return alter();
    if (word("CREATE") && (word(1, "OR") || word(1, "SCHEMA") || word(1, "SEQUENCE") || word(1, "FUNCTION") || word(1, "EXTENSION") ||
                           word(1, "DATABASE") || word(1, "ROLE") || word(1, "USER") || word(1, "TYPE") || word(1, "MATERIALIZED"))) {
      return unsupported("CREATE " + upper(1));
    }
    if (accept("DECLARE")) return declare();
    if (accept("FETCH")) return fetch(false);
    if (accept("MOVE")) return fetch(true);
    if (accept("CLOSE")) return CloseCommand{word("ALL") ? "" : name()};
    if (accept("DEALLOCATE")) return accept("PREPARE"), DeallocateCommand{word("ALL") ? "" : name()};
    for (const std::string_view nothing : {"VACUUM", "ANALYZE", "ANALYSE", "CLUSTER", "CHECKPOINT", "LISTEN", "UNLISTEN", "NOTIFY", "COMMENT"}) {
      if (word(nothing)) return NoCommand{upper(0)};
    }
    if (word("LOCK")) return NoCommand{"LOCK TABLE"};
    for (const std::string_view refused : {"PREPARE", "EXECUTE", "GRANT", "REVOKE", "DO", "CALL"}) {
      if (word(refused)) return unsupported(upper(0));
    }
    return SqlCommand{};
  }

 private:
  bool more(size_t ahead = 0) const { return at_ + ahead < s_.tokens.size(); }
  bool word(std::string_view keyword) const { return word(0, keyword); }
  bool word(size_t ahead, std::string_view keyword) const { return more(ahead) && s_.is(at_ + ahead, keyword); }
  bool symbol(std::string_view text) const { return more() && s_.symbol(at_, text); }
  void take(size_t count) { at_ += count + 1; }
  bool accept(std::string_view keyword) {
    const bool found = word(keyword);
    at_ += found ? 1 : 0;
    return found;
  }
  bool accept_symbol(std::string_view text) {
    const bool found = symbol(text);
    at_ += found ? 1 : 0;
    return found;
  }
  std::string upper(size_t ahead) const {
    std::string out{more(ahead) ? s_.at(at_ + ahead) : std::string_view{}};
    for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return out;
  }
  bool at_name() const { return more() && s_.is_name(at_); }
  std::string name() { return at_name() ? s_.name(at_++) : std::string{}; }
  /// The rest of the statement's text.
  std::string rest() const { return more() ? std::string{s_.cut({at_, s_.tokens.size()})} : std::string{}; }
  std::unexpected<SqlError> error() const {
    const size_t offset = more() ? s_.tokens[at_].offset : s_.text.size();
    SqlError out{{Code::failed, more() ? "syntax error at or near \"" + std::string{s_.at(at_)} + "\"" : "syntax error at end of input", {}, {}},
                 "42601", sql::Position{.offset = offset}};
    return std::unexpected(std::move(out));
  }
  SqlResult<Command> ended(Command command) const {
    if (more()) return error();
    return command;
  }

  // Transactions.

  bool rolls_back_to_savepoint() const { return word(1, "TO") || ((word(1, "WORK") || word(1, "TRANSACTION")) && word(2, "TO")); }

  /// ISOLATION LEVEL x, READ ONLY, READ WRITE, [NOT] DEFERRABLE. Every isolation level is served as serializable.
  SqlResult<std::optional<bool>> modes() {
    std::optional<bool> read_only;
    while (more()) {
      if (accept("ISOLATION")) {
        if (!accept("LEVEL")) return error();
        const bool known = accept("SERIALIZABLE") || ((word("READ") || word("REPEATABLE")) &&
                           (word(1, "COMMITTED") || word(1, "UNCOMMITTED") || word(1, "READ")) && (++at_, ++at_, true));
        if (!known) return error();
      } else if (word("READ") && (word(1, "ONLY") || word(1, "WRITE"))) {
        read_only = word(1, "ONLY");
        at_ += 2;
      } else if (!accept("DEFERRABLE") && !(word("NOT") && word(1, "DEFERRABLE") && (at_ += 2, true)) && !accept_symbol(",")) {
        return error();
      }
    }
    return read_only;
  }

  SqlResult<Command> begin(std::string tag) {
    for (const std::string_view sqlite : {"DEFERRED", "IMMEDIATE", "EXCLUSIVE"}) accept(sqlite);
    if (!accept("WORK")) accept("TRANSACTION");
    auto read_only = modes();
    if (!read_only) return std::unexpected(read_only.error());
    return BeginCommand{std::move(tag), *read_only};
  }

  SqlResult<Command> end(bool commit) {
    if (!accept("WORK")) accept("TRANSACTION");
    EndCommand command{.commit = commit};
    if (accept("AND")) {
      command.chain = !accept("NO");
      if (!accept("CHAIN")) return error();
    }
    return ended(command);
  }

  // Settings.

  /// name, name.name, TIME ZONE, TRANSACTION ISOLATION LEVEL.
  std::string setting_name() {
    if (word("TIME") && word(1, "ZONE")) return at_ += 2, "TimeZone";
    if (word("TRANSACTION") && word(1, "ISOLATION")) return at_ += 3, "transaction_isolation";
    std::string out = name();
    while (accept_symbol(".")) out += "." + name();
    return out;
  }

  SqlResult<Command> set() {
    SetCommand command;
    if (word("SESSION") && word(1, "CHARACTERISTICS")) {
      at_ += 2;
      if (!accept("AS") || !accept("TRANSACTION")) return error();
      return set_transaction(true);
    }
    if (accept("TRANSACTION")) return set_transaction(false);
    if (!accept("SESSION")) command.local = accept("LOCAL");
    if (accept("NAMES")) {
      command.name = "client_encoding";
    } else {
      const bool zone = word("TIME") && word(1, "ZONE");
      command.name = setting_name();
      if (command.name.empty() || (!zone && !accept("TO") && !accept_symbol("="))) return error();
    }
    if (accept("DEFAULT")) return ended(command);
    std::string value;
    for (; more(); ++at_) {
      if (symbol(",")) value += ", ";
      else if (s_.tokens[at_].kind == TokenKind::symbol) value += s_.at(at_);
      else value += s_.name(at_);
    }
    command.value = std::move(value);
    return command;
  }

  SqlResult<Command> set_transaction(bool session) {
    auto read_only = modes();
    if (!read_only) return std::unexpected(read_only.error());
    return SetTransactionCommand{*read_only, session};
  }

  // Tables.

  /// name, name, ... as SQL text.
  std::vector<std::string> names() {
    std::vector<std::string> out;
    do {
      accept("ONLY");
      if (at_name()) out.push_back(name());
    } while (accept_symbol(","));
    return out;
  }

  SqlResult<Command> truncate() {
    accept("TABLE");
    ScriptCommand command{.tag = "TRUNCATE TABLE", .statements = {}, .missing = {}};
    for (const auto& table : names()) command.statements.push_back("DELETE FROM " + quote_name(table));
    while (accept("RESTART") || accept("CONTINUE") || accept("IDENTITY") || accept("RESTRICT")) {}
    if (word("CASCADE")) return unsupported("TRUNCATE ... CASCADE", "name all tables");
    return ended(command);
  }

  /// DROP kind [IF EXISTS] a, b [CASCADE | RESTRICT], and CONCURRENTLY.
  SqlResult<Command> drop() {
    const std::string kind = upper(1);
    if (kind != "TABLE" && kind != "VIEW" && kind != "INDEX") return SqlCommand{};
    at_ += 2;
    accept("CONCURRENTLY");
    const bool if_exists = word("IF") && word(1, "EXISTS");
    if (if_exists) at_ += 2;
    ScriptCommand command{.tag = "DROP " + kind, .statements = {}, .missing = {}};
    const auto all = names();
    for (const auto& one : all) {
      command.statements.push_back("DROP " + kind + (if_exists ? " IF EXISTS " : " ") + quote_name(one));
      if (if_exists && kind == "TABLE") command.missing.push_back(one);
    }
    if (!accept("RESTRICT")) accept("CASCADE");
    if (all.empty() || more()) return SqlCommand{};  // SQLite says what is wrong
    return command;
  }

  /// ALTER TABLE t ADD [CONSTRAINT c] PRIMARY KEY (...) is understood as it is; UNIQUE (...): a unique index.
  SqlResult<Command> alter() {
    at_ += 2;
    if (word("IF")) at_ += 2;
    accept("ONLY");
    const std::string table = name();
    if (!accept("ADD")) return SqlCommand{};
    std::string index = accept("CONSTRAINT") ? name() : std::string{};
    const bool primary = word("PRIMARY") && word(1, "KEY");
    if (primary && !(more(2) && s_.symbol(at_ + 2, "("))) return unsupported("ALTER TABLE ... ADD ... USING INDEX");
    if (primary) {
      const std::string constraint = index.empty() ? std::string{} : "CONSTRAINT " + quote_name(index) + " ";
      const size_t close = sql::skip_parentheses(s_, at_ + 2, s_.tokens.size());
      return ScriptCommand{.tag = "ALTER TABLE",
                           .statements = {"ALTER TABLE " + quote_name(table) + " ADD " + constraint + std::string{s_.cut({at_, close})}},
                           .missing = {}};
    }
    if (!word("UNIQUE")) {
      if (index.empty() && !word("FOREIGN") && !word("CHECK")) return SqlCommand{};
      return unsupported("ALTER TABLE ... ADD " + upper(0), "name the constraint in CREATE TABLE");
    }
    ++at_;
    if (!symbol("(")) return unsupported("ALTER TABLE ... ADD ... USING INDEX");
    const size_t close = sql::skip_parentheses(s_, at_, s_.tokens.size());
    const std::string columns{s_.cut({at_, close})};
    if (index.empty()) {
      index = table;
      for (size_t i = at_ + 1; i + 1 < close; i += 2) index += "_" + s_.name(i);
      index += "_key";
    }
    return ScriptCommand{.tag = "ALTER TABLE",
                         .statements = {"CREATE UNIQUE INDEX " + quote_name(index) + " ON " + quote_name(table) + " " + columns},
                         .missing = {}};
  }

  // COPY.

  SqlResult<Command> copy() {
    CopyCommand command;
    if (symbol("(")) {
      const size_t close = sql::skip_parentheses(s_, at_, s_.tokens.size());
      command.query = s_.cut({at_ + 1, close - 1});
      at_ = close;
    } else {
      command.table = name();
      if (accept_symbol("(")) {
        for (; more() && !symbol(")"); accept_symbol(",")) {
          if (!at_name()) return error();
          command.columns.push_back(name());
        }
        ++at_;
      }
    }
    command.from = word("FROM");
    if ((!accept("FROM") && !accept("TO")) || (command.from && command.table.empty())) return error();
    if (!accept("STDIN") && !accept("STDOUT")) return unsupported("COPY of files", "use \\copy of psql, or STDIN and STDOUT");
    accept("WITH");
    const bool parenthesized = accept_symbol("(");
    while (more() && !symbol(")")) {
      if (auto taken = copy_option(command); !taken) return std::unexpected(taken.error());
      accept_symbol(",");
    }
    if (parenthesized && !accept_symbol(")")) return error();
    return more() ? SqlResult<Command>{error()} : checked(std::move(command));
  }

  SqlResult<void> copy_option(CopyCommand& command) {
    if (accept("FORMAT")) {
      if (accept("CSV")) return use_csv(command), SqlResult<void>{};
      if (accept("TEXT")) return {};
      return unsupported("COPY in this format", "use text or csv");
    }
    if (accept("CSV")) return use_csv(command), SqlResult<void>{};
    if (accept("HEADER")) return command.header = boolean(), SqlResult<void>{};
    if (accept("FREEZE")) return command.freeze = boolean(), SqlResult<void>{};
    if (accept("DELIMITER") || accept("DELIMITERS")) return character(command.delimiter);
    if (accept("NULL")) return accept("AS"), command.null = name(), null_given_ = true, SqlResult<void>{};
    if (accept("QUOTE")) return character(command.quote, true);
    if (accept("ESCAPE")) return escape_given_ = true, character(command.escape);
    if (accept("ENCODING")) {
      const std::string encoding = sql::to_lower(name());
      if (encoding == "utf8" || encoding == "utf-8") return {};
      return unsupported("COPY in encodings other than UTF8");
    }
    return error();
  }

  void use_csv(CopyCommand& command) {
    command.csv = true;
    if (command.delimiter == '\t') command.delimiter = ',';
  }
  bool boolean() {
    if (accept("OFF") || accept("FALSE")) return false;
    if (!accept("ON")) accept("TRUE");
    return true;
  }
  SqlResult<void> character(char& out, bool quote = false) {
    accept("AS");
    const std::string text = name();
    if (text.size() != 1 || text == "\n" || text == "\r" || text == "\\") return refuse("22023", "COPY takes one single-byte character there");
    out = text.front();
    if (quote && !escape_given_) quote_given_ = out;
    return {};
  }
  SqlResult<Command> checked(CopyCommand command) {
    if (command.csv && !null_given_) command.null.clear();
    if (quote_given_ != 0 && !escape_given_) command.escape = quote_given_;
    if (command.csv && command.delimiter == command.quote) return refuse("22023", "COPY delimiter and quote must be different");
    return command;
  }

  // Cursors.

  /// name [BINARY] [[NO] SCROLL] CURSOR [WITH HOLD | WITHOUT HOLD] FOR query
  SqlResult<Command> declare() {
    DeclareCommand command{.cursor = name(), .query = {}};
    if (word("BINARY")) return unsupported("DECLARE ... BINARY");
    accept("INSENSITIVE"), accept("ASENSITIVE"), accept("NO");
    accept("SCROLL");
    if (!accept("CURSOR")) return error();
    if (word("WITH") && word(1, "HOLD")) return unsupported("a cursor WITH HOLD", "read it before the transaction ends");
    if (word("WITHOUT")) at_ += 2;
    if (!accept("FOR")) return error();
    command.query = rest();
    return command;
  }

  /// [NEXT | n | ALL | FORWARD [n | ALL]] [FROM | IN] name
  SqlResult<Command> fetch(bool move) {
    FetchCommand command{.cursor = {}, .count = 1, .move = move};
    if (word("PRIOR") || word("BACKWARD") || word("FIRST") || word("LAST") || word("ABSOLUTE") || word("RELATIVE") || symbol("-")) {
      return unsupported("a cursor that goes backwards");
    }
    if (!accept("NEXT")) accept("FORWARD");
    if (accept("ALL")) {
      command.count = UINT64_MAX;
    } else if (more() && s_.tokens[at_].kind == TokenKind::integer) {
      const std::string_view digits = s_.at(at_++);
      if (std::from_chars(digits.begin(), digits.end(), command.count).ec != std::errc{}) return refuse("22003", "so many rows there are not");
    }
    if (!accept("FROM")) accept("IN");
    command.cursor = name();
    return ended(command);
  }

  sql::ParsedStatement s_;
  size_t at_ = 0;
  bool null_given_ = false;
  bool escape_given_ = false;
  char quote_given_ = 0;
};

}  // namespace

SqlResult<Command> command_of(std::string_view sql) { return CommandParser{sql}.parse(); }

}  // namespace ddb::pg
