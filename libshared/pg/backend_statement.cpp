// What a statement does, once it is known what it is.
#include <fmt/format.h>

#include "base/overloaded.hpp"
#include "pg/backend_inside.hpp"
#include "sql/sql_error.hpp"

namespace ddb::pg {

namespace {

using sql::StatementKind;

class NoRows final : public sql::RowSink {
 public:
  Result<void> columns(std::span<const sql::ColumnInfo>) override { return {}; }
  Result<void> row(std::span<const sql::ValueView>) override { return {}; }
};

bool changes_data(StatementKind kind) {
  return kind == StatementKind::insert || kind == StatementKind::update || kind == StatementKind::erase || kind == StatementKind::create ||
         kind == StatementKind::drop || kind == StatementKind::alter;
}

std::string tag_of(const sql::StatementResult& result) {
  switch (result.kind) {
    case StatementKind::select: return fmt::format("SELECT {}", result.rows);
    case StatementKind::insert: return fmt::format("INSERT 0 {}", result.changes);
    case StatementKind::update: return fmt::format("UPDATE {}", result.changes);
    case StatementKind::erase: return fmt::format("DELETE {}", result.changes);
    case StatementKind::rollback_to: return "ROLLBACK";
    default: return result.tag;
  }
}

/// One row of texts.
void give(sql::RowSink& rows, const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& table) {
  std::vector<sql::ColumnInfo> columns;
  for (const auto& name : names) columns.push_back({name, "text"});
  (void)rows.columns(columns);
  for (const auto& texts : table) {
    const std::vector<sql::ValueView> values(texts.begin(), texts.end());
    (void)rows.row(values);
  }
}

}  // namespace

SqlResult<void> Backend::open_session() {
  if (session_) return {};
  sql::SessionOptions options;
  options.extend = [this](sqlite3* db) {
    auto added = add_functions(db, &environment_);
    return added ? add_catalogs(db, &environment_) : added;
  };
  auto opened = surroundings_.open_session(std::move(options));
  if (!opened) return std::unexpected(sql::to_sql_error(opened.error()));
  session_ = *std::move(opened);
  return {};
}

/// T3, and transactions that only read.
SqlResult<void> Backend::ready_to_run(const Statement& statement) {
  const bool ends = std::holds_alternative<EndCommand>(statement.command) || statement.kind == StatementKind::rollback_to;
  if (failed_ && !ends && !statement.text.empty()) {
    return refuse("25P02", "current transaction is aborted, commands ignored until end of transaction block");
  }
  const bool writes = changes_data(statement.kind) || std::holds_alternative<ScriptCommand>(statement.command);
  if (writes && settings_.is_on("transaction_read_only")) {
    return refuse("25006", "cannot execute this statement in a read-only transaction");
  }
  return {};
}

sql::SqlResult<sql::StatementResult> Backend::execute_sql(const Statement& statement, std::span<const sql::Parameter> parameters, sql::RowSink& rows) {
  auto result = session_->execute(statement.sql(), parameters, rows);
  if (result) return result;
  SqlError& error = result.error();
  if (error.position) error.position->offset = statement.translation.original_offset(error.position->offset);
  if (error.error.message == "interrupted") error.error.message = "canceling statement due to user request";
  return result;
}

SqlResult<void> Backend::describe_statement(Statement& statement) {
  const bool planned = statement.is_sql() && statement.kind >= StatementKind::select && statement.kind <= StatementKind::erase;
  if (!planned) return {};
  if (auto opened = open_session(); !opened) return opened;
  auto description = session_->describe(statement.sql());
  if (!description) {
    SqlError& error = description.error();
    if (error.position) error.position->offset = statement.translation.original_offset(error.position->offset);
    return std::unexpected(error);
  }
  statement.columns = std::move(description->columns);
  statement.parameter_types.resize(description->parameters.size());
  return {};
}

Backend::Tag Backend::run(Statement& statement, std::span<const sql::Parameter> parameters, Rows& rows, bool alone) {
  if (auto runs = ready_to_run(statement); !runs) return std::unexpected(runs.error());
  if (auto opened = open_session(); !opened) return std::unexpected(opened.error());
  if (!block_ && !implicit_) environment_.transaction_microseconds = surroundings_.unix_microseconds();
  auto tag = std::visit(
      Overloaded{
          [&](const SqlCommand&) { return run_sql(statement, parameters, rows, alone); },
          [&](const BeginCommand& command) { return begin(command); },
          [&](const EndCommand& command) { return end(command); },
          [&](const SetCommand& command) { return set(command); },
          [&](const SetTransactionCommand& command) { return set_transaction(command); },
          [&](const ShowCommand& command) { return show(command, rows); },
          [&](const ResetCommand& command) -> Tag {
            if (sql::equal_nocase(command.name, "all")) return settings_.reset_all(), "RESET";
            auto reset = settings_.reset(command.name);
            if (!reset) return std::unexpected(reset.error());
            return "RESET";
          },
          [&](const DiscardCommand& command) -> Tag {
            if (command.all) settings_.reset_all(), statements_.clear(), statements_bytes_ = 0;
            return command.all ? "DISCARD ALL" : "DISCARD";
          },
          [&](const ScriptCommand& command) { return run_script(command, alone); },
          [&](const NoCommand& command) -> Tag { return command.tag; },
          [&](const CopyCommand& command) { return copy_out(command); },
          [&](const DeclareCommand& command) { return declare(command); },
          [&](const FetchCommand& command) { return fetch(command, rows); },
          [&](const CloseCommand& command) -> Tag {
            if (command.cursor.empty()) return portals_.clear(), "CLOSE CURSOR ALL";
            if (auto found = find_portal(command.cursor); !found) return std::unexpected(found.error());
            portals_.erase(command.cursor);
            return "CLOSE CURSOR";
          },
          [&](const DeallocateCommand& command) -> Tag {
            if (command.statement.empty()) return statements_.clear(), statements_bytes_ = 0, "DEALLOCATE ALL";
            auto found = find_statement(command.statement);
            if (!found) return std::unexpected(found.error());
            statements_bytes_ -= (*found)->text.size();
            statements_.erase(command.statement);
            return "DEALLOCATE";
          },
      },
      statement.command);
  if (tag) rows.finish();
  if (auto refusal = rows.take_refusal(); refusal && !tag) return std::unexpected(*std::move(refusal));
  return tag;
}

Backend::Tag Backend::run_sql(const Statement& statement, std::span<const sql::Parameter> parameters, sql::RowSink& rows, bool alone) {
  const bool savepoints = statement.kind >= StatementKind::savepoint && statement.kind <= StatementKind::rollback_to;
  if (savepoints && !block_) return refuse("25P01", "savepoints are for transaction blocks");
  if (savepoints && !session_->in_transaction()) return refuse("25P02", "the transaction was rolled back as a whole", "end the block, and run it again");
  if (!alone && !savepoints) {
    if (auto begun = begin_implicit(); !begun) return std::unexpected(begun.error());
  }
  auto result = execute_sql(statement, parameters, rows);
  if (!result) return std::unexpected(result.error());
  if (statement.kind == StatementKind::rollback_to) failed_ = false;
  return tag_of(*result);
}

/// As one transaction, if it is several statements; DDL is none.
Backend::Tag Backend::run_script(const ScriptCommand& command, bool alone) {
  const auto schema = surroundings_.schema();
  for (const auto& name : command.missing) {
    if (schema->find_table(name) == nullptr) notice(Severity::notice, "00000", "table \"" + name + "\" does not exist, skipping");
  }
  const bool ddl = !command.statements.empty() && !command.statements.front().starts_with("DELETE");
  const bool own = alone && !ddl && command.statements.size() > 1;
  if (own || (!alone && !ddl)) {
    if (auto begun = begin_implicit(); !begun) return std::unexpected(begun.error());
  }
  for (const auto& statement : command.statements) {
    if (auto done = session_->execute(statement); !done) return std::unexpected(done.error());
  }
  if (own) {
    if (auto ended = end_implicit(); !ended) return std::unexpected(ended.error());
  }
  return command.tag;
}

Backend::Tag Backend::set(const SetCommand& command) {
  if (command.local && !block_) notice(Severity::warning, "25P01", "SET LOCAL can only be used in transaction blocks");
  const std::string& name = command.name;
  auto done = command.value ? settings_.set(name, *command.value, command.local) : settings_.reset(name);
  if (!done) return std::unexpected(done.error());
  if (sql::equal_nocase(name, "default_transaction_read_only") && !block_) {
    (void)settings_.set("transaction_read_only", *settings_.get(name));
  }
  return "SET";
}

Backend::Tag Backend::set_transaction(const SetTransactionCommand& command) {
  if (command.read_only) {
    const char* value = *command.read_only ? "on" : "off";
    if (command.session) (void)settings_.set("default_transaction_read_only", value);
    if (command.session || block_) (void)settings_.set("transaction_read_only", value);
  }
  return "SET";
}

Backend::Tag Backend::show(const ShowCommand& command, Rows& rows) {
  if (sql::equal_nocase(command.name, "all")) {
    std::vector<std::vector<std::string>> all;
    for (const auto& [name, value] : settings_.all()) all.push_back({name, value, ""});
    give(rows, {"name", "setting", "description"}, all);
    return "SHOW";
  }
  const auto value = settings_.get(command.name);
  if (!value) return refuse("42704", "unrecognized configuration parameter \"" + command.name + "\"");
  give(rows, {sql::to_lower(command.name)}, {{*value}});
  return "SHOW";
}

Backend::Tag Backend::declare(const DeclareCommand& command) {
  if (!block_) return refuse("25P01", "DECLARE CURSOR can only be used in transaction blocks");
  if (portals_.contains(command.cursor)) return refuse("42P03", "cursor \"" + command.cursor + "\" already exists");
  auto statement = Statement::of_sql(command.query);
  if (statement->kind != StatementKind::select) return refuse("42601", "a cursor is for a SELECT");
  if (auto described = describe_statement(*statement); !described) return std::unexpected(described.error());
  portals_.try_emplace(command.cursor, Portal{.statement = std::move(statement)});
  return "DECLARE CURSOR";
}

Backend::Tag Backend::fetch(const FetchCommand& command, Rows&) {
  auto found = find_portal(command.cursor);
  if (!found) return refuse("34000", "cursor \"" + command.cursor + "\" does not exist");
  Portal& portal = **found;
  uint64_t moved = 0;
  if (!std::exchange(portal.started, true)) {  // all of its rows wait from now on
    Rows rows{*this, portal, 0};
    auto result = execute_sql(*portal.statement, {}, rows);
    if (auto refusal = rows.take_refusal(); refusal && !result) return std::unexpected(*std::move(refusal));
    if (!result) return std::unexpected(result.error());
    rows.finish();
  }
  if (!command.move) put_row_description(out_, portal.fields);
  for (; moved < command.count && !portal.held.empty(); ++moved) {
    portal.held_bytes -= portal.held.front().size();
    if (!command.move) out_ += portal.held.front();
    portal.held.pop_front();
    if (out_.size() >= output_batch_bytes && !flush()) break;
  }
  return fmt::format("{} {}", command.move ? "MOVE" : "FETCH", moved);
}

}  // namespace ddb::pg
