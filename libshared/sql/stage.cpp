#define SQLITE_ENABLE_PREUPDATE_HOOK  // as the library was built
#include "sql/stage.hpp"

#include <sqlite3.h>

#include <algorithm>

#include "base/assert.hpp"
#include "sql/rewriter.hpp"

namespace ddb::sql {

struct Stages::Stage {
  const Table* table;
  std::string name;      // t$w
  RowWriter writer;
  Query insert;          // pages a row in
  std::vector<size_t> claim_columns;  // what the claim trigger passes
  bool claims = false;   // it has the claim triggers
  std::optional<int64_t> drawn;     // the rowid drawn last
  std::optional<int64_t> brought;   // the highest one that a row brought, not told to row_ids_ yet
};

namespace {

/// Values the row's keys are made of; all columns when an expression may read any.
std::vector<size_t> columns_in_claims(const Table& table) {
  std::set<size_t> columns;
  const auto add = [&](const std::vector<KeyColumn>& key) {
    for (const auto& part : key) {
      if (part.column != rowid_column) columns.insert(table.position(part.column));
    }
  };
  add(table.key_columns());
  for (const Index& index : table.indexes) {
    if (!index.unique) continue;
    if (index.has_expressions()) {
      for (size_t i = 0; i < table.columns.size(); ++i) columns.insert(i);
    } else {
      add(index.columns);
    }
  }
  return {columns.begin(), columns.end()};
}

std::string without_quotes(std::string_view function) { return std::string{function.substr(1, function.size() - 2)}; }

/// INSERT OR IGNORE INTO "t$w"(rowid, a, b) VALUES (?, ?, ?): a row that is there already stays.
std::string page_in_text(const Table& table) {
  std::string names;
  std::string marks;
  const auto add = [&](std::string_view name) {
    names += (names.empty() ? "" : ", ") + quote_name(name);
    marks += marks.empty() ? "?" : ", ?";
  };
  if (table.rowid_alias == 0 && !rowid_name(table).empty()) add(rowid_name(table));
  for (const Column& column : table.columns) {
    if (column.generated == Generated::no) add(column.name);
  }
  return "INSERT OR IGNORE INTO " + quote_name(stage_name(table.name)) + "(" + names + ") VALUES (" + marks + ")";
}

Error too_large(size_t bytes, size_t bytes_max) {
  return {Code::too_long, "transaction too large: " + std::to_string(bytes) + " bytes, over the limit of " + std::to_string(bytes_max),
          "use smaller transactions", {}};
}

}  // namespace

/// SQLite's callbacks, as members' thin clothes.
struct Stages::Hooks {
  static Stages& self(sqlite3_context* context) { return *static_cast<Stages*>(sqlite3_user_data(context)); }

  static Stage* stage(sqlite3_context* context, sqlite3_value** arguments) {
    const auto found = self(context).stages_.find(static_cast<uint64_t>(sqlite3_value_int64(arguments[0])));
    if (found != self(context).stages_.end()) return found->second.get();
    sqlite3_result_error(context, "internal function", -1);
    return nullptr;
  }

  static bool failed(sqlite3_context* context, const Result<void>& result) {
    if (result) return false;
    self(context).note(result);
    sqlite3_result_error(context, result.error().message.c_str(), -1);
    return true;
  }

  static void live(sqlite3_context* context, int, sqlite3_value**) {
    sqlite3_result_int(context, static_cast<int>(self(context).pass_));
  }

  static void rowid(sqlite3_context* context, int, sqlite3_value** arguments) {
    Stage* at = stage(context, arguments);
    if (at == nullptr || self(context).pass_ != Pass::real) return;  // NULL
    const auto drawn = self(context).draw_rowid(*at);
    if (drawn) {
      sqlite3_result_int64(context, *drawn);
    } else {
      failed(context, std::unexpected(drawn.error()));
    }
  }

