#include "sql/shadow_reader.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "sql/rows.hpp"
#include "sql/shadow_catalog.hpp"
#include "sql/query.hpp"
#include "sql/stage_ddl.hpp"

namespace ddb::sql {

namespace {

/// Runs a query with one text parameter and calls `row` for each of its rows.
Result<void> query(sqlite3* db, std::string_view sql, std::string_view parameter, auto&& row) {
  auto statement = Query::prepare(db, sql);
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, parameter);
  for (;;) {
    const auto there = statement->next();
    if (!there) return std::unexpected(there.error());
    if (!*there) return {};
    if (Result<void> taken = row(*statement); !taken) return taken;
  }
}

struct NamedSql {
  std::string name;
  std::string table;
  std::string sql;
};

Result<std::vector<NamedSql>> objects(sqlite3* db, std::string_view type) {
  std::vector<NamedSql> found;
  auto done = query(db, "SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = ?1 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                        "ORDER BY rowid", type, [&](const Query& row) -> Result<void> {
    found.push_back({row.text(0), row.text(1), row.text(2)});
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<Collation> known_collation(std::string_view name) {
  const auto collation = collation_named(name);
  if (!collation) return fail(Code::failed, "no such collation sequence: " + std::string{name});
  return *collation;
}

/// What rows older than the column hold there: its DEFAULT, as the column's affinity makes it.
Result<Bytes> missing_bytes(const Column& column) {
  if (column.default_sql.empty() || column.generated != Generated::no) return Bytes{};
  PrivateDb db;
  const std::string create = "CREATE TABLE d(c " + column.type + " DEFAULT (" + column.default_sql + "))";
  if (auto done = db.run(create + "; INSERT INTO d DEFAULT VALUES"); !done) return std::unexpected(done.error());
  auto select = Query::prepare(db.get(), "SELECT c FROM d");
  if (!select) return std::unexpected(select.error());
  if (const auto there = select->next(); !there) return std::unexpected(there.error());
  return encode_missing(to_owned(select->column(0)));
}

/// Reads one table of the shadow.
class TableReader {
 public:
  TableReader(sqlite3* db, Table& table, const Table* before, uint64_t& next_id)
      : db_{db}, table_{table}, before_{before}, next_id_{next_id} {}

  Result<void> read() {
    if (before_ == nullptr) table_.id = next_id_++;
    if (before_ != nullptr) table_.rows = before_->rows;
    for (const auto step : {&TableReader::read_kind, &TableReader::read_columns, &TableReader::keep_column_ids,
                            &TableReader::read_indexes, &TableReader::read_stage})
      if (auto done = (this->*step)(); !done) return done;
    return {};
  }

 private:
  Result<void> read_kind() {
    return query(db_, "SELECT type, wr, strict FROM pragma_table_list(?1) WHERE schema = 'main'", table_.name,
                 [&](const Query& row) -> Result<void> {
                   if (row.text(0) != "table") return fail(Code::failed, "virtual tables are not supported: " + table_.name);
                   table_.clustering = row.integer(1) != 0 ? Clustering::without_rowid : Clustering::rowid;
                   table_.strict = row.integer(2) != 0;
                   return {};
                 });
  }

  Result<void> read_columns() {
    return query(db_, "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1)", table_.name,
                 [&](const Query& row) -> Result<void> {
                   Column column{.name = row.text(0), .type = row.text(1), .not_null = row.integer(2) != 0,
                                 .default_sql = row.text(3), .missing = {}};
                   column.affinity = table_.strict && same_name(column.type, "ANY") ? Affinity::blob
                                                                                    : affinity_of_type(column.type);
                   if (row.integer(5) >= 2) column.generated = row.integer(5) == 2 ? Generated::virtual_ : Generated::stored;
                   if (auto done = read_metadata(column); !done) return done;
                   if (row.integer(4) == 1) first_key_column_ = table_.columns.size();
                   table_.columns.push_back(std::move(column));
                   return {};
                 });
  }

  Result<void> read_metadata(Column& column) {
    const char* collation = nullptr;
    int autoincrement = 0;
    if (sqlite3_table_column_metadata(db_, "main", table_.name.c_str(), column.name.c_str(), nullptr, &collation, nullptr,
                                      nullptr, &autoincrement) != SQLITE_OK)
      return std::unexpected(sqlite_error(db_));
    table_.autoincrement |= autoincrement != 0;
    const auto known = known_collation(collation);
    if (!known) return std::unexpected(known.error());
    column.collation = *known;
    return {};
  }

  /// One statement adds one column at the end, drops one, or renames one in its place.
  Result<void> keep_column_ids() {
    const size_t had = before_ == nullptr ? 0 : before_->columns.size();
    table_.next_column_id = before_ == nullptr ? 1 : before_->next_column_id;
    for (size_t i = 0; i < table_.columns.size(); ++i) {
      Column& column = table_.columns[i];
      const Column* old = nullptr;
      if (table_.columns.size() < had) {
        old = before_->find_column(column.name);
      } else if (i < had) {
        old = &before_->columns[i];
      }
      column.id = old != nullptr ? old->id : table_.next_column_id++;
      if (old != nullptr) {
        column.missing = old->missing;
      } else if (before_ != nullptr) {
        auto missing = missing_bytes(column);
        if (!missing) return std::unexpected(missing.error());
        column.missing = std::move(*missing);
      }
    }
    return {};
  }

  Result<void> read_indexes() {
    std::vector<Index> found;
    bool has_key_index = false;
    auto done = query(db_, "SELECT l.name, l.\"unique\", l.origin, l.partial, s.sql, s.rowid FROM pragma_index_list(?1) l LEFT JOIN "
                           "main.sqlite_schema s ON s.type = 'index' AND s.name = l.name ORDER BY s.rowid", table_.name,
                      [&](const Query& row) -> Result<void> {
      Index index{.name = row.text(0), .sql = row.text(4), .unique = row.integer(1) != 0, .columns = {}, .where = {}};
      index.origin = row.text(2) == "pk" ? IndexOrigin::primary_key : row.text(2) == "u" ? IndexOrigin::unique : IndexOrigin::create;
      if (auto read = read_index_columns(index, row.integer(3) != 0); !read) return read;
      if (index.origin == IndexOrigin::primary_key) {
        has_key_index = true;
        take_primary_key(std::move(index), !codec::is_null(row.column(5)));
      } else {
        found.push_back(std::move(index));
      }
      return {};
    });
    if (!done) return done;
    if (first_key_column_ && !has_key_index) take_rowid_alias();
    for (auto& index : found) keep_index(std::move(index));
    std::ranges::sort(table_.indexes, {}, &Index::id);
    return {};
  }

  Result<void> read_index_columns(Index& index, bool partial) {
    const IndexText text = parse_index(index.sql);
    if (partial) index.where = text.where;
    return query(db_, "SELECT cid, \"desc\", coll FROM pragma_index_xinfo(?1) WHERE key = 1 ORDER BY seqno", index.name,
                 [&](const Query& row) -> Result<void> {
                   const auto collation = known_collation(row.text(2));
                   if (!collation) return std::unexpected(collation.error());
                   KeyColumn column{.collation = *collation, .descending = row.integer(1) != 0, .expression = {}};
                   const int64_t cid = row.integer(0);
                   if (cid >= 0) {
                     column.column = table_.columns[static_cast<size_t>(cid)].id;
                   } else if (cid == -1) {
                     column.column = rowid_column;
                   } else {
                     column.column = expression_column;
                     column.expression = text.columns.at(index.columns.size());
                   }
                   index.columns.push_back(std::move(column));
                   return {};
                 });
  }

  /// The rows themselves are in the order of a declared key: its index is but a name.
  void take_primary_key(Index index, bool listed) {
    table_.primary_key = std::move(index.columns);
    if (table_.clustering == Clustering::rowid) table_.clustering = Clustering::primary_key;
    if (!listed) return;
    table_.primary_key_index = before_ != nullptr && before_->primary_key_index != 0 ? before_->primary_key_index : next_id_++;
    table_.primary_key_index_name = std::move(index.name);
  }

  void take_rowid_alias() {
    table_.rowid_alias = table_.columns[*first_key_column_].id;
    table_.primary_key = {KeyColumn{.column = table_.rowid_alias, .expression = {}}};
  }

  void keep_index(Index index) {
    if (const Index* old = old_index(index)) {
      index.id = old->id;
      index.state = old->state;
    } else {
      index.id = next_id_++;
    }
    table_.indexes.push_back(std::move(index));
  }

  /// Automatic names follow a renamed table; their number does not change.
  const Index* old_index(const Index& index) const {
    if (before_ == nullptr) return nullptr;
    const auto number = [](const Index& i) { return i.name.substr(i.name.rfind('_') + 1); };
    for (const auto& old : before_->indexes) {
      if (old.sql.empty() != index.sql.empty()) continue;
      if (index.sql.empty() ? number(old) == number(index) : same_name(old.name, index.name)) return &old;
    }
    return nullptr;
  }

  Result<void> read_stage() {
    auto ddl = stage_ddl(db_, table_.name, table_.indexes);
    if (!ddl) return std::unexpected(ddl.error());
    table_.stage_sql = std::move(*ddl);
    return {};
  }

  sqlite3* db_;
  Table& table_;
  const Table* before_;
  uint64_t& next_id_;
  std::optional<size_t> first_key_column_;
};

/// The old object of each name; the one old name that is gone goes to the one new name, a rename.
template <class Map>
std::vector<const typename Map::mapped_type*> match(const Map& before, const std::vector<NamedSql>& after) {
  std::vector<const typename Map::mapped_type*> matched;
  std::set<uint64_t> kept;
  for (const auto& object : after) {
    const typename Map::mapped_type* old = nullptr;
    for (const auto& [id, candidate] : before)
      if (same_name(candidate.name, object.name)) old = &candidate;
    if (old != nullptr) kept.insert(old->id);
    matched.push_back(old);
  }
  if (std::ranges::count(matched, nullptr) == 1 && kept.size() + 1 == before.size()) {
    for (const auto& [id, candidate] : before)
      if (!kept.contains(id)) *std::ranges::find(matched, nullptr) = &candidate;
  }
  return matched;
}

using IndexTexts = std::map<std::string, std::string>;  // CREATE INDEX by name

/// The CREATE INDEX texts of each table.
Result<std::map<std::string, IndexTexts>> index_texts(sqlite3* db) {
  const auto found = objects(db, "index");
  if (!found) return std::unexpected(found.error());
  std::map<std::string, IndexTexts> texts;
  for (const auto& index : *found) texts[index.table][index.name] = index.sql;
  return texts;
}

/// A descriptor follows from the texts of its table and indexes alone, so equal texts spare reading it back.
bool same_texts(const Table& before, const NamedSql& table, const IndexTexts& indexes) {
  if (before.name != table.name || before.sql != table.sql) return false;
  IndexTexts had;
  for (const auto& index : before.indexes)
    if (!index.sql.empty()) had[index.name] = index.sql;
  return had == indexes;
}

bool reserved(std::string_view name) { return name.starts_with('$') || name.ends_with("$w"); }

Result<void> read_tables(sqlite3* db, const Schema& before, Schema& after) {
  const auto found = objects(db, "table");
  if (!found) return std::unexpected(found.error());
  auto indexes = index_texts(db);
  if (!indexes) return std::unexpected(indexes.error());
  const auto old = match(before.tables, *found);
  for (size_t i = 0; i < found->size(); ++i) {
    if (old[i] != nullptr && same_texts(*old[i], (*found)[i], (*indexes)[(*found)[i].name])) {
      after.tables.emplace(old[i]->id, *old[i]);
      continue;
    }
    Table table{.name = (*found)[i].name, .sql = (*found)[i].sql, .columns = {}, .primary_key = {}, .primary_key_index_name = {},
                .indexes = {}, .stage_sql = {}, .second = {}};
    if (reserved(table.name)) return fail(Code::failed, "object name reserved for internal use: " + table.name);
    if (old[i] != nullptr) {
      table.id = old[i]->id;
      table.version = old[i]->version;
    }
    if (auto done = TableReader{db, table, old[i], after.next_id}.read(); !done) return done;
    if (old[i] == nullptr || table != *old[i]) table.version = before.version + 1;
    after.tables.emplace(table.id, std::move(table));
  }
  return {};
}

template <class Object>
Result<void> read_plain(sqlite3* db, std::string_view type, const std::map<uint64_t, Object>& before, Schema& after,
                        std::map<uint64_t, Object>& objects_after) {
  const auto found = objects(db, type);
  if (!found) return std::unexpected(found.error());
  const auto old = match(before, *found);
  for (size_t i = 0; i < found->size(); ++i) {
    Object object;
    object.id = old[i] != nullptr ? old[i]->id : after.next_id++;
    object.name = (*found)[i].name;
    object.sql = (*found)[i].sql;
    if constexpr (requires { object.table; }) object.table = (*found)[i].table;
    if (reserved(object.name)) return fail(Code::failed, "object name reserved for internal use: " + object.name);
    objects_after.emplace(object.id, std::move(object));
  }
  return {};
}

}  // namespace

Result<Schema> read_schema(sqlite3* db, const Schema& before) {
  Schema after{.version = before.version, .next_id = before.next_id, .tables = {}, .views = {}, .triggers = {}};
  if (auto done = read_tables(db, before, after); !done) return std::unexpected(done.error());
  if (auto done = read_plain(db, "view", before.views, after, after.views); !done) return std::unexpected(done.error());
  if (auto done = read_plain(db, "trigger", before.triggers, after, after.triggers); !done)
    return std::unexpected(done.error());
  if (after.tables != before.tables || after.views != before.views || after.triggers != before.triggers) ++after.version;
  return after;
}

}  // namespace ddb::sql
