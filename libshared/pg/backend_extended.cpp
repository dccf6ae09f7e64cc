// Parse, Bind, Describe, Execute, Close and Sync.
#include <fmt/format.h>

#include "pg/backend_inside.hpp"
#include "pg/scan.hpp"
#include "pg/values.hpp"

namespace ddb::pg {

SqlResult<Statement*> Backend::find_statement(const std::string& name) {
  const auto found = statements_.find(name);
  if (found != statements_.end()) return found->second.get();
  return refuse("26000", name.empty() ? "unnamed prepared statement does not exist" : "prepared statement \"" + name + "\" does not exist");
}

SqlResult<Backend::Portal*> Backend::find_portal(const std::string& name) {
  const auto found = portals_.find(name);
  if (found != portals_.end()) return &found->second;
  return refuse("34000", "portal \"" + name + "\" does not exist");
}

SqlResult<void> Backend::parse(const Parse& message) {
  if (!message.statement.empty() && statements_.contains(message.statement)) {
    return refuse("42P05", "prepared statement \"" + message.statement + "\" already exists");
  }
  if (auto valid = check_utf8(message.sql); !valid) return valid;
  const auto parts = split(message.sql);
  if (parts.size() > 1) return refuse("42601", "cannot insert multiple commands into a prepared statement");
  auto statement = Statement::make(parts.empty() ? std::string_view{} : parts.front());
  if (!statement) return std::unexpected(statement.error());
  (*statement)->parameter_types = message.types;
  if (auto runs = ready_to_run(**statement); !runs) return runs;
  if (auto described = describe_statement(**statement); !described) return described;
  if (statements_bytes_ + message.sql.size() > statements_bytes_max) {
    return refuse("53000", "the prepared statements of this connection take more than 64 MB", "close some");
  }
  auto& slot = statements_[message.statement];
  if (slot) statements_bytes_ -= slot->text.size();
  slot = *std::move(statement);
  statements_bytes_ += slot->text.size();
  put_plain(out_, '1');
  return {};
}

SqlResult<void> Backend::bind(Bind message) {
  auto found = find_statement(message.statement);
  if (!found) return std::unexpected(found.error());
  const Statement& statement = **found;
  if (!message.portal.empty() && portals_.contains(message.portal)) {
    return refuse("42P03", "cursor \"" + message.portal + "\" already exists");
  }
  const auto& types = statement.parameter_types;
  if (message.values.size() != types.size()) {
    return refuse("08P01", fmt::format("bind message supplies {} parameters, but prepared statement \"{}\" requires {}", message.values.size(),
                                       message.statement, types.size()));
  }
  if (auto runs = ready_to_run(statement); !runs) return runs;
  Portal portal{.statement = statements_.at(message.statement), .formats = std::move(message.result_formats)};
  portal.parameters.resize(message.values.size());
  for (size_t i = 0; i < message.values.size(); ++i) {
    if (!message.values[i]) continue;
    const auto& formats = message.parameter_formats;
    const Format format = formats.empty() ? Format::text : formats.size() == 1 ? formats[0] : formats[i];
    auto value = take_value(*message.values[i], types[i], format);
    if (!value) {
      value.error().error.hint = fmt::format("it is the value of ${}", i + 1);
      return std::unexpected(value.error());
    }
    portal.parameters[i].value = *std::move(value);
  }
  portals_.insert_or_assign(message.portal, std::move(portal));
  put_plain(out_, '2');
  return {};
}

/// Without rows, types are those that the statement's text tells. A portal's wait for its first row, if Execute comes next.
SqlResult<void> Backend::describe(const Describe& message) {
  if (message.target == Target::portal) {
    auto portal = find_portal(message.name);
    if (!portal) return std::unexpected(portal.error());
    Statement& statement = *(*portal)->statement;
    if (!statement.columns || statement.columns->empty()) {
      if (std::holds_alternative<ShowCommand>(statement.command) || std::holds_alternative<FetchCommand>(statement.command)) {
        (*portal)->describe = true;
        return {};
      }
      put_plain(out_, 'n');
      return {};
    }
    (*portal)->describe = true;
    const Message* next = reader_.peek();
    const auto* execute_next = next == nullptr ? nullptr : std::get_if<Execute>(next);
    if (execute_next != nullptr && execute_next->portal == message.name && !(*portal)->started) return {};
    (*portal)->describe = false;
    auto fields = (*portal)->started ? (*portal)->fields : fields_of(statement, *statement.columns, (*portal)->formats, {});
    statement.types.clear();
    for (const Field& field : fields) statement.types.push_back(field.type);
    put_row_description(out_, fields);
    return {};
  }
  auto statement = find_statement(message.name);
  if (!statement) return std::unexpected(statement.error());
  std::vector<uint32_t> types = (*statement)->parameter_types;
  for (uint32_t& type : types) type = type == oid::unknown ? oid::text : type;
  put_parameter_description(out_, types);
  if (!(*statement)->columns || (*statement)->columns->empty()) {
    put_plain(out_, 'n');
    return {};
  }
  const auto fields = fields_of(**statement, *(*statement)->columns, {}, {});
  (*statement)->types.clear();
  for (const Field& field : fields) (*statement)->types.push_back(field.type);
  put_row_description(out_, fields);
  return {};
}

SqlResult<void> Backend::close(const Close& message) {
  if (message.target == Target::portal) {
    portals_.erase(message.name);
  } else if (const auto found = statements_.find(message.name); found != statements_.end()) {
    statements_bytes_ -= found->second->text.size();
    statements_.erase(found);
  }
  put_plain(out_, '3');
  return {};
}

SqlResult<void> Backend::execute(const Execute& message, bool alone) {
  auto found = find_portal(message.portal);
  if (!found) return std::unexpected(found.error());
  Portal& portal = **found;
  const std::shared_ptr<Statement> statement = portal.statement;  // which may close itself
  const uint64_t rows_max = message.rows_max == 0 ? UINT64_MAX : message.rows_max;
  if (portal.started) return continue_portal(portal, rows_max);
  if (statement->text.empty()) {
    put_plain(out_, 'I');
    return {};
  }
  if (auto runs = ready_to_run(*statement); !runs) return runs;
  if (const auto* copy = std::get_if<CopyCommand>(&statement->command); copy != nullptr && copy->from) return begin_copy_in(*copy);
  portal.started = true;
  Rows rows{*this, portal, rows_max};
  const std::vector<sql::Parameter> parameters = std::move(portal.parameters);
  auto tag = run(*statement, parameters, rows, alone);
  if (!tag) return std::unexpected(tag.error());
  const bool suspended = portals_.contains(message.portal) && !portal.held.empty();
  if (suspended) put_plain(out_, 's');
  else put_command_complete(out_, *tag);
  return {};
}

SqlResult<void> Backend::continue_portal(Portal& portal, uint64_t rows_max) {
  uint64_t sent = 0;
  for (; sent < rows_max && !portal.held.empty(); ++sent) {
    portal.held_bytes -= portal.held.front().size();
    out_ += portal.held.front();
    portal.held.pop_front();
    if (out_.size() >= output_batch_bytes && !flush()) return {};
  }
  if (!portal.held.empty()) put_plain(out_, 's');
  else put_command_complete(out_, fmt::format("SELECT {}", sent));
  return {};
}

void Backend::sync() {
  if (std::exchange(skipping_, false) == false) {
    if (auto ended = end_implicit(); !ended) fail(ended.error());
  }
  if (!block_) portals_.clear();
  ready();
}

}  // namespace ddb::pg