  static void load(sqlite3_context* context, int, sqlite3_value** arguments) {
    Stage* at = stage(context, arguments);
    if (at == nullptr) return;
    const ValueView key = view_of(arguments[1]);
    const ValueView row = view_of(arguments[2]);
    const auto* key_bytes = std::get_if<codec::BlobView>(&key);
    const auto* row_bytes = std::get_if<codec::BlobView>(&row);
    if (key_bytes == nullptr || row_bytes == nullptr) return;  // an outer join's empty row
    failed(context, self(context).page_in(*at, key_bytes->bytes, row_bytes->bytes));
  }

  /// 1 in the dry pass.
  static void claim(sqlite3_context* context, int, sqlite3_value** arguments) {
    Stage* at = stage(context, arguments);
    if (at == nullptr) return;
    Stages& stages = self(context);
    sqlite3_result_int(context, stages.pass_ == Pass::dry ? 1 : 0);
    if (!stages.claims_ && !stages.always_claims_) return;
    std::vector<ValueView> values(at->table->columns.size());
    for (size_t i = 0; i < at->claim_columns.size(); ++i) values[at->claim_columns[i]] = view_of(arguments[i + 2]);
    failed(context, stages.claim(*at, {sqlite3_value_int64(arguments[1]), values}));
  }

  static void preupdate(void* stages, sqlite3*, int operation, const char*, const char* table, sqlite3_int64 old_rowid,
                        sqlite3_int64 new_rowid) {
    static_cast<Stages*>(stages)->on_change(operation, table, old_rowid, new_rowid);
  }
};

Stages::Stages(sqlite3* db, RowIds& row_ids, ForeignKeyChecks& foreign_keys)
    : db_{db}, row_ids_{row_ids}, foreign_keys_{foreign_keys} {
  const auto add = [&](std::string_view name, int arguments, void (*function)(sqlite3_context*, int, sqlite3_value**)) {
    sqlite3_create_function_v2(db_, without_quotes(name).c_str(), arguments, SQLITE_UTF8, this, function, nullptr, nullptr,
                               nullptr);
  };
  add(internal::live_function, 0, Hooks::live);
  add(internal::rowid_function, 1, Hooks::rowid);
  add(internal::load_function, 3, Hooks::load);
  add(internal::claim_function, -1, Hooks::claim);
  sqlite3_preupdate_hook(db_, Hooks::preupdate, this);
}

Stages::~Stages() { sqlite3_preupdate_hook(db_, nullptr, nullptr); }

Result<void> Stages::use_schema(const Schema& schema) {
  for (const auto& name : view_triggers_) {
    if (auto done = run_once("DROP TRIGGER IF EXISTS " + quote_name(name)); !done) return done;
  }
  for (auto& [id, stage] : stages_) {
    stage->insert = {};
    if (auto done = run_once("DROP TABLE " + quote_name(stage->name)); !done) return done;
  }
  forget();
  schema_ = &schema;
  return {};
}

void Stages::forget() {
  view_triggers_.clear();
  stages_.clear();
  triggers_ready_.clear();
  last_changed_ = nullptr;
  always_claims_ = false;
}

void Stages::use_transaction(Reader* reader, WriteBuffer* buffer, size_t bytes_max) {
  reader_ = reader;
  buffer_ = buffer;
  bytes_max_ = bytes_max;
}

Result<Stages::Stage*> Stages::stage_of(uint64_t table_id) {
  if (const auto found = stages_.find(table_id); found != stages_.end()) return found->second.get();
  const Table& table = schema_->tables.at(table_id);
  auto writer = RowWriter::open(table);
  if (!writer) return std::unexpected(writer.error());
  auto stage = std::make_unique<Stage>(Stage{.table = &table, .name = stage_name(table.name), .writer = *std::move(writer),
                                             .insert = {}, .claim_columns = columns_in_claims(table), .drawn = {},
                                             .brought = {}});
  for (const auto& sql : table.stage_sql) {
    if (auto made = run_once(sql); !made) return std::unexpected(made.error());
  }
  auto insert = Query::prepare(db_, page_in_text(table), true);
  if (!insert) return std::unexpected(insert.error());
  stage->insert = *std::move(insert);
  return stages_.emplace(table_id, std::move(stage)).first->second.get();
}

Result<void> Stages::prepare(const std::string& table_or_view, bool claims) {
  if (const Table* table = schema_->find_table(table_or_view)) {
    const auto stage = stage_of(table->id);
    if (!stage) return std::unexpected(stage.error());
    if (claims) {
      if (auto done = create_claims(**stage); !done) return done;
    }
  }
  // Triggers write to tables that have triggers: all of them, each once.
  std::vector<std::string> todo{table_or_view};
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (!triggers_ready_.insert(to_lower(name)).second) continue;
    std::vector<uint64_t> writes;
    if (auto done = create_triggers(name, writes); !done) return done;
    for (const uint64_t id : writes) todo.push_back(schema_->tables.at(id).name);
  }
  // Actions of foreign keys change children, which have triggers and children of their own: prepared when they run.
  return {};
}

