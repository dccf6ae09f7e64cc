#include "sql/foreign_key.hpp"

#include <sqlite3.h>

#include <algorithm>

#include "codec/row.hpp"
#include "sql/head.hpp"
#include "sql/rewriter.hpp"

namespace ddb::sql {
namespace {

/// Reads the constraints of one CREATE TABLE.
class TableParser {
 public:
  TableParser(const Schema& schema, const Table& table)
      : schema_{schema}, table_{table}, s_{parse_statement(table.sql)} {}

  std::vector<ForeignKey> parse() {
    const size_t last = s_.tokens.size();
    size_t open = 0;
    while (open < last && !s_.symbol(open, "(")) ++open;
    if (open == last) return {};
    const size_t close = skip_parentheses(s_, open, last) - 1;
    size_t first = open + 1;
    for (size_t i = first; i <= close; ++i) {
      if (i < close && s_.symbol(i, "(")) i = skip_parentheses(s_, i, close) - 1;
      if (i < close && !s_.symbol(i, ",")) continue;
      definition({first, i});
      first = i + 1;
    }
    return std::move(keys_);
  }

 private:
  /// A column with its constraints, or a table constraint. (Constraints need no comma between them.)
  void definition(TokenSpan span) {
    std::vector<size_t> columns;
    if (!span.empty()) columns = positions_of(table_, {s_.name(span.first)});
    for (size_t i = span.first; i < span.last; ++i) {
      if (s_.is(i, "FOREIGN") && i + 2 < span.last && s_.symbol(i + 2, "(")) {
        const size_t behind = skip_parentheses(s_, i + 2, span.last);
        columns = positions_of(table_, names({i + 3, behind - 1}));
        i = behind - 1;
      } else if (s_.symbol(i, "(")) {
        i = skip_parentheses(s_, i, span.last) - 1;
      } else if (s_.is(i, "REFERENCES") && i + 1 < span.last) {
        i = references(i + 1, span.last, columns) - 1;
      }
    }
  }

  /// parent [(columns)] [ON DELETE|UPDATE action] [MATCH name] [[NOT] DEFERRABLE [INITIALLY DEFERRED|IMMEDIATE]]
  size_t references(size_t at, size_t last, const std::vector<size_t>& columns) {
    ForeignKey key;
    key.child = &table_;
    key.child_columns = columns;
    key.parent_name = s_.name(at++);
    std::vector<std::string> parent_columns;
    if (at < last && s_.symbol(at, "(")) {
      const size_t behind = skip_parentheses(s_, at, last);
      parent_columns = names({at + 1, behind - 1});
      at = behind;
    }
    while (at < last) {
      if (s_.is(at, "ON") && at + 2 < last) {
        const bool on_delete = s_.is(at + 1, "DELETE");
        at += 2;
        (on_delete ? key.on_delete : key.on_update) = action(at);
      } else if (s_.is(at, "MATCH")) {
        at += 2;
      } else if (s_.is(at, "DEFERRABLE") || (s_.is(at, "NOT") && at + 1 < last && s_.is(at + 1, "DEFERRABLE"))) {
        const bool negated = s_.is(at, "NOT");
        at += negated ? 2 : 1;
        if (at + 1 < last && s_.is(at, "INITIALLY")) {
          key.deferred = !negated && s_.is(at + 1, "DEFERRED");
          at += 2;
        }
      } else {
        break;
      }
    }
    resolve(key, parent_columns);
    keys_.push_back(std::move(key));
    return at;
  }

  KeyAction action(size_t& at) const {
    const size_t word = at++;
    if (s_.is(word, "CASCADE")) return KeyAction::cascade;
    if (s_.is(word, "RESTRICT")) return KeyAction::restrict_;
    ++at;
    if (s_.is(word, "NO")) return KeyAction::no_action;
    return s_.is(word + 1, "NULL") ? KeyAction::set_null : KeyAction::set_default;
  }

  void resolve(ForeignKey& key, const std::vector<std::string>& columns) {
    key.parent = schema_.find_table(key.parent_name);
    if (key.parent == nullptr) return;
    if (columns.empty()) {
      for (const auto& column : key.parent->primary_key) {
        key.parent_columns.push_back(key.parent->position(column.column));
      }
    } else {
      key.parent_columns = positions_of(*key.parent, columns);
      key.mismatch = key.parent_columns.size() != columns.size() || !is_key(*key.parent, key.parent_columns);
    }
    key.mismatch |= key.parent_columns.size() != key.child_columns.size() || key.parent_columns.empty();
  }

