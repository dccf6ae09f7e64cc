#include "sql/key_ranges.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "sql/rows.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::sql {

namespace {

using codec::is_null;
using Op = KeyTerm::Op;

/// More keys than this from IN lists: the rest of the key goes unused.
constexpr size_t pieces_max = 1 << 14;

bool is_number(const Value& value) { return value.index() == 1 || value.index() == 2; }
bool is_text(const Value& value) { return std::holds_alternative<std::string>(value); }

/// The value as a comparison with this column sees it, where that can be known.
Value apply_affinity(sqlite3_value* value, Affinity affinity) {
  if (affinity == Affinity::text || affinity == Affinity::blob || sqlite3_value_type(value) != SQLITE_TEXT)
    return to_owned(view_of(value));
  const std::unique_ptr<sqlite3_value, decltype(&sqlite3_value_free)> copy{sqlite3_value_dup(value), sqlite3_value_free};
  if (copy == nullptr) return to_owned(view_of(value));
  sqlite3_value_numeric_type(copy.get());
  return to_owned(view_of(copy.get()));
}

/// What one term says about its part of the key.
struct PartMatch {
  std::vector<Value> values;    // equal to one of these
  bool numeric_text = false;    // or TEXT that looks like a number
  bool anything = false;        // cannot be told

  void add(Value value, Affinity affinity) {
    if (is_number(value) && affinity == Affinity::text) {
      anything = true;
    } else {
      numeric_text |= is_number(value) && affinity == Affinity::blob;
      values.push_back(std::move(value));
    }
  }
};

class PieceMaker {
 public:
  PieceMaker(const RangeContext& context, sqlite3_value** arguments) : context_{context}, arguments_{arguments} {}

  KeyPieces make() {
    std::vector<Bytes> prefixes{context_.prefix};
    size_t part = 0;
    for (; part < plan().equal.size() && !prefixes.empty(); ++part) {
      const PartMatch match = match_of(plan().equal[part], affinity(part));
      ambiguous_ |= plan().fixed(part) && (match.anything || match.numeric_text);
      if (match.anything || prefixes.size() * match.values.size() > pieces_max) break;
      prefixes = extend(prefixes, part, match);
    }
    const bool full = part == plan().equal.size();
    for (const auto& prefix : prefixes) {
      if (full && plan().point) {
        add_point(prefix);
      } else if (full && (plan().lower || plan().upper)) {
        add_range(prefix, part);
      } else {
        add(prefix, prefix_end(prefix));
      }
    }
    return {disjoint(), ambiguous_};
  }

 private:
  const ReadPlan& plan() const { return context_.plan; }
  const KeyColumn& column(size_t part) const { return plan().path.parts[part]; }
  Affinity affinity(size_t part) const { return affinity_of(context_.table, column(part)); }
  Bytes with(Bytes prefix, size_t part, const Value& value) const {
    codec::append_key_part(prefix, to_view(value), column(part).order());
    return prefix;
  }

  void add(Bytes start, Bytes end) {
    if (start < end) pieces_.push_back({std::move(start), std::move(end)});
  }

  /// A list may name what a range has: in order, everything once.
  std::vector<KeyPiece> disjoint() {
    std::ranges::sort(pieces_, [](const KeyPiece& a, const KeyPiece& b) {
      return a.start != b.start ? a.start < b.start : a.end > b.end;
    });
    std::vector<KeyPiece> merged;
    for (auto& piece : pieces_) {
      if (!merged.empty() && piece.start < merged.back().end) {
        merged.back().end = std::max(merged.back().end, piece.end);
      } else {
        merged.push_back(std::move(piece));
      }
    }
    return merged;
  }

  PartMatch match_of(const KeyTerm& term, Affinity affinity) const {
    PartMatch match;
    if (term.op == Op::is_null) {
      match.values.push_back({});
    } else if (term.op == Op::in) {
      match_list(arguments_[term.argument], affinity, match);
    } else {
      Value value = apply_affinity(arguments_[term.argument], affinity);
      if (!is_null(value) || term.op == Op::is) match.add(std::move(value), affinity);
    }
    return match;
  }
  void match_list(sqlite3_value* list, Affinity affinity, PartMatch& match) const {
    sqlite3_value* item = nullptr;
    for (int rc = sqlite3_vtab_in_first(list, &item); rc == SQLITE_OK && item != nullptr;
         rc = sqlite3_vtab_in_next(list, &item))
      if (sqlite3_value_type(item) != SQLITE_NULL) match.add(apply_affinity(item, affinity), affinity);
  }

