// EXPLAIN ROUTE in a session: a statement's reads, told or counted.
#include <chrono>

#include "sql/as_of.hpp"
#include "sql/route.hpp"
#include "sql/session_impl.hpp"

namespace ddb::sql {

namespace {

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

SqlResult<StatementResult> Session::Impl::explain_route(const ParsedStatement& s, const RouteStatement& route, const Request& request,
                                                        Delivery& delivery) {
  RouteLog told;
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome;
  outcome.result = result_of(s);
  outcome.columns = route_columns(route.analyze);
  auto explained = route.analyze ? run_traced(route, request, told) : run_dry(route, request, told);
  if (!explained) return std::unexpected(explained.error());
  auto rows = route.analyze ? executor.analyzed(told, ms_since(start)) : executor.routed(told);
  if (!rows) return std::unexpected(to_sql_error(rows.error()));
  outcome.rows = *std::move(rows);
  return deliver(std::move(outcome), delivery);
}

/// Runs it, for all that it does.
SqlResult<void> Session::Impl::run_traced(const RouteStatement& route, const Request& request, RouteLog& told) {
  DiscardRows discard;
  Delivery nobody{discard};
  executor.trace(&told);
  const auto done = execute({route.sql, request.parameters, nullptr}, nobody);
  executor.trace(nullptr);
  return done ? SqlResult<void>{} : std::unexpected(done.error());
}

/// Finds out what it would read, at the newest schema or in the open transaction.
SqlResult<void> Session::Impl::run_dry(const RouteStatement& route, const Request& request, RouteLog& told) {
  const ParsedStatement inner = parse_statement(route.sql);
  const auto clause = inner.head.kind == StatementKind::select ? find_as_of(inner) : std::nullopt;
  const std::string text = clause ? without(inner, *clause) : std::string{route.sql};
  if (auto begun = executor.begin(as_of); !begun) return std::unexpected(to_sql_error(begun.error()));
  told.dry = true;
  executor.trace(&told);
  auto done = executor.route({text, request.parameters, nullptr}, told);
  executor.trace(nullptr);
  if (!open) executor.rollback();
  return done;
}

}  // namespace ddb::sql