  /// The columns, in any order, are the primary key or a unique index over whole columns.
  static bool is_key(const Table& table, const std::vector<size_t>& columns) {
    const auto same = [&](const std::vector<KeyColumn>& key) {
      return key.size() == columns.size() && std::ranges::all_of(key, [&](const KeyColumn& part) {
               return std::ranges::find(columns, table.position(part.column)) != columns.end();
             });
    };
    if (!table.primary_key.empty() && same(table.primary_key)) return true;
    return std::ranges::any_of(table.indexes, [&](const Index& index) {
      return index.unique && !index.has_expressions() && same(index.columns);
    });
  }

  std::vector<std::string> names(TokenSpan span) const {
    std::vector<std::string> out;
    for (size_t i = span.first; i < span.last; i += 2) out.push_back(s_.name(i));
    return out;
  }
  static std::vector<size_t> positions_of(const Table& table, const std::vector<std::string>& names) {
    std::vector<size_t> out;
    for (const auto& name : names) {
      if (const Column* column = table.find_column(name)) out.push_back(table.position(column->id));
    }
    return out;
  }

  const Schema& schema_;
  const Table& table_;
  ParsedStatement s_;
  std::vector<ForeignKey> keys_;
};

std::vector<ValueView> pick(const RowView& row, const std::vector<size_t>& columns) {
  std::vector<ValueView> out;
  for (const size_t column : columns) out.push_back(row.values[column]);
  return out;
}
bool any_null(const std::vector<ValueView>& values) {
  return std::ranges::any_of(values, [](const ValueView& v) { return codec::is_null(v); });
}
bool same(const std::vector<ValueView>& a, const std::vector<ValueView>& b) {
  return std::ranges::equal(a, b, codec::identical);
}
std::vector<Value> owned(const std::vector<ValueView>& values) {
  std::vector<Value> out;
  for (const auto& value : values) out.push_back(codec::to_owned(value));
  return out;
}
std::vector<ValueView> views(const std::vector<Value>& values) {
  std::vector<ValueView> out;
  for (const auto& value : values) out.push_back(codec::to_view(value));
  return out;
}

/// What demand() put away, borrowed from there.
Result<std::vector<ValueView>> unpack(const Bytes& values) {
  codec::RowReader row;
  if (auto opened = row.open(values); !opened) return std::unexpected(opened.error());
  std::vector<ValueView> out;
  for (uint32_t i = 0; i < row.cells(); ++i) {
    const auto cell = row.cell(i);
    if (!cell) return std::unexpected(cell.error());
    out.push_back(*cell);
  }
  return out;
}

/// "a" = ?1 AND "b" = ?2, numbered from `first`; with another separator the list of an UPDATE.
std::string equals(const Table& table, const std::vector<size_t>& columns, size_t first, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out += separator;
    out += quote_name(table.columns[columns[i]].name) + " = ?" + std::to_string(first + i);
  }
  return out;
}

std::string set_list(const ForeignKey& key, KeyAction action) {
  std::string out;
  for (const size_t column : key.child_columns) {
    const Column& c = key.child->columns[column];
    const bool fallback = action == KeyAction::set_default && !c.default_sql.empty();
    out += (out.empty() ? "" : ", ") + quote_name(c.name) + " = " + (fallback ? "(" + c.default_sql + ")" : "NULL");
  }
  return out;
}

}  // namespace

std::vector<ForeignKey> foreign_keys(const Schema& schema) {
  std::vector<ForeignKey> keys;
  for (const auto& [id, table] : schema.tables) {
    if (!to_lower(table.sql).contains("references")) continue;
    for (auto& key : TableParser{schema, table}.parse()) keys.push_back(std::move(key));
  }
  return keys;
}

namespace {

/// Child rows, as `c`, whose key is whole.
std::string whole(const ForeignKey& key) {
  std::string out;
  for (const size_t column : key.child_columns) {
    out += (out.empty() ? "c." : " AND c.") + quote_name(key.child->columns[column].name) + " IS NOT NULL";
  }
  return out;
}

std::string parent_of_child(const ForeignKey& key) {
  std::string where;
  for (size_t i = 0; i < key.child_columns.size(); ++i) {
    where += (where.empty() ? "p." : " AND p.") + quote_name(key.parent->columns[key.parent_columns[i]].name) + " = c." +
             quote_name(key.child->columns[key.child_columns[i]].name);
  }
  return "EXISTS (SELECT 1 FROM main." + quote_name(key.parent->name) + " AS p WHERE " + where + ")";
}

std::string child_rows(const ForeignKey& key) { return "main." + quote_name(key.child->name) + " AS c WHERE " + whole(key); }

}  // namespace

