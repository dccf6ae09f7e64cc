// User statements turned into what runs on the stages, with every offset traceable to the user's text.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/head.hpp"
#include "sql/schema.hpp"

namespace ddb::sql {

/// A text made by replacing parts of another, from left to right.
class Edits {
 public:
  explicit Edits(std::string_view original) : original_{original} {}

  /// Text [begin, end) of the original gives way to `text`. Edits may be added in any order; two at one place apply
  /// in the order of adding.
  void replace(size_t begin, size_t end, std::string text);
  void insert(size_t at, std::string text) { replace(at, at, std::move(text)); }
  bool empty() const { return edits_.empty(); }

  /// The text after all edits. Edits must not overlap.
  std::string apply();
  /// The original's part [begin, end) after the edits that lie in it.
  std::string apply(size_t begin, size_t end);
  /// Where in the original an offset of the last apply() of the whole comes from: inside a replacement, its start.
  size_t original_offset(size_t offset) const;

 private:
  struct Edit {
    size_t begin;
    size_t end;
    std::string text;
  };
  void sort();

  std::string_view original_;
  std::vector<Edit> edits_;
  bool sorted_ = true;
};

/// The internal names that rewritten statements use, and users may not.
namespace internal {
constexpr std::string_view stage_suffix = "$w";
constexpr std::string_view unindexed_suffix = "$n";        // the read table that takes no index
constexpr std::string_view rowid_function = "\"$rowid\"";  // (table id) -> a fresh rowid
constexpr std::string_view load_function = "\"$load\"";    // (table id, key, row): pages a row in
constexpr std::string_view claim_function = "\"$claim\"";  // (table id, rowid, values...): pages conflicting rows in
constexpr std::string_view live_function = "\"$live\"";    // () -> 1 in the real pass, 2 in the dry pass, 0 while paging in
constexpr std::string_view source_table = "\"$src\"";
constexpr std::string_view schema_table = "\"$schema\"";
constexpr std::string_view sequence_table = "\"$sequence\"";
constexpr std::string_view totals_table = "$totals";       // and a number: what ranges have added up for one plan
}  // namespace internal

/// t$w, where rows of `table` are changed.
std::string stage_name(std::string_view table);
/// The name under which SQL can give a row of the table its rowid; empty: columns hide all of them, or there is none.
std::string rowid_name(const Table& table);
/// Error texts name the user's tables: every "$w" goes.
std::string strip_stage_names(std::string_view message);

/// What an INSERT, UPDATE or DELETE becomes.
struct RewrittenDml {
  Edits edits;        // make the text that runs on the stage
  std::string load;   // UPDATE, DELETE: SELECT that pages the rows in; else empty
};

/// Names of a statement's parameters, numbered by SQLite's rules: ":a", or "" for those without a name.
std::vector<std::string> parameter_names(const ParsedStatement& s);

/// Gives every parameter its number, so that all texts made from the statement share them.
void number_parameters(const ParsedStatement& s, Edits& edits);
/// sqlite_schema and sqlite_master become "$schema"; INDEXED BY an index that exists goes: read tables choose themselves.
void replace_names(const ParsedStatement& s, const Schema& schema, Edits& edits);
/// "t NOT INDEXED" in a query becomes the read table of t that takes no index, under t's name.
void replace_not_indexed(const ParsedStatement& s, const Schema& schema, Edits& edits);
/// The first name that only rewritten statements may use.
std::optional<Token> internal_name(const ParsedStatement& s, const Schema& schema);

/// Where the statement stands: a trigger's body has no aliases and no WITH.
enum class Place : uint8_t { top, trigger };

/// `edits`: what number_parameters() and replace_names() did, and in a trigger its statements so far.
RewrittenDml rewrite_dml(const ParsedStatement& s, const Head& head, const Table& table, Edits edits, Place place);

/// The same with the target renamed and nothing else: for SQLite's own words about a statement that it refuses.
Edits rename_target(const ParsedStatement& s, const DmlHead& head, const Table& table);

/// What the conflicting rows of an INSERT or UPDATE do needs them in the stage before SQLite checks.
bool needs_claims(const DmlHead& head, const Table& table);

/// CREATE TRIGGER as it is installed on a stage, or on a view.
struct RewrittenTrigger {
  std::string text;
  std::vector<uint64_t> writes;  // ids of the tables whose stages its body changes
  std::vector<uint64_t> claims;  // those among them that need_claims()
};
RewrittenTrigger rewrite_trigger(std::string_view sql, const Schema& schema);

/// An INSERT whose values are all literals: one statement with parameters for all of its rows.
struct LiteralInsert {
  std::string text;
  size_t columns = 0;
  std::vector<codec::Value> values;  // row by row
};
/// nullopt: it is not of that kind. `real`: SQLite's own reading of a real number.
std::optional<LiteralInsert> lift_literals(const ParsedStatement& s, const std::function<double(std::string_view)>& real);

}  // namespace ddb::sql
