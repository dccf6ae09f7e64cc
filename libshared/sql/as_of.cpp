#include "sql/as_of.hpp"

#include <fmt/chrono.h>
#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "sql/query.hpp"
#include "sql/sql_error.hpp"

namespace ddb::sql {

namespace {

constexpr std::pair<std::string_view, uint64_t> units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};  // in milliseconds

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "-10s", in milliseconds.
std::optional<uint64_t> age(std::string_view text) {
  if (!text.starts_with('-')) return std::nullopt;
  for (const auto& [unit, millis] : units) {
    if (!text.ends_with(unit)) continue;
    const auto count = number(text.substr(1, text.size() - 1 - unit.size()));
    if (count && *count <= UINT32_MAX) return *count * millis;
  }
  return std::nullopt;
}

/// By SQLite's own reading; in milliseconds since 1970.
std::optional<uint64_t> date(sqlite3* db, std::string_view text) {
  auto query = Query::prepare(db, "SELECT CAST(round((julianday(?1) - 2440587.5) * 86400000.0) AS INTEGER)");
  if (!query) return std::nullopt;
  query->bind(1, ValueView{text});
  if (query->step() != SQLITE_ROW) return std::nullopt;
  const ValueView value = query->column(0);
  const auto* millis = std::get_if<int64_t>(&value);
  if (millis == nullptr || *millis < 0 || *millis >> 47 != 0) return std::nullopt;
  return static_cast<uint64_t>(*millis);
}

std::optional<Timestamp> meant(sqlite3* db, std::string_view when, Timestamp now) {
  if (const auto exact = number(when)) return Timestamp{*exact};
  if (const auto millis = age(when)) return Timestamp{now.value - std::min(now.value, *millis << 16)};
  if (const auto millis = date(db, when)) return Timestamp::of(*millis, 0);
  return std::nullopt;
}

}  // namespace

std::optional<AsOfClause> find_as_of(const ParsedStatement& s) {
  const size_t last = s.tokens.size();
  for (size_t i = 0; i + 3 < last; ++i) {
    if (s.symbol(i, "(")) {
      i = skip_parentheses(s, i, last) - 1;
      continue;
    }
    if (!s.is(i, "AS") || !s.is(i + 1, "OF") || !s.is(i + 2, "SYSTEM") || !s.is(i + 3, "TIME")) continue;
    AsOfClause clause{s.tokens[i].offset, s.tokens[i + 3].end() - s.tokens[i].offset, "?"};
    if (i + 4 == last) return clause;
    const TokenKind kind = s.tokens[i + 4].kind;
    if (kind != TokenKind::string && kind != TokenKind::integer) return clause;
    clause.size = s.tokens[i + 4].end() - clause.offset;
    clause.when = kind == TokenKind::string ? s.name(i + 4) : std::string{s.at(i + 4)};
    return clause;
  }
  return std::nullopt;
}

std::string without(const ParsedStatement& s, const AsOfClause& clause) {
  std::string text{s.text};
  for (size_t i = clause.offset; i < clause.offset + clause.size; ++i) {
    if (text[i] != '\n') text[i] = ' ';
  }
  return text;
}

SqlResult<Timestamp> resolve_as_of(sqlite3* db, std::string_view when, Timestamp now) {
  const auto ts = meant(db, when, now);
  if (!ts || !*ts) {
    return std::unexpected(to_sql_error({Code::failed, "AS OF SYSTEM TIME takes an age, a date and time, or a timestamp",
                                         "write '-10s', '2026-11-22 10:00:00' (UTC) or a timestamp of the oracle's", {}}));
  }
  if (*ts > now) {
    return std::unexpected(to_sql_error({Code::refused, "AS OF SYSTEM TIME " + std::string{when} + " has yet to come: it is " + utc(now),
                                         "name a time that has passed", {}}));
  }
  return *ts;
}

std::string utc(Timestamp ts) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds{ts.millis()}};
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03}", std::chrono::floor<std::chrono::seconds>(time), ts.millis() % 1000);
}

}  // namespace ddb::sql