Result<std::string> foreign_key_check_query(const Schema& schema, const Table* table) {
  std::string sql = "SELECT '' AS \"table\", 0 AS \"rowid\", '' AS \"parent\", 0 AS \"fkid\" WHERE 0";
  const auto keys = foreign_keys(schema);
  std::map<const Table*, size_t> left;  // the constraint declared last is number 0
  for (const ForeignKey& key : keys) ++left[key.child];
  for (const ForeignKey& key : keys) {
    const size_t id = --left[key.child];
    if (table != nullptr && key.child != table) continue;
    if (key.mismatch) {
      return fail(Code::failed, "foreign key mismatch - \"" + key.child->name + "\" referencing \"" + key.parent_name + "\"");
    }
    const std::string rowid = rowid_name(*key.child);
    sql += " UNION ALL SELECT " + quote_text(key.child->name) + ", " + (rowid.empty() ? "NULL" : "c." + quote_name(rowid)) + ", " +
           quote_text(key.parent_name) + ", " + std::to_string(id) + " FROM " + child_rows(key);
    if (key.parent != nullptr) sql += " AND NOT " + parent_of_child(key);
  }
  return sql;
}

DropDuties drop_duties(const Schema& schema, const Table& table) {
  DropDuties duties;
  for (const ForeignKey& key : foreign_keys(schema)) {
    if (key.parent != &table || key.child == &table || key.mismatch) continue;
    const std::string rows = child_rows(key) + " AND " + parent_of_child(key);
    if (key.on_delete == KeyAction::cascade) {
      duties.actions.push_back("DELETE FROM " + rows);
      continue;
    }
    const bool sets = key.on_delete == KeyAction::set_null || key.on_delete == KeyAction::set_default;
    const std::string behind = rows.substr(rows.find(" WHERE "));
    if (sets) {
      duties.actions.push_back("UPDATE main." + quote_name(key.child->name) + " AS c SET " + set_list(key, key.on_delete) + behind);
    }
    duties.checks.push_back("SELECT 1 FROM " + rows + " LIMIT 1");
  }
  return duties;
}

void ForeignKeyChecks::use_schema(const Schema& schema) {
  keys_.clear();
  by_table_.clear();
  for (ForeignKey& key : foreign_keys(schema)) {
    const KeyId id{key.child->id, by_table_[key.child->id].as_child.size()};
    by_table_[key.child->id].as_child.push_back(id);
    if (key.parent != nullptr && !key.mismatch) by_table_[key.parent->id].as_parent.push_back(id);
    keys_.emplace(id, std::move(key));
  }
}

void ForeignKeyChecks::on_change(uint64_t table, const RowView* before, const RowView* after) {
  const auto roles = by_table_.find(table);
  if (roles == by_table_.end()) return;
  for (const KeyId& id : roles->second.as_child) {
    const ForeignKey& key = keys_.at(id);
    if (after == nullptr) continue;
    auto values = pick(*after, key.child_columns);
    if (any_null(values) || (before != nullptr && same(values, pick(*before, key.child_columns)))) continue;
    if (key.parent == nullptr) {
      broken_ = fail(Code::failed, "no such table: main." + key.parent_name);
    } else if (key.mismatch) {
      broken_ = fail(Code::failed, "foreign key mismatch - \"" + key.child->name + "\" referencing \"" +
                                       key.parent_name + "\"");
    } else {
      demand(id, std::move(values));
    }
  }
  for (const KeyId& id : roles->second.as_parent) {
    const ForeignKey& key = keys_.at(id);
    if (before == nullptr) continue;
    auto old = pick(*before, key.parent_columns);
    auto now = after == nullptr ? std::vector<ValueView>{} : pick(*after, key.parent_columns);
    if (any_null(old) || (after != nullptr && same(old, now))) continue;
    gone_.push_back({id, owned(old), owned(now)});
  }
}

void ForeignKeyChecks::demand(KeyId key, std::vector<ValueView> values) {
  demands_.emplace(key, codec::encode_row(0, values));
}

Result<void> ForeignKeyChecks::end_statement(const RunAction& run, bool defer_all) {
  while (!gone_.empty()) {
    for (const Gone& gone : std::exchange(gone_, {})) {
      if (auto done = act(gone, run); !done) return done;
    }
  }
  if (!broken_) return std::exchange(broken_, {});
  std::set<Demand> now;
  for (const Demand& demand : std::exchange(demands_, {})) {
    (defer_all || keys_.at(demand.first).deferred ? deferred_ : now).insert(demand);
  }
  return check(now);
}