  std::vector<Bytes> extend(const std::vector<Bytes>& prefixes, size_t part, const PartMatch& match) {
    std::vector<Bytes> longer;
    for (const auto& prefix : prefixes) {
      const size_t from = longer.size();
      for (const auto& value : match.values) longer.push_back(with(prefix, part, value));
      std::sort(longer.begin() + static_cast<ptrdiff_t>(from), longer.end());
      longer.erase(std::unique(longer.begin() + static_cast<ptrdiff_t>(from), longer.end()), longer.end());
      if (match.numeric_text) add_numeric_text(prefix, part);
    }
    return longer;
  }

  /// Whatever looks like a number begins with a space, a sign, a point or a digit: all below ':'.
  void add_numeric_text(const Bytes& prefix, size_t part) {
    Bytes low = with(prefix, part, std::string{});
    Bytes high = with(prefix, part, std::string{":"});
    if (column(part).descending) {
      std::swap(low, high);
      low = prefix_end(low);
      high = prefix_end(high);
    }
    add(std::move(low), std::move(high));
  }

  void add_point(const Bytes& key) {
    // A NULL is not unique: more of the row's key follows it.
    for (const auto& term : plan().equal) {
      const bool null = term.op == Op::is_null ||
                        (term.op == Op::is && sqlite3_value_type(arguments_[term.argument]) == SQLITE_NULL);
      if (null) return add(key, prefix_end(key));
    }
    pieces_.push_back({key, {}});
  }

  struct Bound {
    Value value;
    bool inclusive = false;
  };
  struct Bounds {
    std::optional<Bound> lower;
    std::optional<Bound> upper;
    bool nothing = false;
    bool numeric_text = false;
  };

  /// A NULL compares with nothing; a number says nothing about a TEXT column.
  std::optional<Bound> bound_of(const std::optional<KeyTerm>& term, Affinity affinity, Bounds& bounds) const {
    if (!term) return std::nullopt;
    Value value = apply_affinity(arguments_[term->argument], affinity);
    bounds.nothing |= is_null(value);
    if (is_number(value) && affinity == Affinity::text) return std::nullopt;
    return Bound{std::move(value), term->op == Op::ge || term->op == Op::le};
  }

  Bounds bounds_of(size_t part) const {
    Bounds bounds;
    const Affinity kind = affinity(part);
    bounds.lower = bound_of(plan().lower, kind, bounds);
    bounds.upper = bound_of(plan().upper, kind, bounds);
    if (!bounds.upper) return bounds;
    const bool converts = kind == Affinity::text || kind == Affinity::blob;
    bounds.numeric_text = converts && (is_number(bounds.upper->value) || (is_text(bounds.upper->value) && context_.other_tables));
    return bounds;
  }

  void add_range(const Bytes& prefix, size_t part) {
    Bounds bounds = bounds_of(part);
    if (bounds.nothing) return;
    const bool descending = column(part).descending;
    const Bytes nulls = with(prefix, part, Value{});
    auto& first = descending ? bounds.upper : bounds.lower;
    auto& last = descending ? bounds.lower : bounds.upper;
    Bytes start = descending ? prefix : prefix_end(nulls);
    Bytes end = descending ? nulls : prefix_end(prefix);
    if (first) {
      start = with(prefix, part, first->value);
      if (!first->inclusive) start = prefix_end(start);
    }
    if (last) {
      end = with(prefix, part, last->value);
      if (last->inclusive) end = prefix_end(end);
    }
    if (bounds.numeric_text) add_apart(prefix, part, start, end);
    add(std::move(start), std::move(end));
  }

  /// TEXT that looks like a number, less what [start, end) has of it.
  void add_apart(const Bytes& prefix, size_t part, const Bytes& start, const Bytes& end) {
    add_numeric_text(prefix, part);
    if (pieces_.empty() || start >= end) return;
    const KeyPiece text = std::exchange(pieces_.back(), {});
    pieces_.pop_back();
    add(text.start, std::min(text.end, std::max(start, text.start)));
    add(std::max(text.start, std::min(end, text.end)), text.end);
  }

  const RangeContext& context_;
  sqlite3_value** arguments_;
  std::vector<KeyPiece> pieces_;
  bool ambiguous_ = false;
};

}  // namespace

KeyPieces key_pieces(const RangeContext& context, sqlite3_value** arguments) {
  return PieceMaker{context, arguments}.make();
}

}  // namespace ddb::sql
