#include "sql/plan.hpp"

#include <sqlite3.h>

#include "sql/sql_error.hpp"
#include "sql/statement.hpp"

namespace ddb::sql {
namespace {

/// They may all be nested, and SQLite's code generator recurses.
constexpr size_t selects_max = 600;

std::vector<ColumnInfo> columns_of(const Query& query) {
  std::vector<ColumnInfo> columns;
  for (int i = 0; i < query.columns(); ++i) {
    const char* type = sqlite3_column_decltype(query.get(), i);
    columns.push_back({strip_stage_names(sqlite3_column_name(query.get(), i)), type == nullptr ? "" : type});
  }
  return columns;
}

SqlError error_at(const ParsedStatement& s, size_t offset, Error error, int sqlite_code = 0) {
  SqlError out = to_sql_error(std::move(error), sqlite_code);
  out.position = position_at(s.text, offset);
  return out;
}

Plan plan_of(const ParsedStatement& s) {
  Plan plan;
  plan.kind = s.head.kind;
  plan.tag = s.head.tag;
  plan.parameters = parameter_names(s);
  plan.on_conflict = s.head.dml.on_conflict;
  return plan;
}

/// The statement behind EXPLAIN [QUERY PLAN].
Head explained(const ParsedStatement& s) {
  const bool query_plan = s.tokens.size() > 2 && s.is(1, "QUERY") && s.is(2, "PLAN");
  return parse_head(s, {query_plan ? size_t{3} : size_t{1}, s.tokens.size()});
}

bool has_word(const ParsedStatement& s, std::string_view word) {
  for (size_t i = 0; i < s.tokens.size(); ++i) {
    if (s.is(i, word)) return true;
  }
  return false;
}

}  // namespace

void Planner::use_schema(const Schema& schema) {
  by_text_.clear();
  kept_.clear();
  schema_ = &schema;
}

std::shared_ptr<Plan> Planner::find(std::string_view sql) {
  if (sql.size() > text_bytes_max) return nullptr;
  const auto found = by_text_.find(sql);
  if (found == by_text_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found->second);
  return found->second->plan;
}

std::shared_ptr<Plan> Planner::keep(const ParsedStatement& s, Plan plan) {
  auto shared = std::make_shared<Plan>(std::move(plan));
  if (s.text.size() > text_bytes_max || by_text_.contains(s.text)) return shared;
  kept_.push_front({std::string{s.text}, shared});
  by_text_.emplace(kept_.front().text, kept_.begin());
  if (kept_.size() > plans_max) {
    by_text_.erase(kept_.back().text);
    kept_.pop_back();
  }
  return shared;
}

SqlResult<std::shared_ptr<Plan>> Planner::make(const ParsedStatement& s) {
  if (!is_blank(s.text.substr(s.tail))) {
    return std::unexpected(error_at(s, s.tail, {Code::usage, "more than one statement", "give one at a time", {}}));
  }
  if (const auto name = internal_name(s, *schema_)) {
    const std::string text{s.text.substr(name->offset, name->size)};
    return std::unexpected(error_at(s, name->offset, {Code::refused, "the name " + text + " is reserved", {}, {}}));
  }
  size_t selects = 0;
  for (size_t i = 0; i < s.tokens.size(); ++i) selects += s.is(i, "SELECT") ? 1 : 0;
  if (selects > selects_max) {
    return std::unexpected(to_sql_error({Code::failed, "a statement takes at most " + std::to_string(selects_max) + " SELECTs", {}, {}}));
  }
  const Head head = s.head.kind == StatementKind::explain ? explained(s) : s.head;
  const DmlHead& dml = head.dml;
  const bool change = head.kind == StatementKind::insert || head.kind == StatementKind::update ||
                      head.kind == StatementKind::erase;
  if (s.head.kind >= StatementKind::create && s.head.kind <= StatementKind::alter) return make_temporary(s);
  if (!change || dml.target.empty()) return make_select(s);
  if (temporary_.owns(dml.schema, dml.table)) return s.head.kind == StatementKind::explain ? make_select(s) : make_temporary(s);
  if (!dml.schema.empty() && !same_name(dml.schema, "main")) {  // SQLite would find the read table under any name
    return std::unexpected(to_sql_error({Code::failed, "no such table: " + dml.schema + "." + dml.table, {}, {}}));
  }
  if (const Table* table = schema_->find_table(dml.table)) return make_dml(s, head, *table);
  if (schema_->find_view(dml.table) != nullptr) return make_on_view(s, dml.table);
  return make_select(s);  // SQLite says what is wrong with the target
}

SqlError Planner::prepare_error(const ParsedStatement& s, const Edits& edits) const {
  Error error = sqlite_error(db_);
  error.message = strip_stage_names(error.message);
  const int code = sqlite3_extended_errcode(db_);
  const int offset = sqlite3_error_offset(db_);
  if (offset < 0) return to_sql_error(std::move(error), code);
  return error_at(s, edits.original_offset(static_cast<size_t>(offset)), std::move(error), code);
}

SqlResult<Query> Planner::prepare(const ParsedStatement& s, Edits& edits) {
  auto query = Query::prepare(db_, edits.apply(), true);
  if (!query) return std::unexpected(prepare_error(s, edits));
  return *std::move(query);
}

SqlResult<std::shared_ptr<Plan>> Planner::make_query(const ParsedStatement& s, Edits& edits) {
  auto query = prepare(s, edits);
  if (!query) return std::unexpected(query.error());
  Plan plan = plan_of(s);
  plan.columns = columns_of(*query);
  plan.main = *std::move(query);
  if (plan.kind == StatementKind::select) {
    auto totals = take_apart(s, *schema_, std::string{internal::totals_table} + std::to_string(next_totals_));
    if (totals && !temporary_.owns({}, totals->table->name)) plan.totals = TotalsQuery::prepare(db_, *std::move(totals), plan.main.columns());
    if (plan.totals) ++next_totals_;
  }
  return keep(s, std::move(plan));
}

SqlResult<std::shared_ptr<Plan>> Planner::make_select(const ParsedStatement& s) {
  Edits edits{s.text};
  replace_names(s, *schema_, edits);
  replace_not_indexed(s, *schema_, edits);
  return make_query(s, edits);
}

/// SQLite's own business but for the tables that it reads.
SqlResult<std::shared_ptr<Plan>> Planner::make_temporary(const ParsedStatement& s) {
  auto plan = make_select(s);
  if (plan) (*plan)->temporary = true;
  return plan;
}

SqlResult<std::shared_ptr<Plan>> Planner::make_on_view(const ParsedStatement& s, const std::string& view) {
  if (auto ready = stages_.prepare(view, false); !ready) {
    return std::unexpected(to_sql_error(ready.error()));
  }
  Edits edits{s.text};
  number_parameters(s, edits);
  replace_names(s, *schema_, edits);
  return make_query(s, edits);
}

SqlResult<std::shared_ptr<Plan>> Planner::make_dml(const ParsedStatement& s, const Head& head, const Table& table) {
  Plan plan = plan_of(s);
  plan.claims = head.kind != StatementKind::erase && needs_claims(head.dml, table);
  plan.can_lift = schema_->triggers_of(table.name).empty() && !has_word(parse_statement(table.sql), "FAIL");
  if (auto ready = stages_.prepare(table.name, plan.claims); !ready) {
    Error error = ready.error();
    error.message = strip_stage_names(error.message);
    return std::unexpected(to_sql_error(std::move(error)));
  }
  Edits edits{s.text};
  number_parameters(s, edits);
  replace_names(s, *schema_, edits);
  RewrittenDml rewritten = rewrite_dml(s, head, table, std::move(edits), Place::top);
  auto main = prepare(s, rewritten.edits);
  if (!main) return std::unexpected(refused(head.dml, s, table, main.error()));
  plan.main = *std::move(main);
  plan.columns = columns_of(plan.main);
  if (!rewritten.load.empty()) {
    auto load = Query::prepare(db_, rewritten.load, true);
    if (!load) return std::unexpected(to_sql_error(load.error(), sqlite3_extended_errcode(db_)));
    plan.load = *std::move(load);
    plan.table = table.id;
  }
  return keep(s, std::move(plan));
}

/// SQLite's words about the user's own text, where it refuses that too: the rewritten one may have other columns.
SqlError Planner::refused(const DmlHead& head, const ParsedStatement& s, const Table& table, SqlError error) {
  Edits edits = rename_target(s, head, table);
  const auto again = Query::prepare(db_, edits.apply());
  return again ? std::move(error) : prepare_error(s, edits);
}

}  // namespace ddb::sql
