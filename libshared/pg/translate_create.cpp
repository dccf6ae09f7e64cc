// CREATE TABLE and CREATE INDEX: types, defaults and storage options that SQLite spells otherwise or has not.
#include <algorithm>

#include "pg/translator.hpp"

namespace ddb::pg {

SqlResult<void> Translator::create() {
  size_t at = 1;
  if (is(at, "UNLOGGED")) {
    remove(at, at + 1);
    ++at;
  }
  if (is(at, "TEMP") || is(at, "TEMPORARY")) ++at;
  if (is(at, "UNIQUE")) ++at;
  if (is(at, "INDEX")) return create_index(), expressions(at, last());
  if (!is(at, "TABLE")) return expressions(at, last());
  at += is(at + 1, "IF") ? 4 : 1;
  for (; symbol(at + 1, "."); at += 2) qualifier(at);
  return create_table(at);
}

SqlResult<void> Translator::create_table(size_t name) {
  if (!symbol(name + 1, "(") || match(name + 1) == last()) return expressions(name, last());  // AS SELECT, or an error
  const size_t open = name + 1;
  const size_t close = match(open);
  std::vector<std::pair<size_t, size_t>> parts;
  for (size_t first = open + 1, i = first; i <= close; ++i) {
    if (symbol(i, "(") && match(i) != last()) i = match(i);
    if (i != close && !symbol(i, ",")) continue;
    parts.emplace_back(first, i);
    first = i + 1;
  }
  std::string sole_key;  // PRIMARY KEY (name), as a constraint of the table
  for (const auto& [first, end] : parts) {
    for (size_t i = first; i + 4 < end + 1; ++i) {
      const bool table_constraint = i == first || (i == first + 2 && is(first, "CONSTRAINT"));
      if (table_constraint && is(i, "PRIMARY") && is(i + 1, "KEY") && symbol(i + 2, "(") && match(i + 2) == i + 4) sole_key = sql::unquote(at(i + 3));
    }
  }
  for (const auto& [first, end] : parts) {
    if (auto done = column(first, end, sole_key); !done) return done;
  }
  table_options(close + 1);
  return {};
}

/// A column's definition, or a constraint of the table: [first, end).
SqlResult<void> Translator::column(size_t first, size_t end, std::string_view sole_key) {
  const bool constraint = is(first, "PRIMARY") || is(first, "UNIQUE") || is(first, "CHECK") || is(first, "FOREIGN") || is(first, "CONSTRAINT");
  if (constraint || !is_name(first)) return expressions(first, end);
  const TypeName type = first + 1 < end ? type_name(first + 1) : TypeName{};
  size_t identity = end;
  bool key = named(first, sole_key);
  for (size_t i = first + 1; i + 1 < end; ++i) {
    if (is(i, "PRIMARY") && is(i + 1, "KEY")) key = true;
    if (is(i, "AS") && is(i + 1, "IDENTITY")) identity = i;
  }
  const bool serial = type.name.ends_with("serial") || type.name == "serial4" || type.name == "serial8" || type.name == "serial2";
  if ((serial || identity != end) && !key) {
    SqlError error{{Code::refused, "only a PRIMARY KEY can number itself", "make the column the PRIMARY KEY, or give it a DEFAULT", {}}, "0A000",
                   sql::Position{.offset = token(first).offset}};
    return std::unexpected(std::move(error));
  }
  size_t at = first + 1;
  if (type.end > at && type.end <= end) {
    if (serial || identity != end) replace(at, type.end, "INTEGER");
    else if (type.array) replace(at, type.end, "text");
    else if (type.name.ends_with("tz")) replace(at, type.end, type.name);
    else if (type.name.starts_with("time")) replace(at, type.end, type.name);
    at = type.end;
  }
  for (; at < end; ++at) {
    if (is(at, "GENERATED") && identity != end && at < identity) {
      const size_t behind = symbol(identity + 2, "(") ? std::min(match(identity + 2) + 1, end) : identity + 2;
      remove(at, behind);
      at = behind - 1;
    } else if (is(at, "DEFAULT")) {
      default_value(at + 1);
    } else if (tokens_[at].form == Form::cast) {
      const TypeName cast_type = type_name(at + 1);  // the column has a type of its own
      if (cast_type.end == 0) continue;
      replace(at, cast_type.end, "");
      at = cast_type.end - 1;
    } else {
      lexeme(at);
      qualifier(at);
    }
  }
  return {};
}

/// SQLite wants parentheses around calls, and functions that every gateway has.
void Translator::default_value(size_t i) {
  if (!is_name(i) || !symbol(i + 1, "(") || match(i + 1) == last()) return;
  const size_t close = match(i + 1);
  if (is(i, "NOW") || is(i, "TRANSACTION_TIMESTAMP") || is(i, "STATEMENT_TIMESTAMP") || is(i, "CLOCK_TIMESTAMP")) {
    return replace(i, close + 1, "CURRENT_TIMESTAMP");
  }
  insert_before(i, "(");
  insert_behind(close, ")");
}

/// WITH (fillfactor = 100), WITHOUT OIDS, TABLESPACE t: nothing here.
void Translator::table_options(size_t i) {
  while (i < last()) {
    size_t end = i;
    if (is(i, "WITH") && symbol(i + 1, "(")) end = std::min(match(i + 1) + 1, last());
    else if (is(i, "WITHOUT") && is(i + 1, "OIDS")) end = i + 2;
    else if (is(i, "TABLESPACE")) end = std::min(i + 2, last());
    if (end > i) remove(i, end);
    i = std::max(end, i + 1);
  }
}

void Translator::create_index() {
  for (size_t i = 0; i < last(); ++i) {
    if (is(i, "CONCURRENTLY")) remove(i, i + 1);
    if (is(i, "ON") && is(i + 1, "ONLY")) remove(i + 1, i + 2);
    if (is(i, "USING") && is_name(i + 1) && symbol(i + 2, "(")) remove(i, i + 2);
    if (symbol(i, "(") && match(i) != last()) {
      table_options(match(i) + 1);
      return;
    }
  }
}

}  // namespace ddb::pg