Result<void> Stages::create_triggers(const std::string& table_or_view, std::vector<uint64_t>& writes) {
  for (const Trigger* trigger : schema_->triggers_of(table_or_view)) {
    const RewrittenTrigger rewritten = rewrite_trigger(trigger->sql, *schema_);
    for (const uint64_t id : rewritten.writes) {
      if (auto stage = stage_of(id); !stage) return std::unexpected(stage.error());
      writes.push_back(id);
    }
    for (const uint64_t id : rewritten.claims) {
      always_claims_ = true;
      if (auto done = create_claims(*stages_.at(id)); !done) return done;
    }
    if (auto made = run_once(rewritten.text); !made) return made;
    if (schema_->find_view(table_or_view) != nullptr) view_triggers_.push_back(trigger->name);
  }
  return {};
}

/// BEFORE triggers see the row with its affinities applied and its generated columns computed.
Result<void> Stages::create_claims(Stage& stage) {
  if (stage.claims) return {};
  const Table& table = *stage.table;
  std::string call = std::string{internal::claim_function} + "(" + std::to_string(table.id);
  const std::string rowid = rowid_name(table);
  call += rowid.empty() ? ", 0" : ", NEW." + quote_name(rowid);
  for (const size_t column : stage.claim_columns) call += ", NEW." + quote_name(table.columns[column].name);
  call += ")";
  const std::string guard = " ON " + quote_name(stage.name) + " WHEN " + std::string{internal::live_function} + "() BEGIN ";
  for (const char* event : {"INSERT", "UPDATE"}) {
    const std::string sql = "CREATE TRIGGER " + quote_name("$" + table.name + "$" + event) + " BEFORE " + event + guard +
                            "SELECT RAISE(IGNORE) WHERE " + call + "; END";
    if (auto made = run_once(sql); !made) return made;
  }
  stage.claims = true;
  return {};
}

void Stages::begin_statement() {
  absent_.clear();
  paged_rows_ = 0;
  error_.reset();
  last_insert_.reset();
  running_insert_.reset();
  drew_rowids_ = false;
}

Result<void> Stages::run_once(const std::string& sql) {
  return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? Result<void>{} : std::unexpected(sqlite_error(db_));
}

Result<void> Stages::begin_run(bool claims, bool foreign_keys) {
  claims_ = claims;
  foreign_keys_on_ = foreign_keys;
  nested_ = sqlite3_get_autocommit(db_) == 0;
  if (nested_) return run_once("SAVEPOINT \"$run\"");
  for (Query* query : {&begin_, &rollback_}) {
    if (*query) continue;
    auto prepared = Query::prepare(db_, query == &begin_ ? "BEGIN" : "ROLLBACK", true);
    if (!prepared) return std::unexpected(prepared.error());
    *query = *std::move(prepared);
  }
  return begin_.run();
}