Result<void> ForeignKeyChecks::act(const Gone& gone, const RunAction& run) {
  const ForeignKey& key = keys_.at(gone.key);
  const bool deleted = gone.after.empty();
  const KeyAction action = deleted ? key.on_delete : key.on_update;
  const std::string child = quote_name(key.child->name);
  const std::string where = " WHERE " + equals(*key.child, key.child_columns, 1, " AND ");
  std::vector<ValueView> parameters = views(gone.before);
  switch (action) {
    case KeyAction::no_action: demand(gone.key, parameters); return {};
    case KeyAction::restrict_: return check({{gone.key, codec::encode_row(0, parameters)}});
    case KeyAction::set_null:
    case KeyAction::set_default:
      return run("UPDATE " + child + " SET " + set_list(key, action) + where, parameters);
    case KeyAction::cascade: break;
  }
  if (deleted) return run("DELETE FROM " + child + where, parameters);
  for (const Value& value : gone.after) parameters.push_back(codec::to_view(value));
  const std::string set = equals(*key.child, key.child_columns, key.child_columns.size() + 1, ", ");
  return run("UPDATE " + child + " SET " + set + where, parameters);
}

void ForeignKeyChecks::abandon_statement() {
  gone_.clear();
  demands_.clear();
  broken_ = {};
}

Result<void> ForeignKeyChecks::check_deferred() { return check(deferred_); }

void ForeignKeyChecks::end_transaction() {
  abandon_statement();
  deferred_.clear();
}

/// In pieces of one constraint: their parents are looked up together, and one by one if some are missing.
Result<void> ForeignKeyChecks::check(const std::set<Demand>& demands) {
  constexpr size_t together_max = 500;
  std::vector<Bytes> values;
  for (auto at = demands.begin(); at != demands.end();) {
    const KeyId id = at->first;
    const ForeignKey& key = keys_.at(id);
    values.clear();
    for (; at != demands.end() && at->first == id && values.size() < together_max; ++at) {
      values.push_back(at->second);
    }
    const auto found = all_have_parents(key, values);
    if (!found) return std::unexpected(found.error());
    if (*found) continue;
    for (const Bytes& one : values) {
      if (auto checked = check_one(key, one); !checked) return checked;
    }
  }
  return {};
}

Result<bool> ForeignKeyChecks::all_have_parents(const ForeignKey& key, std::span<const Bytes> values) {
  if (key.parent_columns.size() != 1 || values.size() == 1) return false;
  const std::string column = quote_name(key.parent->columns[key.parent_columns.front()].name);
  std::string sql = "SELECT count(*) FROM main." + quote_name(key.parent->name) + " WHERE " + column + " IN (";
  for (size_t i = 0; i < values.size(); ++i) sql += i == 0 ? "?" : ",?";
  auto query = Query::prepare(db_, sql + ")");
  if (!query) return std::unexpected(query.error());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto value = unpack(values[i]);
    if (!value) return std::unexpected(value.error());
    query->bind(static_cast<int>(i) + 1, value->front());
  }
  if (query->step() != SQLITE_ROW) return std::unexpected(sqlite_error(db_));
  // The parent's key is unique, so as many rows as values leave no value without one.
  const ValueView count = query->column(0);
  return std::get<int64_t>(count) == static_cast<int64_t>(values.size());
}

/// F1.
Result<void> ForeignKeyChecks::check_one(const ForeignKey& key, const Bytes& values) {
  const auto cells = unpack(values);
  if (!cells) return std::unexpected(cells.error());
  const auto look = [&](const Table& table, const std::vector<size_t>& columns) {
    return any_row("SELECT 1 FROM main." + quote_name(table.name) + " WHERE " + equals(table, columns, 1, " AND ") +
                       " LIMIT 1",
                   *cells);
  };
  const auto parent = look(*key.parent, key.parent_columns);
  if (!parent) return std::unexpected(parent.error());
  if (*parent) return {};
  const auto child = look(*key.child, key.child_columns);
  if (!child) return std::unexpected(child.error());
  if (*child) return fail(Code::failed, "FOREIGN KEY constraint failed");
  return {};
}

Result<bool> ForeignKeyChecks::any_row(const std::string& sql, const std::vector<ValueView>& values) {
  auto query = Query::prepare(db_, sql);
  if (!query) return std::unexpected(query.error());
  for (size_t i = 0; i < values.size(); ++i) query->bind(static_cast<int>(i) + 1, values[i]);
  const int rc = query->step();
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) return std::unexpected(sqlite_error(db_));
  return rc == SQLITE_ROW;
}

}  // namespace ddb::sql
