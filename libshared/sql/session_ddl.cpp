// CREATE, ALTER and DROP.
#include <sqlite3.h>

#include <algorithm>

#include "sql/session_impl.hpp"

namespace ddb::sql {

namespace {

bool exists(const Schema& schema, const Created& object) {
  if (object.kind == "TABLE") return schema.find_table(object.name) != nullptr;
  if (object.kind == "VIEW") return schema.find_view(object.name) != nullptr;
  if (object.kind == "INDEX") return schema.find_table_of_index(object.name) != nullptr;
  return std::ranges::any_of(schema.triggers, [&](const auto& item) { return same_name(item.second.name, object.name); });
}

/// "CREATE TABLE x" makes the TABLE x.
Created object_of(const ParsedStatement& s) {
  const size_t space = s.head.tag.find(' ');
  return {space == std::string::npos ? "" : s.head.tag.substr(space + 1), s.head.object.empty() ? "" : s.head.object.back()};
}

}  // namespace

/// The open transaction takes this DDL in: it can be undone by dropping what it made, and the transaction's snapshot
/// needs not know it.
bool Session::Impl::can_take_in(const ParsedStatement& s) const {
  if (s.head.kind != StatementKind::create) return false;
  const Created object = object_of(s);
  if (object.kind != "INDEX") return object.kind == "TABLE" || object.kind == "VIEW" || object.kind == "TRIGGER";
  // The entries of an older table's rows would be younger than the snapshot.
  const size_t on = find_word(s, {0, s.tokens.size()}, "ON");
  return on + 1 < s.tokens.size() && std::ranges::any_of(created, [&](const Created& table) {
           return table.kind == "TABLE" && same_name(table.name, s.name(on + 1));
         });
}

/// Other DDL cannot be rolled back: what the open transaction did before it is committed, what comes after it is a
/// transaction of its own.
SqlResult<void> Session::Impl::commit_before_ddl() {
  bool still_open = false;
  if (auto committed = executor.commit(still_open); !committed) {
    (void)close();
    return committed;
  }
  created.clear();
  log.clear();
  log_bytes = 0;
  replayable = open;
  return {};
}

/// DROP TABLE does to rows that refer to the table what deleting all of its rows would. They change in the transaction that is
/// committed before the table goes, so a row that refers to it and comes in between stays.
SqlResult<void> Session::Impl::leave_children(const ParsedStatement& s) {
  if (s.head.kind != StatementKind::drop || !executor.foreign_keys) return {};
  const Created object = object_of(s);
  const auto schema = catalog.schema();
  const Table* table = object.kind == "TABLE" ? schema->find_table(object.name) : nullptr;
  if (table == nullptr) return {};
  const DropDuties duties = drop_duties(*schema, *table);
  if (duties.actions.empty() && duties.checks.empty()) return {};
  const bool own = !open;
  if (own) {
    if (auto begun = begin(s); !begun) return std::unexpected(begun.error());
  }
  const auto left = [&]() -> SqlResult<void> {
    for (const auto* texts : {&duties.actions, &duties.checks}) {
      for (const std::string& text : *texts) {
        DiscardRows discard;
        Delivery delivery{discard};
        const auto ran = run({text, {}, nullptr}, delivery);
        if (!ran) return std::unexpected(ran.error());
        if (delivery.rows() > 0) return std::unexpected(to_sql_error({Code::failed, "FOREIGN KEY constraint failed", {}, {}}, SQLITE_CONSTRAINT_FOREIGNKEY));
      }
    }
    return {};
  }();
  const auto done = own && left ? commit_before_ddl() : left;
  if (own) (void)close();
  return done;
}

SqlResult<void> Session::Impl::execute_ddl(std::string_view ddl, std::string_view object) {
  const auto done = executor.define(ddl, object);
  if (executor.transaction_lost()) (void)close();
  if (done) return {};
  return std::unexpected(to_sql_error(done.error()));
}

SqlResult<void> Session::Impl::create_object(const Created& object, std::string_view ddl) {
  const bool there = exists(*catalog.schema(), object);  // IF NOT EXISTS
  if (auto done = execute_ddl(ddl, object.name); !done || !open || there) return done;
  created.push_back(object);
  replayable = false;
  if (object.kind != "INDEX" || !executor.in_transaction()) return {};
  auto indexed = executor.index_own_rows(object.name);
  if (!indexed) (void)drop_created(created.size() - 1);
  return indexed;
}

/// Drops the newest objects of the open transaction until `keep` of them are left.
Result<void> Session::Impl::drop_created(size_t keep) {
  Result<void> dropped;
  for (; created.size() > keep; created.pop_back()) {
    const Created& object = created.back();
    const auto one = executor.define("DROP " + object.kind + " IF EXISTS main." + quote_name(object.name), object.name);
    if (dropped) dropped = one;
  }
  return dropped;
}

SqlResult<StatementResult> Session::Impl::define(const ParsedStatement& s) {
  if (executor.temporary().owns(s)) {
    DiscardRows discard;
    Delivery delivery{discard};
    return run({s.text, {}, &s}, delivery);
  }
  if (as_of || !as_of_setting.empty()) return std::unexpected(only_reads());
  if (const auto name = internal_name(s, *catalog.schema())) {
    return refuse("the name " + std::string{s.text.substr(name->offset, name->size)} + " is reserved", Code::refused);
  }
  if (open && can_take_in(s)) {
    if (auto begun = executor.begin(); !begun) return std::unexpected(to_sql_error(begun.error()));
  } else {
    if (auto left = leave_children(s); !left) return std::unexpected(left.error());
    if (auto committed = commit_before_ddl(); !committed) return std::unexpected(committed.error());
  }
  if (!s.head.create_as.select.empty()) return create_as(s);
  const std::string_view ddl = s.cut({0, s.tokens.size()});
  auto done = s.head.kind == StatementKind::create ? create_object(object_of(s), ddl) : execute_ddl(ddl, {});
  if (done) return result_of(s);
  const auto parsed = parse_error(executor.connection(), s.text);
  if (parsed && parsed->error.message == done.error().error.message) done.error().position = parsed->position;
  return std::unexpected(done.error());
}

/// The table is made with the columns SQLite would give it, then filled; a failed fill takes it away again.
SqlResult<StatementResult> Session::Impl::create_as(const ParsedStatement& s) {
  const CreateAsHead& head = s.head.create_as;
  if (head.if_not_exists && catalog.schema()->find_table(head.table) != nullptr) return result_of(s);
  const auto create = create_table_like(s);
  if (!open) executor.rollback();
  if (!create) return std::unexpected(create.error());
  if (auto done = create_object({"TABLE", head.table}, *create); !done) return std::unexpected(done.error());
  const Executor::Counters counters = executor.counters;  // filling the table counts for nothing, as in SQLite
  DiscardRows discard;
  Delivery delivery{discard};
  const std::string name = "main." + quote_name(head.table);
  auto filled = run({"INSERT INTO " + name + " " + std::string{s.cut(head.select)}, {}, nullptr}, delivery);
  executor.counters = counters;
  if (filled) return result_of(s);
  const auto dropped = open ? drop_created(created.size() - 1) : executor.define("DROP TABLE IF EXISTS " + name, head.table);
  if (!dropped) filled.error().error.hint = "the table " + head.table + " was made and is empty";
  return std::unexpected(filled.error());
}

/// CREATE TABLE as SQLite words it for the columns of the SELECT.
SqlResult<std::string> Session::Impl::create_table_like(const ParsedStatement& s) {
  if (auto begun = executor.begin(); !begun) return std::unexpected(to_sql_error(begun.error()));
  const std::string name = quote_name(s.head.create_as.table);
  Edits edits{s.text};
  replace_names(s, *catalog.schema(), edits);
  const TokenSpan select = s.head.create_as.select;
  const std::string text = edits.apply(s.tokens[select.first].offset, s.tokens[select.last - 1].end());
  sqlite3* db = executor.connection();
  const auto run_text = [&](const std::string& sql) -> Result<std::string> {
    auto query = Query::prepare(db, sql);
    if (!query) return std::unexpected(query.error());
    const int rc = query->step();
    if (rc == SQLITE_ROW) return std::get<std::string>(codec::to_owned(query->column(0)));
    return rc == SQLITE_DONE ? Result<std::string>{} : std::unexpected(sqlite_error(db));
  };
  // A real name, for SQLite writes it into the text; a temporary table, for it must not stay.
  auto made = run_text("CREATE TEMP TABLE " + name + " AS SELECT * FROM (" + text + ") LIMIT 0");
  if (!made) {
    SqlError error = to_sql_error(made.error(), sqlite3_extended_errcode(db));
    return std::unexpected(std::move(error));
  }
  auto sql = run_text("SELECT sql FROM sqlite_temp_master WHERE name = " + quote_text(s.head.create_as.table));
  if (auto dropped = run_text("DROP TABLE temp." + name); !dropped) sql = dropped;
  if (!sql) return std::unexpected(to_sql_error(sql.error()));
  return *std::move(sql);
}

/// sqlite_sequence as dumps write it: rows there move the sequences on; taking them away moves nothing back.
SqlResult<StatementResult> Session::Impl::sequences(const ParsedStatement& s) {
  if (as_of || !as_of_setting.empty()) return std::unexpected(only_reads());
  if (s.head.kind == StatementKind::erase) return result_of(s);
  if (s.head.kind != StatementKind::insert) return refuse("sqlite_sequence takes INSERT and DELETE only", Code::refused);
  // .dump --preserve-rowids gives rowids as well.
  const std::vector<std::string> names = s.head.dml.has_columns ? s.head.dml.column_names : std::vector<std::string>{"name", "seq"};
  const auto place = [&](std::string_view name) {
    return static_cast<size_t>(std::ranges::find_if(names, [&](const auto& one) { return same_name(one, name); }) - names.begin());
  };
  class Rows final : public RowSink {
   public:
    Rows(size_t name, size_t seq) : name_{name}, seq_{seq} {}
    Result<void> columns(std::span<const ColumnInfo>) override { return {}; }
    Result<void> row(std::span<const ValueView> values) override {
      const auto* name = name_ < values.size() ? std::get_if<std::string_view>(&values[name_]) : nullptr;
      const auto* last = seq_ < values.size() ? std::get_if<int64_t>(&values[seq_]) : nullptr;
      if (name == nullptr || last == nullptr) return fail(Code::failed, "sqlite_sequence takes a name and an integer");
      found.emplace_back(*name, *last);
      return {};
    }
    std::vector<std::pair<std::string, int64_t>> found;

   private:
    size_t name_;
    size_t seq_;
  } rows{place("name"), place("seq")};
  Delivery delivery{rows};
  const std::string source = "SELECT * FROM (" + std::string{s.cut(s.head.dml.source)} + ")";
  if (auto read = run({source, {}, nullptr}, delivery); !read) return read;
  for (const auto& [name, last] : rows.found) {
    const Table* table = catalog.schema()->find_table(name);
    if (table == nullptr) continue;
    if (auto told = catalog.row_ids().observe(table->id, last); !told) {
      return std::unexpected(to_sql_error(told.error()));
    }
  }
  StatementResult result = result_of(s);
  result.changes = static_cast<int64_t>(rows.found.size());
  return result;
}

}  // namespace ddb::sql