bool Stages::end_run() {
  pass_ = Pass::paging;
  paged_.clear();
  paged_bytes_ = 0;
  claimed_.clear();
  looked_up_.clear();
  const bool rolled_back = sqlite3_get_autocommit(db_) != 0;
  if (!rolled_back) {
    const auto emptied = nested_ ? run_once("ROLLBACK TO \"$run\"; RELEASE \"$run\"") : rollback_.run();
    DDB_ASSERT(emptied.has_value());  // nothing is open that could refuse
  }
  return rolled_back;
}

std::optional<Error> Stages::take_error() { return std::exchange(error_, std::nullopt); }

Result<void> Stages::end_statement() {
  for (auto& [id, stage] : stages_) {
    const auto brought = std::exchange(stage->brought, std::nullopt);
    if (!brought) continue;
    if (auto told = row_ids_.observe(id, *brought); !told) return told;
  }
  return {};
}

void Stages::note(const Result<void>& result) {
  if (!result && !error_) error_ = result.error();
}

Result<int64_t> Stages::draw_rowid(Stage& stage) {
  if (stage.brought) {  // the next one is above what this statement's rows have brought
    if (auto told = row_ids_.observe(stage.table->id, *stage.brought); !told) return std::unexpected(told.error());
    stage.brought.reset();
  }
  const auto drawn = row_ids_.next(stage.table->id, stage.table->autoincrement);
  if (drawn) stage.drawn = *drawn;
  drew_rowids_ = true;
  return drawn;
}

Result<void> Stages::page_in(Stage& stage, BytesView key, BytesView value) {
  const Table& table = *stage.table;
  auto row = decode_row(table, key, value);
  if (!row) return std::unexpected(row.error());
  paged_bytes_ += key.size() + value.size();
  if (paged_bytes_ > bytes_max_) return std::unexpected(too_large(paged_bytes_, bytes_max_));
  const Pass pass = std::exchange(pass_, Pass::paging);  // S3
  const ResetGuard guard{stage.insert};
  int position = 0;
  if (table.rowid_alias == 0 && !rowid_name(table).empty()) stage.insert.bind(++position, row->rowid);
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].generated == Generated::no) stage.insert.bind(++position, codec::to_view(row->values[i]));
  }
  const int rc = stage.insert.step();
  pass_ = pass;
  if (rc != SQLITE_DONE) return std::unexpected(sqlite_error(db_));
  paged_rows_ += sqlite3_changes64(db_);
  paged_.insert_or_assign(Bytes{key}, Bytes{value});
  return {};
}

Result<void> Stages::claim(Stage& stage, const RowView& row) {
  auto claims = stage.writer.claims(row);
  if (!claims) return std::unexpected(claims.error());
  std::vector<std::pair<Stage*, IndexEntry>> fresh;
  for (IndexEntry& entry : *claims) {
    if (!looked_up_.contains(entry.key)) fresh.emplace_back(&stage, std::move(entry));
  }
  if (pass_ == Pass::real) return look_up(fresh);
  std::ranges::move(fresh, std::back_inserter(claimed_));
  return {};
}

Result<void> Stages::resolve_claims() {
  pass_ = Pass::paging;
  return look_up(std::exchange(claimed_, {}));
}

/// K3: an UPSERT is going to write the row, there or not.
Result<std::vector<std::optional<Bytes>>> Stages::get_for_update(const Bytes& key) {
  auto value = reader_->get_for_update(key);
  if (!value) return std::unexpected(std::move(value.error()));
  return std::vector{*std::move(value)};
}

