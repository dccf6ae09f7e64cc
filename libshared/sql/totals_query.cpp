#include "sql/totals_query.hpp"

#include <sqlite3.h>

#include <utility>

#include "codec/archive.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::sql {

/// The table that a merge reads: the ranges' answers as they came.
struct TotalsQuery::Module {
  std::string declaration;
  std::vector<std::vector<codec::Value>> rows;
};

namespace {

using Module = TotalsQuery::Module;

struct TotalsTable : sqlite3_vtab {
  std::shared_ptr<Module> module;
};
struct TotalsCursor : sqlite3_vtab_cursor {
  size_t at = 0;
};

const Module& module_of(sqlite3_vtab_cursor* cursor) { return *static_cast<TotalsTable*>(cursor->pVtab)->module; }
size_t& at(sqlite3_vtab_cursor* cursor) { return static_cast<TotalsCursor*>(cursor)->at; }

int connect(sqlite3* db, void* aux, int, const char* const*, sqlite3_vtab** vtab, char**) {
  const auto& module = *static_cast<std::shared_ptr<Module>*>(aux);
  const int rc = sqlite3_declare_vtab(db, ("CREATE TABLE x(" + module->declaration + ")").c_str());
  if (rc == SQLITE_OK) *vtab = new TotalsTable{{}, module};
  return rc;
}
int disconnect(sqlite3_vtab* vtab) {
  delete static_cast<TotalsTable*>(vtab);
  return SQLITE_OK;
}
int best_index(sqlite3_vtab*, sqlite3_index_info* info) {
  info->estimatedCost = 1000;
  return SQLITE_OK;
}
int open(sqlite3_vtab*, sqlite3_vtab_cursor** cursor) {
  *cursor = new TotalsCursor{};
  return SQLITE_OK;
}
int close(sqlite3_vtab_cursor* cursor) {
  delete static_cast<TotalsCursor*>(cursor);
  return SQLITE_OK;
}
int filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
  at(cursor) = 0;
  return SQLITE_OK;
}
int next(sqlite3_vtab_cursor* cursor) {
  ++at(cursor);
  return SQLITE_OK;
}
int eof(sqlite3_vtab_cursor* cursor) { return at(cursor) >= module_of(cursor).rows.size(); }
int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int number) {
  set_result(context, to_view(module_of(cursor).rows[at(cursor)][static_cast<size_t>(number)]));
  return SQLITE_OK;
}
int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(at(cursor));
  return SQLITE_OK;
}

const sqlite3_module totals_module = [] {
  sqlite3_module module{};
  module.xConnect = connect;
  module.xDisconnect = disconnect;
  module.xBestIndex = best_index;
  module.xOpen = open;
  module.xClose = close;
  module.xFilter = filter;
  module.xNext = next;
  module.xEof = eof;
  module.xColumn = column;
  module.xRowid = rowid;
  return module;
}();

/// Appends the cells of an encoded row.
Result<void> append_cells(BytesView encoded, size_t count, std::vector<codec::Value>& to) {
  codec::RowReader reader;
  if (auto opened = reader.open(encoded); !opened) return opened;
  if (reader.cells() != count) return fail(Code::bad_data, "a range's totals are not what was asked for");
  for (uint32_t id = 0; id < count; ++id) {
    const auto cell = reader.cell(id);
    if (!cell) return std::unexpected(cell.error());
    to.push_back(to_owned(*cell));
  }
  return {};
}

}  // namespace

TotalsQuery::TotalsQuery(sqlite3* db, Totals totals) : db_{db}, totals_{std::move(totals)}, module_{std::make_shared<Module>()} {
  module_->declaration = totals_.declaration;
}

TotalsQuery::~TotalsQuery() {
  merge_ = Query{};
  sqlite3_create_module_v2(db_, totals_.name.c_str(), nullptr, nullptr, nullptr);
}

std::unique_ptr<TotalsQuery> TotalsQuery::prepare(sqlite3* db, Totals totals, int columns) {
  std::unique_ptr<TotalsQuery> query{new TotalsQuery{db, std::move(totals)}};
  const Totals& parts = query->totals_;
  const int rc = sqlite3_create_module_v2(db, parts.name.c_str(), &totals_module, new std::shared_ptr<Module>{query->module_},
                                          [](void* aux) { delete static_cast<std::shared_ptr<Module>*>(aux); });
  if (rc != SQLITE_OK) return nullptr;
  auto probe = Query::prepare(db, parts.probe, true);
  auto merge = Query::prepare(db, parts.merge, true);
  if (!probe || !merge || merge->columns() != columns) return nullptr;
  query->probe_ = *std::move(probe);
  query->merge_ = *std::move(merge);
  if (parts.constants.empty()) return query;
  auto constants = Query::prepare(db, parts.constants, true);
  if (!constants) return nullptr;
  query->constants_ = *std::move(constants);
  return query;
}

std::optional<TotalsRead> TotalsQuery::start(const Bind& bind) const {
  std::optional<codec::Selection> selection;
  if (constants_) {
    const ResetGuard guard{constants_};
    bind(constants_);
    if (constants_.step() != SQLITE_ROW) return std::nullopt;
    selection = totals_.selection(constants_);
  } else {
    selection = totals_.selection(constants_);
  }
  if (!selection) return std::nullopt;
  return TotalsRead{.table = totals_.table, .select = codec::encode(*selection), .answers = {}};
}

void TotalsQuery::forget() { module_->rows.clear(); }

Result<bool> TotalsQuery::take(TotalsRead read) {
  module_->rows.clear();
  if (read.declined) return false;
  size_t width = 0;
  for (const auto& total : totals_.totals) width += total.total == codec::SelectTotal::sum ? 3 : 1;
  std::vector<uint64_t> magnitudes(totals_.totals.size());
  for (const auto& [key, value] : read.answers) {
    auto& row = module_->rows.emplace_back();
    if (auto done = append_cells(key, totals_.group_by.size(), row); !done) return std::unexpected(done.error());
    if (auto done = append_cells(value, width, row); !done) return std::unexpected(done.error());
    size_t cell = totals_.group_by.size();
    for (size_t i = 0; i < magnitudes.size(); ++i) {
      if (totals_.totals[i].total == codec::SelectTotal::sum) {
        const auto* magnitude = std::get_if<int64_t>(&row[cell + 2]);
        if (magnitude == nullptr || *magnitude < 0) return false;
        magnitudes[i] += static_cast<uint64_t>(*magnitude);
        if (magnitudes[i] > totals_.magnitudes_max[i]) return false;
      }
      cell += totals_.totals[i].total == codec::SelectTotal::sum ? 3 : 1;
    }
  }
  return true;
}

}  // namespace ddb::sql
