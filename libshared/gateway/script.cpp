#include "gateway/script.hpp"

#include <algorithm>
#include <initializer_list>

#include "gateway/rows.hpp"
#include "sql/lexer.hpp"
#include "sql/sql_error.hpp"

namespace ddb::gateway {

namespace {

size_t first_token(std::string_view statement) { return sql::Lexer{statement}.next().offset; }

/// What a statement means for a batch; told by its first word.
enum class Batching { joins, stands_alone, bounds, refused };

Batching batching_of(std::string_view statement) {
  const sql::Token token = sql::Lexer{statement}.next();
  const std::string word = sql::to_lower(statement.substr(token.offset, token.size));
  const auto is = [&](std::initializer_list<std::string_view> words) { return std::ranges::find(words, word) != words.end(); };
  if (is({"insert", "replace", "update", "delete", "select", "values", "with"})) return Batching::joins;
  if (is({"begin", "commit", "end"})) return Batching::bounds;
  if (is({"rollback", "savepoint", "release"})) return Batching::refused;
  return Batching::stands_alone;
}

bool only_reads(sql::StatementKind kind) {
  using enum sql::StatementKind;
  return kind == select || kind == explain || kind == pragma || kind == begin || kind == rollback || kind == empty;
}

}  // namespace

Script::Script(sql::Session& session, cli::Output& out, ScriptOptions options)
    : session_{session}, out_{out}, options_{std::move(options)} {}

Result<void> Script::run(std::string_view name, const ReadText& read, Ending ending) {
  name_ = name;
  splitter_ = {};
  place_ = {};
  Result<void> first{};
  const auto may_go_on = [&](Result<void> done) {
    if (done) return true;
    if (first) first = done;
    return options_.keep_going && !out_.failed();
  };

  for (bool more = true; more;) {
    const auto text = read();
    if (!text) {
      may_go_on(complain(place_, text.error()));
      break;
    }
    splitter_.feed(*text);
    std::string_view statement;
    while (more && splitter_.next(statement)) more = may_go_on(run_statement(statement));
    if (more && text->empty()) {
      may_go_on(run_rest(splitter_.rest(), ending));
      break;
    }
  }
  if (!first && !options_.keep_going) session_.rollback();
  return first;
}

Result<void> Script::finish() {
  if (options_.batch > 0) return end_batch();
  if (!session_.in_transaction()) return {};
  session_.rollback();
  return complain(place_, Error{Code::bad_data, "the input ends inside a transaction, which is rolled back", "end it with COMMIT", {}});
}

bool Script::inside_statement() const { return !sql::is_blank(splitter_.rest()); }

void Script::forget() {
  place_ = ahead(splitter_.rest());
  splitter_ = {};
}

Script::Place Script::ahead(std::string_view text) const {
  const size_t newline = text.rfind('\n');
  if (newline == std::string_view::npos) return {place_.line, place_.column + text.size()};
  return {place_.line + static_cast<size_t>(std::ranges::count(text, '\n')), text.size() - newline};
}

Result<void> Script::run_statement(std::string_view text) {
  const Place place = ahead(text.substr(0, first_token(text)));
  auto done = options_.batch > 0 ? execute_in_batch(text, place) : execute(text, place);
  place_ = ahead(text);
  if (options_.progress) options_.progress(++statements_);
  return done;
}

Result<void> Script::run_rest(std::string_view text, Ending ending) {
  if (sql::is_blank(text)) {
    place_ = ahead(text);
    return {};
  }
  if (ending == Ending::may_be_cut) {
    const auto description = session_.describe(text);
    if (description && !only_reads(description->kind))
      return complain(ahead(text.substr(0, first_token(text))), Error{Code::bad_data, "the input ends inside this statement, which is not run", "end it with a semicolon if it is whole", {}});
  }
  return run_statement(text);
}

Result<void> Script::execute(std::string_view text, Place place) {
  OutputRows rows{out_};
  const int64_t changed = session_.total_changes();
  auto result = session_.execute(text, {}, rows);
  if (result) return {};
  const auto position = result.error().position;
  return complain(position ? ahead(text.substr(0, position->offset)) : place, std::move(result.error()), text.substr(first_token(text)),
                  session_.total_changes() != changed);
}

Result<void> Script::execute_in_batch(std::string_view text, Place place) {
  const Batching batching = batching_of(text);
  if (batching == Batching::bounds) return {};
  if (batching == Batching::refused)
    return complain(place, Error{Code::usage, "a batch cannot be rolled back in parts", "leave out --batch or --txn-id for this text", {}});
  if (batching == Batching::stands_alone && options_.batch == batch_whole)
    return complain(place, Error{Code::usage, "a transaction with a name only reads and writes rows", "run this statement without --txn-id", {}});
  if (batching == Batching::stands_alone) {
    if (auto ended = end_batch(); !ended) return ended;
    return execute(text, place);
  }
  if (!session_.in_transaction()) {
    if (auto begun = execute("BEGIN", place); !begun) return begun;
    batch_place_ = place;
    batched_ = 0;
  }
  auto done = execute(text, place);
  if (++batched_ < options_.batch || (!done && !options_.keep_going)) return done;
  auto ended = end_batch();
  return done ? ended : done;
}

/// What COMMIT finds wrong is in some statement since the batch began.
Result<void> Script::end_batch() {
  if (!session_.in_transaction()) return {};
  return execute("COMMIT", batch_place_);
}

std::unexpected<Error> Script::complain(Place place, sql::SqlError error, std::string_view statement, bool kept) {
  const Code code = error.error.code;
  if (!out_.failed())  // else that is the trouble, and its owner tells
    options_.report({name_, place.line, place.column, std::string{statement}, std::move(error), retry_of(code, kept)});
  return fail(code, {});
}

std::unexpected<Error> Script::complain(Place place, Error error) { return complain(place, sql::to_sql_error(std::move(error))); }

}  // namespace ddb::gateway
