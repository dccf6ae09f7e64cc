#include "sql/rewriter.hpp"

#include <algorithm>
#include <charconv>

#include "base/assert.hpp"

namespace ddb::sql {

void Edits::replace(size_t begin, size_t end, std::string text) {
  edits_.push_back({begin, end, std::move(text)});
  sorted_ = false;
}

void Edits::sort() {
  // At one place insertions come before what replaces the text behind them.
  const auto place = [](const Edit& edit) { return std::pair{edit.begin, edit.end}; };
  if (!std::exchange(sorted_, true)) std::ranges::stable_sort(edits_, {}, place);
}

std::string Edits::apply() { return apply(0, original_.size()); }

std::string Edits::apply(size_t begin, size_t end) {
  sort();
  std::string out;
  size_t at = begin;
  for (const Edit& edit : edits_) {
    if (edit.begin < begin || edit.end > end) continue;
    DDB_ASSERT(edit.begin >= at);
    out += original_.substr(at, edit.begin - at);
    out += edit.text;
    at = edit.end;
  }
  return out += original_.substr(at, end - at);
}

size_t Edits::original_offset(size_t offset) const {
  size_t from = 0;  // of the original
  size_t to = 0;    // of the result
  for (const Edit& edit : edits_) {
    const size_t kept = edit.begin - from;
    if (offset < to + kept) break;
    from = edit.end;
    to += kept + edit.text.size();
    if (offset < to) return edit.begin;
  }
  return std::min(from + (offset - to), original_.size());
}

std::string stage_name(std::string_view table) { return std::string{table}.append(internal::stage_suffix); }

std::string strip_stage_names(std::string_view message) {
  std::string out;
  for (size_t at = 0; at < message.size();) {
    const size_t found = message.find(internal::stage_suffix, at);
    out += message.substr(at, found - at);
    if (found == message.npos) break;
    at = found + internal::stage_suffix.size();
  }
  return out;
}

std::string rowid_name(const Table& table) {
  if (!table.has_rowid()) return {};
  if (table.rowid_alias != 0) return table.column(table.rowid_alias)->name;
  for (const char* name : {"rowid", "_rowid_", "oid"}) {
    if (table.find_column(name) == nullptr) return name;
  }
  return {};
}

namespace {

size_t begin_of(const ParsedStatement& s, TokenSpan span) { return s.tokens[span.first].offset; }
size_t end_of(const ParsedStatement& s, TokenSpan span) { return s.tokens[span.last - 1].end(); }

bool names(const ParsedStatement& s, size_t token, std::string_view name) {
  const TokenKind kind = s.tokens[token].kind;
  return (kind == TokenKind::word || kind == TokenKind::quoted) && same_name(s.name(token), name);
}

/// A sub-select in `span` that reads `table` under its own name: there `table.` means that.
bool reads_by_name(const ParsedStatement& s, TokenSpan span, std::string_view table) {
  for (size_t i = span.first + 1; i < span.last; ++i) {
    const bool source = s.is(i - 1, "FROM") || s.is(i - 1, "JOIN") || s.symbol(i - 1, ",");
    const bool qualifier = i + 1 < span.last && s.symbol(i + 1, ".");
    if (source && !qualifier && names(s, i, table)) return true;
  }
  return false;
}

/// `table.column` becomes `stage.column` where the statement's target is meant.
void qualify_by_stage(const ParsedStatement& s, TokenSpan span, const Table& table, Edits& edits) {
  for (size_t i = span.first; i + 1 < span.last; ++i) {
    if (s.symbol(i, "(") && (s.is(i + 1, "SELECT") || s.is(i + 1, "WITH"))) {
      const size_t close = skip_parentheses(s, i, span.last);
      if (reads_by_name(s, {i, close}, table.name)) {
        i = close - 1;
        continue;
      }
    }
    const bool column = i > 0 && s.symbol(i - 1, ".");
    if (!column && s.symbol(i + 1, ".") && names(s, i, table.name)) {
      edits.replace(s.tokens[i].offset, s.tokens[i].end(), quote_name(stage_name(table.name)));
    }
  }
}

std::string call(std::string_view function, uint64_t table) {
  return std::string{function} + "(" + std::to_string(table) + ")";
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

bool means_rowid(const Table& table, const std::string& column) {
  const Column* found = table.find_column(column);
  if (found != nullptr) return table.rowid_alias != 0 && found->id == table.rowid_alias;
  return same_name(column, "rowid") || same_name(column, "_rowid_") || same_name(column, "oid");
}

/// What an INSERT's columns are and where in them the rowid is.
struct InsertColumns {
  std::vector<std::string> names;  // the source's columns, in order
  size_t rowid = 0;                // position in names; names.size(): it must be added
  std::string rowid_name;          // empty: nothing to supply
};

InsertColumns insert_columns(const DmlHead& head, const Table& table) {
  InsertColumns out{.names = head.column_names, .rowid = 0, .rowid_name = rowid_name(table)};
  if (!head.has_columns && !head.default_values) {
    for (const auto& column : table.columns) {
      if (column.generated == Generated::no) out.names.push_back(column.name);
    }
  }
  const auto at = std::ranges::find_if(out.names, [&](const auto& name) { return means_rowid(table, name); });
  out.rowid = static_cast<size_t>(at - out.names.begin());
  return out;
}

/// The commas of one row of VALUES at depth zero cut it into spans.
std::vector<TokenSpan> split_row(const ParsedStatement& s, TokenSpan row) {
  std::vector<TokenSpan> parts;
  size_t first = row.first;
  for (size_t i = row.first; i < row.last; ++i) {
    if (s.symbol(i, "(")) i = skip_parentheses(s, i, row.last) - 1;
    if (!s.symbol(i, ",")) continue;
    parts.push_back({first, i});
    first = i + 1;
  }
  parts.push_back({first, row.last});
  return parts;
}

/// Every row has as many values as there are columns; else SQLite words the error.
bool rows_fit(const ParsedStatement& s, const DmlHead& head, const InsertColumns& columns) {
  return std::ranges::all_of(head.rows, [&](const TokenSpan& row) {
    const auto parts = split_row(s, row);
    return parts.size() == columns.names.size() && std::ranges::none_of(parts, &TokenSpan::empty);
  });
}

void supply_rowids(const ParsedStatement& s, const DmlHead& head, const Table& table, const InsertColumns& columns,
                   Edits& edits) {
  const std::string fresh = call(internal::rowid_function, table.id);
  for (const TokenSpan& row : head.rows) {
    if (columns.rowid == columns.names.size()) {
      edits.insert(end_of(s, row), ", " + fresh);
      continue;
    }
    const TokenSpan part = split_row(s, row)[columns.rowid];
    if (part.last == part.first + 1 && s.is(part.first, "NULL")) {
      edits.replace(begin_of(s, part), end_of(s, part), fresh);
    } else {
      edits.insert(begin_of(s, part), "coalesce(");
      edits.insert(end_of(s, part), ", " + fresh + ")");
    }
  }
}

/// The source is read to its end before the first row goes in, so that it does not see what it writes:
///   WITH "$src"("$1", ...) AS MATERIALIZED (source) SELECT "$1", ... FROM "$src" WHERE true
void materialize_source(const ParsedStatement& s, const DmlHead& head, const Table& table, const InsertColumns& columns,
                        Edits& edits) {
  std::vector<std::string> names;
  std::vector<std::string> values;
  const std::string fresh = call(internal::rowid_function, table.id);
  for (size_t i = 0; i < columns.names.size(); ++i) {
    names.push_back("\"$" + std::to_string(i + 1) + "\"");
    const bool rowid = i == columns.rowid && !columns.rowid_name.empty();
    values.push_back(rowid ? "coalesce(" + names.back() + ", " + fresh + ")" : names.back());
  }
  if (columns.rowid == columns.names.size() && !columns.rowid_name.empty()) values.push_back(fresh);
  const std::string source{internal::source_table};
  edits.insert(begin_of(s, head.source), "WITH " + source + "(" + join(names) + ") AS MATERIALIZED (");
  edits.insert(end_of(s, head.source), ") SELECT " + join(values) + " FROM " + source + " WHERE true");
}

bool has_subquery(const ParsedStatement& s, TokenSpan span) {
  for (size_t i = span.first; i < span.last; ++i) {
    if (s.is(i, "SELECT")) return true;
  }
  return false;
}

void rewrite_insert(const ParsedStatement& s, const DmlHead& head, const Table& table, Edits& edits) {
  const InsertColumns columns = insert_columns(head, table);
  const bool add = !columns.rowid_name.empty() && columns.rowid == columns.names.size();
  if (head.default_values) {
    if (columns.rowid_name.empty()) return;
    edits.replace(begin_of(s, head.source), end_of(s, head.source),
                  "(" + quote_name(columns.rowid_name) + ") VALUES (" +
                      call(internal::rowid_function, table.id) + ")");
    return;
  }
  if (head.source.empty()) return;
  const bool simple = !head.rows.empty() && (head.rows.size() == 1 || !has_subquery(s, head.source));
  if (simple && (columns.rowid_name.empty() || !rows_fit(s, head, columns))) return;
  if (add && head.has_columns) {
    edits.insert(end_of(s, head.columns), ", " + quote_name(columns.rowid_name));
  } else if (add) {
    std::vector<std::string> all;
    for (const auto& name : columns.names) all.push_back(quote_name(name));
    all.push_back(quote_name(columns.rowid_name));
    edits.insert(begin_of(s, head.source), "(" + join(all) + ") ");
  }
  if (simple) {
    supply_rowids(s, head, table, columns, edits);
  } else {
    materialize_source(s, head, table, columns, edits);
  }
}

/// SELECT "$load"(table, key, row) over the rows that an UPDATE or DELETE will change.
std::string load_text(const ParsedStatement& s, const DmlHead& head, const Table& table, Edits& edits) {
  const auto cut = [&](TokenSpan span) {
    return span.empty() ? std::string{} : edits.apply(begin_of(s, span), end_of(s, span));
  };
  const std::string alias = quote_name(head.alias.empty() ? table.name : head.alias);
  std::string text = cut(head.with);
  text += " SELECT " + std::string{internal::load_function} + "(" + std::to_string(table.id) + ", " + alias + ".\"$key\", " +
          alias + ".\"$row\") FROM main." + quote_name(table.name) + " AS " + alias;
  if (!head.from.empty()) text += ", " + cut(head.from);
  if (!head.where.empty()) text += " WHERE " + cut(head.where);
  if (!head.order_limit.empty()) text += " " + cut(head.order_limit);
  return text;
}

void rename(const ParsedStatement& s, const DmlHead& head, const Table& table, Place place, Edits& edits) {
  std::string name = quote_name(stage_name(table.name));
  if (place == Place::top && head.alias.empty()) name += " AS " + quote_name(table.name);
  edits.replace(begin_of(s, head.target), end_of(s, head.target), name);
}

}  // namespace

std::vector<std::string> parameter_names(const ParsedStatement& s) {
  std::vector<std::string> names;
  for (const Token& token : s.tokens) {
    if (token.kind != TokenKind::parameter) continue;
    const std::string_view text = s.text.substr(token.offset, token.size);
    if (text == "?") {
      names.emplace_back();
    } else if (text.front() == '?') {
      size_t number = 0;
      std::from_chars(text.data() + 1, text.data() + text.size(), number);
      if (number > names.size() && number <= 32766) names.resize(number);
    } else if (std::ranges::find(names, text) == names.end()) {
      names.emplace_back(text);
    }
  }
  return names;
}

void number_parameters(const ParsedStatement& s, Edits& edits) {
  std::vector<std::string> names = parameter_names(s);
  size_t bare = 0;  // parameters so far: the next bare one is behind them
  for (const Token& token : s.tokens) {
    if (token.kind != TokenKind::parameter) continue;
    const std::string_view text = s.text.substr(token.offset, token.size);
    size_t number = bare + 1;
    if (text.size() > 1 && text.front() == '?') {
      std::from_chars(text.data() + 1, text.data() + text.size(), number);
    } else if (text != "?") {
      number = static_cast<size_t>(std::ranges::find(names, text) - names.begin()) + 1;
    }
    bare = std::max(bare, number);
    edits.replace(token.offset, token.end(), "?" + std::to_string(number));
  }
}

void replace_names(const ParsedStatement& s, const Schema& schema, Edits& edits) {
  for (size_t i = 0; i < s.tokens.size(); ++i) {
    const Token& token = s.tokens[i];
    if (token.kind != TokenKind::word && token.kind != TokenKind::quoted) continue;
    if (s.is(i, "INDEXED") && i + 2 < s.tokens.size() && s.is(i + 1, "BY")) {
      if (schema.find_table_of_index(s.name(i + 2)) != nullptr) edits.replace(token.offset, s.tokens[i + 2].end(), "");
    }
    if (token.size < std::string_view{"sqlite_master"}.size()) continue;
    const std::string name = s.name(i);
    if (equal_nocase(name, "sqlite_master") || equal_nocase(name, "sqlite_schema")) {
      edits.replace(token.offset, token.end(), std::string{internal::schema_table});
    } else if (equal_nocase(name, "sqlite_sequence")) {
      edits.replace(token.offset, token.end(), std::string{internal::sequence_table});
    }
  }
}

void replace_not_indexed(const ParsedStatement& s, const Schema& schema, Edits& edits) {
  for (size_t i = 2; i + 1 < s.tokens.size(); ++i) {
    if (!s.is(i, "NOT") || !s.is(i + 1, "INDEXED")) continue;
    size_t name = i - 1;  // of the table, or its alias
    if (i > 3 && s.is(i - 2, "AS")) {
      name = i - 3;
    } else if (s.is_name(i - 2) && schema.find_table(s.name(i - 2)) != nullptr && !s.is(i - 2, "FROM") && !s.is(i - 2, "JOIN")) {
      name = i - 2;
    }
    const Table* table = s.is_name(name) ? schema.find_table(s.name(name)) : nullptr;
    if (table == nullptr || table->indexes.empty()) continue;
    edits.replace(s.tokens[name].offset, s.tokens[name].end(), quote_name(table->name + std::string{internal::unindexed_suffix}));
    edits.replace(s.tokens[i].offset, s.tokens[i + 1].end(), name == i - 1 ? "AS " + quote_name(s.name(name)) : "");
  }
}

std::optional<Token> internal_name(const ParsedStatement& s, const Schema& schema) {
  for (size_t i = 0; i < s.tokens.size(); ++i) {
    const Token& token = s.tokens[i];
    if (token.kind != TokenKind::word && token.kind != TokenKind::quoted) continue;
    if (!s.at(i).contains('$')) continue;
    const std::string name = to_lower(s.name(i));
    for (const auto taken : {internal::rowid_function, internal::load_function, internal::claim_function,
                             internal::live_function, internal::source_table, internal::schema_table, internal::sequence_table}) {
      if (quote_name(name) == taken) return token;
    }
    if (name.starts_with(internal::totals_table)) return token;
    const auto stem = std::string_view{name}.substr(0, name.size() - std::min(name.size(), internal::stage_suffix.size()));
    static_assert(internal::unindexed_suffix.size() == internal::stage_suffix.size());
    const bool suffix = name.ends_with(internal::stage_suffix) || name.ends_with(internal::unindexed_suffix);
    if (suffix && schema.find_table(stem) != nullptr) return token;
  }
  return std::nullopt;
}

bool needs_claims(const DmlHead& head, const Table& table) {
  const OnConflict on = head.on_conflict;
  if (!head.upsert.empty() || (on != OnConflict::none && on != OnConflict::abort)) return true;
  if (on == OnConflict::abort) return false;
  const ParsedStatement create = parse_statement(table.sql);  // UNIQUE ON CONFLICT REPLACE and the like
  for (size_t i = 0; i + 2 < create.tokens.size(); ++i) {
    if (create.is(i, "ON") && create.is(i + 1, "CONFLICT") && !create.is(i + 2, "ABORT")) return true;
  }
  return false;
}

RewrittenDml rewrite_dml(const ParsedStatement& s, const Head& head, const Table& table, Edits edits, Place place) {
  const DmlHead& d = head.dml;
  RewrittenDml out{std::move(edits), {}};
  if (head.kind == StatementKind::insert) {
    rewrite_insert(s, d, table, out.edits);
  } else {
    out.load = load_text(s, d, table, out.edits);
  }
  rename(s, d, table, place, out.edits);
  qualify_by_stage(s, d.returning, table, out.edits);
  if (place == Place::trigger) {
    for (const TokenSpan span : {d.upsert, d.set, d.from, d.where}) qualify_by_stage(s, span, table, out.edits);
  }
  return out;
}

Edits rename_target(const ParsedStatement& s, const DmlHead& head, const Table& table) {
  Edits edits{s.text};
  rename(s, head, table, Place::top, edits);
  qualify_by_stage(s, head.returning, table, edits);
  return edits;
}

namespace {

/// The parts of CREATE TRIGGER that change on a stage.
struct TriggerHead {
  TokenSpan table;             // behind ON
  TokenSpan when;              // behind WHEN
  size_t begin = 0;            // BEGIN
  bool on_insert = false;
  std::vector<TokenSpan> body;  // its statements
};

TriggerHead parse_trigger(const ParsedStatement& s) {
  TriggerHead head;
  const size_t last = s.tokens.size();
  const size_t on = find_word(s, {0, last}, "ON");
  for (size_t i = 0; i < on; ++i) head.on_insert |= s.is(i, "INSERT");
  size_t name_end = on + 2;
  if (name_end + 1 < last && s.symbol(name_end, ".")) name_end += 2;
  head.table = {on + 1, name_end};
  head.begin = find_word(s, {name_end, last}, "BEGIN");
  const size_t when = find_word(s, {name_end, head.begin}, "WHEN");
  if (when < head.begin) head.when = {when + 1, head.begin};
  size_t first = head.begin + 1;
  for (size_t i = first; i < last; ++i) {
    if (s.tokens[i].kind != TokenKind::semicolon) continue;
    if (i > first) head.body.push_back({first, i});
    first = i + 1;
  }
  return head;
}

/// The trigger's own rows are the user's doing only in the real pass.
void guard(const ParsedStatement& s, const TriggerHead& head, Edits& edits) {
  const std::string live = std::string{internal::live_function} + "() = 1";
  if (head.when.empty()) {
    edits.insert(s.tokens[head.begin].offset, "WHEN " + live + " ");
  } else {
    edits.insert(begin_of(s, head.when), live + " AND (");
    edits.insert(end_of(s, head.when), ")");
  }
}

}  // namespace

RewrittenTrigger rewrite_trigger(std::string_view sql, const Schema& schema) {
  const ParsedStatement s = parse_statement(sql);
  const TriggerHead trigger = parse_trigger(s);
  RewrittenTrigger out;
  Edits edits{s.text};
  replace_names(s, schema, edits);
  if (const Table* on = schema.find_table(s.name(trigger.table.last - 1))) {
    edits.replace(begin_of(s, trigger.table), end_of(s, trigger.table), quote_name(stage_name(on->name)));
    if (trigger.on_insert) guard(s, trigger, edits);
  }
  for (const TokenSpan& statement : trigger.body) {
    const Head head = parse_head(s, statement);
    const Table* table = head.dml.target.empty() ? nullptr : schema.find_table(head.dml.table);
    if (table == nullptr) continue;  // SELECT, or a view
    RewrittenDml dml = rewrite_dml(s, head, *table, std::move(edits), Place::trigger);
    edits = std::move(dml.edits);
    if (!dml.load.empty()) edits.insert(begin_of(s, statement), dml.load + "; ");
    out.writes.push_back(table->id);
    if (needs_claims(head.dml, *table)) out.claims.push_back(table->id);
  }
  out.text = edits.apply();
  return out;
}

namespace {

/// The literal that `part` is. nullopt: an expression, or one that SQLite must judge.
std::optional<codec::Value> literal(const ParsedStatement& s, TokenSpan part,
                                    const std::function<double(std::string_view)>& real) {
  bool negative = false;
  size_t i = part.first;
  const bool sign = i < part.last && (s.symbol(i, "-") || s.symbol(i, "+"));
  if (sign) negative = s.symbol(i++, "-");
  if (i + 1 != part.last) return std::nullopt;
  std::string_view text = s.at(i);
  const TokenKind kind = s.tokens[i].kind;
  if (kind == TokenKind::integer && !(text.size() > 1 && (text[1] | 0x20) == 'x')) {
    uint64_t magnitude = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude);
    const uint64_t limit = (uint64_t{1} << 63) - (negative ? 0 : 1);
    if (error == std::errc{} && magnitude <= limit) {
      return codec::Value{static_cast<int64_t>(negative ? -magnitude : magnitude)};
    }
  }
  if (kind == TokenKind::integer || kind == TokenKind::real) {
    if (text.size() > 1 && (text[1] | 0x20) == 'x') return std::nullopt;
    const double value = real(text);
    return codec::Value{negative ? -value : value};
  }
  if (sign) return std::nullopt;
  if (kind == TokenKind::string) return codec::Value{unquote(text)};
  if (kind == TokenKind::word && equal_nocase(text, "NULL")) return codec::Value{};
  if (kind != TokenKind::blob || text.size() % 2 == 0) return std::nullopt;
  codec::Blob blob;
  for (text = text.substr(2, text.size() - 3); !text.empty(); text.remove_prefix(2)) {
    uint8_t byte = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + 2, byte, 16);
    if (error != std::errc{} || end != text.data() + 2) return std::nullopt;
    blob.bytes += static_cast<char>(byte);
  }
  return codec::Value{std::move(blob)};
}

}  // namespace

std::optional<LiteralInsert> lift_literals(const ParsedStatement& s, const std::function<double(std::string_view)>& real) {
  const DmlHead& head = s.head.dml;
  if (s.head.kind != StatementKind::insert || head.rows.empty()) return std::nullopt;
  if (!parameter_names(s).empty()) return std::nullopt;
  LiteralInsert out;
  for (const TokenSpan& row : head.rows) {
    if (row.empty()) return std::nullopt;
    const auto parts = split_row(s, row);
    if (out.columns == 0) out.columns = parts.size();
    if (parts.size() != out.columns) return std::nullopt;
    for (const TokenSpan& part : parts) {
      auto value = literal(s, part, real);
      if (!value) return std::nullopt;
      out.values.push_back(*std::move(value));
    }
  }
  out.text = s.text.substr(0, begin_of(s, head.rows.front()));
  for (size_t i = 1; i <= out.columns; ++i) out.text += (i == 1 ? "?" : ", ?") + std::to_string(i);
  out.text += s.text.substr(end_of(s, head.rows.back()), s.tail - end_of(s, head.rows.back()));
  return out;
}

}  // namespace ddb::sql
