#include "sql/route.hpp"

#include <algorithm>

#include "codec/key.hpp"
#include "env/span.hpp"
#include "sql/rows.hpp"

namespace ddb::sql {

namespace {

using codec::Value;

std::string column_name(const Table& table, uint32_t id) {
  const Column* column = table.column(id);
  return column == nullptr ? "rowid" : column->name;
}

const char* condition(FilterTerm::Op op) {
  switch (op) {
    case FilterTerm::Op::eq: return "=?";
    case FilterTerm::Op::ne: return "<>?";
    case FilterTerm::Op::lt: return "<?";
    case FilterTerm::Op::le: return "<=?";
    case FilterTerm::Op::gt: return ">?";
    case FilterTerm::Op::ge: return ">=?";
    case FilterTerm::Op::is: return " IS ?";
    case FilterTerm::Op::is_not: return " IS NOT ?";
    case FilterTerm::Op::is_null: return " IS NULL";
    case FilterTerm::Op::not_null: return " IS NOT NULL";
    case FilterTerm::Op::in: return " IN ?";
  }
  return "";
}

Value text_or_null(std::string text) { return text.empty() ? Value{} : Value{std::move(text)}; }
Value count(uint64_t n) { return static_cast<int64_t>(n); }

/// What a key is of.
struct Place {
  uint64_t table = 0;
  uint64_t index = 0;
  bool operator==(const Place&) const = default;
};

std::string name_of(const Schema& schema, const Place& place) {
  const auto found = schema.tables.find(place.table);
  if (found == schema.tables.end()) return "(none)";
  const Index* index = place.index == 0 ? nullptr : found->second.index(place.index);
  return index == nullptr ? found->second.name : found->second.name + "." + index->name;
}

std::vector<Value> range_cells(const env::RangePlace* range) {
  if (range == nullptr) return {Value{}, Value{}};
  return {range->range ? count(range->range.value) : Value{}, text_or_null(range->address)};
}

/// What one range answered about one table or index.
struct Answers {
  Place place;
  RangeId range;
  uint64_t requests = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

std::vector<Answers> answers_of(const RouteLog& log) {
  std::vector<Answers> all;
  for (const env::ReadTrace& read : log.reads) {
    BytesView key = read.key;
    Place place;
    (void)codec::take_key_prefix(key, place.table, place.index);
    auto at = std::ranges::find_if(all, [&](const Answers& one) { return one.place == place && one.range == read.range; });
    if (at == all.end()) at = all.insert(all.end(), {.place = place, .range = read.range});
    ++at->requests;
    at->rows += read.rows;
    at->bytes += read.bytes;
  }
  return all;
}

}  // namespace

std::string pushed_parts(const Table& table, const ReadPlan& plan, bool totals) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  std::string terms;
  for (const FilterTerm& term : plan.filter) terms += (terms.empty() ? "where " : " AND ") + column_name(table, term.column) + condition(term.op);
  if (totals) terms = "where and totals";
  if (!terms.empty()) add(terms);
  if (totals) return text;
  std::string columns;
  if (plan.columns) {
    for (const uint32_t id : *plan.columns) columns += (columns.empty() ? " " : ", ") + column_name(table, id);
    if (plan.path.kind != KeyPath::Kind::index && !plan.point) add(columns.empty() ? "no columns" : "columns" + columns);
  }
  if (plan.limit >= 0) add("limit");
  return text;
}

void RouteLog::note(const Table& table, const ReadPlan& plan, const std::vector<KeyPiece>& pieces, bool totals) {
  RouteAccess access{.table = table.id, .index = plan.path.kind == KeyPath::Kind::index ? plan.path.index : 0, .path = plan.text,
                     .pushed = pushed_parts(table, plan, totals), .spans = {}};
  auto at = std::ranges::find_if(accesses, [&](const RouteAccess& known) {
    return known.table == access.table && known.path == access.path && known.pushed == access.pushed;
  });
  if (at == accesses.end()) at = accesses.insert(accesses.end(), std::move(access));
  for (const KeyPiece& piece : pieces) {
    if (at->spans.size() < spans_max) at->spans.push_back(piece.point() ? env::point_span(piece.start) : env::KeySpan{piece.start, piece.end});
  }
}

std::optional<RouteStatement> find_route(const ParsedStatement& s) {
  if (s.tokens.size() < 3 || !s.is(0, "EXPLAIN") || !s.is(1, "ROUTE")) return std::nullopt;
  const bool analyze = s.is(2, "ANALYZE");
  const size_t first = analyze ? 3 : 2;
  if (first >= s.tokens.size()) return std::nullopt;
  return RouteStatement{.analyze = analyze, .sql = s.text.substr(s.tokens[first].offset)};
}

std::vector<ColumnInfo> route_columns(bool analyze) {
  std::vector<ColumnInfo> columns{{"object", "TEXT"}, {"path", "TEXT"}, {"pushed", "TEXT"}, {"range", "INTEGER"}, {"node", "TEXT"}};
  if (!analyze) return columns;
  for (const char* name : {"requests", "rows", "bytes"}) columns.push_back({name, "INTEGER"});
  columns.push_back({"ms", "REAL"});
  return columns;
}

Result<RouteRows> route_rows(env::Kv& kv, const Schema& schema, const RouteLog& log) {
  RouteRows rows;
  for (const RouteAccess& access : log.accesses) {
    const std::vector<Value> head{name_of(schema, {access.table, access.index}), access.path, text_or_null(access.pushed)};
    const auto add = [&](const env::RangePlace* range) {
      auto& row = rows.emplace_back(head);
      std::ranges::move(range_cells(range), std::back_inserter(row));
    };
    std::vector<RangeId> named;
    for (const env::KeySpan& span : access.spans) {
      const auto places = kv.places(span);
      if (!places) return std::unexpected(places.error());
      for (const env::RangePlace& place : *places) {
        if (std::ranges::find(named, place.range) != named.end()) continue;
        named.push_back(place.range);
        add(&place);
      }
    }
    if (named.empty()) add(nullptr);
  }
  return rows;
}

Result<RouteRows> analyzed_rows(env::Kv& kv, const Schema& schema, const RouteLog& log, double ms) {
  const auto places = kv.places({});
  if (!places) return std::unexpected(places.error());
  RouteRows rows;
  Answers total;
  for (const Answers& answers : answers_of(log)) {
    const auto access = std::ranges::find_if(log.accesses, [&](const RouteAccess& one) {
      return one.table == answers.place.table && one.index == answers.place.index;
    });
    const bool noted = access != log.accesses.end();
    auto& row = rows.emplace_back();
    row.emplace_back(name_of(schema, answers.place));
    row.emplace_back(noted ? text_or_null(access->path) : Value{"rows by key"});
    row.emplace_back(noted ? text_or_null(access->pushed) : Value{});
    const auto place = std::ranges::find(*places, answers.range, &env::RangePlace::range);
    const env::RangePlace unknown{.range = answers.range, .span = {}, .node = {}, .address = {}};
    std::ranges::move(range_cells(place == places->end() ? &unknown : &*place), std::back_inserter(row));
    for (const uint64_t figure : {answers.requests, answers.rows, answers.bytes}) row.push_back(count(figure));
    row.emplace_back();
    total.requests += answers.requests;
    total.rows += answers.rows;
    total.bytes += answers.bytes;
  }
  rows.push_back({Value{"total"}, Value{}, Value{}, Value{}, Value{}, count(total.requests), count(total.rows), count(total.bytes), Value{ms}});
  return rows;
}

}  // namespace ddb::sql
