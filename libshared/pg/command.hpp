// What a statement asks for, where SQLite's grammar has not the words: transaction modes, settings, COPY, cursors, upkeep.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pg/error.hpp"

namespace ddb::pg {

/// Runs as it is.
struct SqlCommand {};
struct BeginCommand {
  std::string tag = "BEGIN";  // or START TRANSACTION
  std::optional<bool> read_only;
};
struct EndCommand {
  bool commit = true;
  bool chain = false;
};
struct SetCommand {
  std::string name;
  std::optional<std::string> value;  // nullopt: the default
  bool local = false;
};
struct SetTransactionCommand {
  std::optional<bool> read_only;
  bool session = false;  // SESSION CHARACTERISTICS: of those to come
};
struct ShowCommand {
  std::string name;  // "all"
};
struct ResetCommand {
  std::string name;  // "all"
};
struct DiscardCommand {
  bool all = false;
};
/// Several statements for one.
struct ScriptCommand {
  std::string tag;
  std::vector<std::string> statements;
  std::vector<std::string> missing;  // with IF EXISTS: tables, a notice for each that does not exist
};
/// Nothing needs doing here.
struct NoCommand {
  std::string tag;
};
struct CopyCommand {
  bool from = true;             // the client
  std::string table;            // empty: query
  std::vector<std::string> columns;
  std::string query;            // of COPY (query) TO
  bool csv = false;
  bool header = false;
  bool freeze = false;
  char delimiter = '\t';
  char quote = '"';
  char escape = '"';
  std::string null = "\\N";
};
struct DeclareCommand {
  std::string cursor;
  std::string query;
};
struct FetchCommand {
  std::string cursor;
  uint64_t count = 1;  // UINT64_MAX: all
  bool move = false;   // MOVE: without rows
};
struct CloseCommand {
  std::string cursor;  // empty: all
};
struct DeallocateCommand {
  std::string statement;  // empty: all
};

using Command = std::variant<SqlCommand, BeginCommand, EndCommand, SetCommand, SetTransactionCommand, ShowCommand, ResetCommand,
                             DiscardCommand, ScriptCommand, NoCommand, CopyCommand, DeclareCommand, FetchCommand, CloseCommand,
                             DeallocateCommand>;

/// `sql` is a translation's. 42601, 0A000: it begins as one of these and goes on as none.
SqlResult<Command> command_of(std::string_view sql);

}  // namespace ddb::pg