Result<void> Stages::look_up(const std::vector<std::pair<Stage*, IndexEntry>>& claims) {
  if (claims.empty()) return {};
  std::vector<Bytes> keys;
  for (const auto& [stage, entry] : claims) keys.push_back(entry.key);
  const bool one_row = claims.size() == 1 && claims.front().second.index == nullptr;
  const auto values = one_row ? get_for_update(keys.front()) : reader_->get(keys);
  if (!values) return std::unexpected(values.error());
  std::vector<std::pair<Stage*, Bytes>> holders;  // rows that hold a unique entry
  for (size_t i = 0; i < claims.size(); ++i) {
    const auto& [stage, entry] = claims[i];
    const auto& value = (*values)[i];
    looked_up_.insert(entry.key);
    if (!value) {
      if (buffer_->find(entry.key) == nullptr) absent_.insert(entry.key);
    } else if (entry.index == nullptr) {
      if (auto paged = page_in(*stage, entry.key, *value); !paged) return paged;
    } else {
      auto key = row_key_of_entry(*stage->table, *entry.index, entry.key, *value);
      if (!key) return std::unexpected(key.error());
      holders.emplace_back(stage, *std::move(key));
    }
  }
  if (holders.empty()) return {};
  keys.clear();
  for (const auto& [stage, key] : holders) keys.push_back(key);
  const auto rows = reader_->get(keys);
  if (!rows) return std::unexpected(rows.error());
  for (size_t i = 0; i < holders.size(); ++i) {
    const auto& [stage, key] = holders[i];
    if (!(*rows)[i]) return fail(Code::bad_data, "an index of " + stage->table->name + " names a row that is not there");
    if (auto paged = page_in(*stage, key, *(*rows)[i]); !paged) return paged;
  }
  return {};
}

void Stages::on_change(int operation, const char* name, int64_t old_rowid, int64_t new_rowid) {
  if (pass_ != Pass::real || error_) return;
  if (last_changed_ == nullptr || last_changed_->name != name) {
    const auto at = std::ranges::find_if(stages_, [&](const auto& item) { return item.second->name == name; });
    if (at == stages_.end()) return;
    last_changed_ = at->second.get();
  }
  Stage& stage = *last_changed_;
  const Table& table = *stage.table;
  const auto read = [&](std::vector<ValueView>& values, int (*get)(sqlite3*, int, sqlite3_value**)) {
    values.resize(table.columns.size());
    for (size_t i = 0; i < values.size(); ++i) {
      sqlite3_value* value = nullptr;
      if (get(db_, static_cast<int>(i), &value) != SQLITE_OK) return note(std::unexpected(sqlite_error(db_)));
      values[i] = view_of(value);
      // SQLite stores 2.0 in a REAL column as 2; the hook shows what is stored.
      const auto* integer = std::get_if<int64_t>(&values[i]);
      if (integer != nullptr && table.columns[i].affinity == Affinity::real) values[i] = static_cast<double>(*integer);
    }
  };
  const bool inserts = operation == SQLITE_INSERT;
  if (!inserts) read(old_values_, sqlite3_preupdate_old);
  if (operation != SQLITE_DELETE) read(new_values_, sqlite3_preupdate_new);
  if (error_) return;
  const RowView before{old_rowid, old_values_};
  const RowView after{new_rowid, new_values_};
  note(write_change(stage, inserts ? nullptr : &before, operation == SQLITE_DELETE ? nullptr : &after));
  if (!inserts || !table.has_rowid()) return;
  running_insert_ = new_rowid;
  if (sqlite3_preupdate_depth(db_) == 0) last_insert_ = new_rowid;
  if (stage.drawn != new_rowid) stage.brought = std::max(stage.brought.value_or(new_rowid), new_rowid);
}

Result<void> Stages::write_change(Stage& stage, const RowView* before, const RowView* after) {
  const Table& table = *stage.table;
  if (foreign_keys_on_) foreign_keys_.on_change(table.id, before, after);
  Result<void> written;
  if (before == nullptr) {
    written = stage.writer.insert(*after, *buffer_);
  } else if (after == nullptr) {
    written = stage.writer.erase(*before, *buffer_);
  } else {
    const auto key = row_key(table, *before);
    if (!key) return std::unexpected(key.error());
    BytesView previous;
    if (const auto* own = buffer_->find(*key)) {
      previous = own->value;
    } else if (const auto paged = paged_.find(*key); paged != paged_.end()) {
      previous = paged->second;
    }
    written = stage.writer.update(*before, previous, *after, *buffer_);
  }
  if (!written) return written;
  if (buffer_->bytes() > bytes_max_) return std::unexpected(too_large(buffer_->bytes(), bytes_max_));
  return {};
}

}  // namespace ddb::sql
