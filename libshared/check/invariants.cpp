#include "check/invariants.hpp"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <map>
#include <unordered_map>
#include <utility>

namespace ddb::check {

namespace {

/// What the checkers of invariants share: a history, a place for what they find, and words for it.
class Checker {
 public:
  Checker(const History& history, std::span<const uint32_t> operations, Report& report)
      : history_{history}, operations_{operations}, report_{report} {}

 protected:
  const Operation& operation(uint32_t index) const { return history_.operations()[index]; }
  std::span<const Action> actions(uint32_t index) const { return history_.actions(operation(index)); }
  bool is_ok(uint32_t index) const { return operation(index).outcome == Outcome::ok; }
  bool is_f(uint32_t index, std::string_view f) const { return history_.names().text(operation(index).f) == f; }

  void violation(const char* anomaly, Levels rules_out, std::string words, std::initializer_list<uint32_t> operations) {
    for (const uint32_t index : operations) words += "\n" + history_.show(operation(index));
    report_.add({anomaly, rules_out, std::move(words)});
  }

  const History& history_;
  std::span<const uint32_t> operations_;
  Report& report_;
};

/// Wraps around: a history from a file may hold anything.
Value plus(Value a, Value b) { return static_cast<Value>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
Value minus(Value a, Value b) { return static_cast<Value>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)); }

/// Who put a value where: rows that are written once at most, as values that are unique.
class Writers {
 public:
  void add(uint32_t key, Value value, uint32_t operation) { by_value_[{key, value}] = operation; }
  const uint32_t* find(uint32_t key, Value value) const {
    const auto at = by_value_.find({key, value});
    return at == by_value_.end() ? nullptr : &at->second;
  }

 private:
  std::map<std::pair<uint32_t, Value>, uint32_t> by_value_;
};

class Bank : public Checker {
 public:
  using Checker::Checker;
  void run();

 private:
  struct Account {
    Value opening = 0;
    Value least = 0;  // what transfers may have left at the end, relative to the opening
    Value most = 0;
  };

  bool open();
  void check_read(uint32_t index);
  void add_transfer(uint32_t index);
  void check_end();

  std::map<uint32_t, Account> accounts_;  // by key
  Value total_ = 0;
  Moment opened_ = 0;
  Moment last_end_ = 0;   // of transfers that are known to have taken place
  uint32_t last_read_ = 0;
};

void Bank::run() {
  if (!open()) {
    report_.undecided = "no \"write\" that succeeded opens the accounts";
    return;
  }
  for (const uint32_t index : operations_) {
    if (is_f(index, "transfer")) add_transfer(index);
    else if (is_f(index, "read") && is_ok(index)) check_read(index);
  }
  check_end();
}

bool Bank::open() {
  const auto opening = std::ranges::find_if(operations_, [this](uint32_t index) { return is_f(index, "write") && is_ok(index); });
  if (opening == operations_.end()) return false;
  for (const auto& action : actions(*opening)) {
    accounts_[action.key] = {.opening = action.value};
    total_ = plus(total_, action.value);
  }
  opened_ = last_end_ = operation(*opening).end;
  return true;
}

void Bank::check_read(uint32_t index) {
  if (operation(index).begin < opened_) return;
  Value sum = 0;
  size_t seen = 0;
  for (const auto& action : actions(index)) {
    if (action.value == null || !accounts_.contains(action.key)) continue;
    sum = plus(sum, action.value);
    ++seen;
  }
  if (seen != accounts_.size()) violation("missing rows", without_snapshot, std::to_string(seen) + " accounts of " + std::to_string(accounts_.size()) + " are there", {index});
  else if (sum != total_) violation("wrong sum", without_snapshot, "all accounts hold " + std::to_string(sum) + ", not " + std::to_string(total_), {index});
  last_read_ = index;
}

void Bank::add_transfer(uint32_t index) {
  if (operation(index).outcome == Outcome::failed) return;
  std::map<uint32_t, Value> found;
  for (const auto& action : actions(index)) {
    if (action.kind == StepKind::read) {
      found[action.key] = action.value;
      continue;
    }
    const Value change = minus(action.value, found[action.key]);
    Account& account = accounts_[action.key];
    if (is_ok(index) || change < 0) account.least = plus(account.least, change);
    if (is_ok(index) || change > 0) account.most = plus(account.most, change);
  }
  if (is_ok(index)) last_end_ = std::max(last_end_, operation(index).end);
}

/// A last read that saw all there was: nothing was lost or done twice.
void Bank::check_end() {
  if (last_read_ == 0 || operation(last_read_).begin < last_end_) return;
  for (const auto& action : actions(last_read_)) {
    const auto at = accounts_.find(action.key);
    if (at == accounts_.end() || action.value == null) continue;
    const Value least = plus(at->second.opening, at->second.least), most = plus(at->second.opening, at->second.most);
    if (action.value >= least && action.value <= most) continue;
    violation("lost or repeated transfer", strict_serializable,
              "account " + history_.key(action.key) + " holds " + std::to_string(action.value) + ", but its transfers leave " + std::to_string(least) +
                  (least == most ? "" : " to " + std::to_string(most)), {last_read_});
  }
}

class WriteSkew : public Checker {
 public:
  using Checker::Checker;
  void run();

 private:
  struct Inserted {
    uint32_t operation;
    Moment end;
  };

  void collect(uint32_t index);
  void check_reads(uint32_t index);
  void check_read(uint32_t index, const Action& read);
  std::string pair_of(uint32_t key) const { return history_.key(key).substr(std::min<size_t>(history_.key(key).size(), 1)); }

  Writers writers_;
  std::map<std::string, uint32_t> first_;    // successful insert of each pair
  std::map<uint32_t, Inserted> inserted_;    // by key: the successful one that ended first
};

void WriteSkew::run() {
  for (const uint32_t index : operations_) collect(index);
  for (const uint32_t index : operations_)
    if (is_ok(index)) check_reads(index);
}

void WriteSkew::collect(uint32_t index) {
  for (const auto& action : actions(index)) {
    if (action.kind == StepKind::read) continue;
    writers_.add(action.key, action.value, index);
    if (!is_ok(index)) continue;
    const auto [at, fresh] = inserted_.try_emplace(action.key, Inserted{index, operation(index).end});
    if (!fresh && operation(index).end < at->second.end) at->second = {index, operation(index).end};
    const auto [other, first] = first_.try_emplace(pair_of(action.key), index);
    if (!first) violation("write skew", without_repeatable_read, "both found the pair " + pair_of(action.key) + " empty and wrote to it", {other->second, index});
  }
}

void WriteSkew::check_reads(uint32_t index) {
  const Action* found = nullptr;
  for (const auto& action : actions(index)) {
    if (action.kind != StepKind::read) continue;
    check_read(index, action);
    if (action.value == null) continue;
    if (found != nullptr && found->key != action.key && pair_of(found->key) == pair_of(action.key))
      violation("write skew", without_repeatable_read, "both rows of the pair " + pair_of(action.key) + " are there", {index});
    found = &action;
  }
}

void WriteSkew::check_read(uint32_t index, const Action& read) {
  if (read.value == null) {
    const auto at = inserted_.find(read.key);
    if (at != inserted_.end() && at->second.end < operation(index).begin)
      violation("stale read", strict_serializable, "the second began after the first had ended, and did not see it", {at->second.operation, index});
    return;
  }
  const auto* writer = writers_.find(read.key, read.value);
  if (writer == nullptr) violation("unwritten value", without_read_committed, "nobody wrote what was found", {index});
  else if (operation(*writer).outcome == Outcome::failed) violation("aborted read", without_read_committed, "what the second found comes from the first, which failed", {*writer, index});
}

class Sequential : public Checker {
 public:
  using Checker::Checker;
  void run();

 private:
  struct Row {
    std::string group;
    uint32_t place = 0;
    Value begun = 0;            // the highest that any writer has begun to write
    Value known = 0;            // the highest that anybody had seen or written by now
    uint32_t known_by = 0;
  };
  struct Event {
    Moment moment;
    uint32_t operation;
  };

  static Value number(Value value) { return value == null ? 0 : value; }
  Row& row(uint32_t key);
  void begin(uint32_t index);
  void end(uint32_t index);
  void check_order(uint32_t index);

  std::map<uint32_t, Row> rows_;                             // by key
  std::unordered_map<uint32_t, std::vector<std::pair<Value, uint32_t>>> at_least_;  // of a read under way, per action: what, and who knew
};

/// In the order of what happened: a read must show no less than was known when it began, and no more than was begun when it ended.
void Sequential::run() {
  std::vector<Event> events;
  for (const uint32_t index : operations_) {
    if (operation(index).outcome == Outcome::failed) continue;
    events.push_back({operation(index).begin, index});
    if (is_ok(index)) events.push_back({operation(index).end, index});
  }
  std::ranges::sort(events, {}, &Event::moment);
  for (const auto& [moment, index] : events) {
    if (moment == operation(index).begin) begin(index);
    else end(index);
  }
}

Sequential::Row& Sequential::row(uint32_t key) {
  const auto [at, fresh] = rows_.try_emplace(key);
  if (!fresh) return at->second;
  const std::string& name = history_.key(key);
  const size_t slash = name.find('/');
  at->second.group = slash == std::string::npos ? name : name.substr(slash + 1);
  std::from_chars(name.data(), name.data() + std::min(slash, name.size()), at->second.place);
  return at->second;
}

void Sequential::begin(uint32_t index) {
  auto& at_least = at_least_[index];
  for (const auto& action : actions(index)) {
    Row& r = row(action.key);
    if (action.kind != StepKind::read) r.begun = std::max(r.begun, number(action.value));
    at_least.emplace_back(r.known, r.known_by);
  }
}

void Sequential::end(uint32_t index) {
  const auto at_least = std::move(at_least_[index]);
  at_least_.erase(index);
  const auto all = actions(index);
  for (size_t i = 0; i < all.size(); ++i) {
    Row& r = row(all[i].key);
    const Value value = number(all[i].value);
    if (all[i].kind == StepKind::read && value > r.begun) violation("unwritten value", without_read_committed, "nobody has written that to " + history_.key(all[i].key), {index});
    if (all[i].kind == StepKind::read && i < at_least.size() && value < at_least[i].first)
      violation("went back", strict_serializable, history_.key(all[i].key) + " went back from " + std::to_string(at_least[i].first) + " to " + std::to_string(value), {at_least[i].second, index});
    if (value <= r.known) continue;
    r.known = value;
    r.known_by = index;
  }
  check_order(index);
}

void Sequential::check_order(uint32_t index) {
  std::map<std::string, std::map<uint32_t, Value>> groups;
  for (const auto& action : actions(index))
    if (action.kind == StepKind::read) groups[row(action.key).group][row(action.key).place] = number(action.value);
  for (const auto& [group, values] : groups) {
    const Value first = values.begin()->second;
    Value before = first;
    for (const auto& [place, value] : values) {
      if (value > before || value < minus(first, 1))
        violation("out of order", without_snapshot, "row " + std::to_string(place) + " of " + group + " holds " + std::to_string(value) + ", after " + std::to_string(before) + " in the row before and " + std::to_string(first) + " in the first", {index});
      before = value;
    }
  }
}

class Set : public Checker {
 public:
  using Checker::Checker;
  void run();

 private:
  struct Scan {
    uint32_t operation;
    std::vector<Value> found;  // ascending
  };
  struct Rows {
    std::vector<std::pair<Moment, Value>> added;  // when each successful add ended
    std::vector<Scan> scans;
  };

  void collect(uint32_t index);
  void check_scan(uint32_t key, const Rows& rows, const Scan& scan);
  void check_order(uint32_t key, Rows& rows);

  Writers writers_;
  std::map<uint32_t, Rows> sets_;  // by key
};

void Set::run() {
  for (const uint32_t index : operations_) collect(index);
  for (auto& [key, rows] : sets_) {
    std::ranges::sort(rows.added);
    for (const auto& scan : rows.scans) check_scan(key, rows, scan);
    check_order(key, rows);
  }
}

void Set::collect(uint32_t index) {
  for (const auto& action : actions(index)) {
    Rows& rows = sets_[action.key];
    if (action.kind == StepKind::append) {
      writers_.add(action.key, action.value, index);
      if (is_ok(index)) rows.added.emplace_back(operation(index).end, action.value);
    } else if (is_ok(index)) {
      const auto list = action.has_list ? history_.list(action) : std::span<const Value>{};
      rows.scans.push_back({index, {list.begin(), list.end()}});
      std::ranges::sort(rows.scans.back().found);
    }
  }
}

void Set::check_scan(uint32_t key, const Rows& rows, const Scan& scan) {
  const std::string& name = history_.key(key);
  if (const auto twice = std::ranges::adjacent_find(scan.found); twice != scan.found.end())
    violation("duplicate", all_levels, name + " holds " + history_.show(*twice) + " twice", {scan.operation});
  uint32_t latest = scan.operation;  // the found add that began last
  Moment latest_begin = 0;
  for (const Value value : scan.found) {
    const auto* add = writers_.find(key, value);
    if (add == nullptr || operation(*add).begin > operation(scan.operation).end) {
      violation("unwritten value", without_read_committed, "nobody had added " + history_.show(value) + " to " + name, {scan.operation});
    } else if (operation(*add).outcome == Outcome::failed) {
      violation("aborted read", without_read_committed, history_.show(value) + " in " + name + " comes from an add that failed", {*add, scan.operation});
    } else if (operation(*add).begin > latest_begin) {
      latest = *add;
      latest_begin = operation(latest).begin;
    }
  }
  const auto missing = std::ranges::find_if(rows.added, [&](const auto& added) { return !std::ranges::binary_search(scan.found, added.second); });
  if (missing == rows.added.end()) return;
  const uint32_t add = *writers_.find(key, missing->second);
  if (missing->first < operation(scan.operation).begin)
    violation("lost or stale", strict_serializable, history_.show(missing->second) + " had been added to " + name + " and was not found", {add, scan.operation});
  else if (missing->first < latest_begin)
    violation("out of order", strict_serializable, "a scan of " + name + " found the second and not the first, which had ended when the second began", {add, latest, scan.operation});
}

/// Sets only grow: of two scans one must hold all of the other, and not have ended before the other began.
void Set::check_order(uint32_t key, Rows& rows) {
  auto& scans = rows.scans;
  std::ranges::stable_sort(scans, {}, [](const Scan& scan) { return scan.found.size(); });
  const Scan* first_larger = nullptr;  // of those that found more, the one that ended first
  for (size_t i = scans.size(); i-- > 0;) {
    if (i + 1 < scans.size() && !std::ranges::includes(scans[i + 1].found, scans[i].found))
      violation("long fork", without_snapshot, "each of two scans of " + history_.key(key) + " found what the other did not", {scans[i].operation, scans[i + 1].operation});
    if (i + 1 < scans.size() && scans[i + 1].found.size() > scans[i].found.size()) {
      for (size_t j = i + 1; j < scans.size() && scans[j].found.size() == scans[i + 1].found.size(); ++j)
        if (first_larger == nullptr || operation(scans[j].operation).end < operation(first_larger->operation).end) first_larger = &scans[j];
    }
    if (first_larger != nullptr && operation(first_larger->operation).end < operation(scans[i].operation).begin)
      violation("went back", strict_serializable, "a scan of " + history_.key(key) + " found less than one that had ended before it", {first_larger->operation, scans[i].operation});
  }
}

}  // namespace

void check_bank(const History& history, std::span<const uint32_t> operations, Report& report) { Bank{history, operations, report}.run(); }
void check_write_skew(const History& history, std::span<const uint32_t> operations, Report& report) { WriteSkew{history, operations, report}.run(); }
void check_sequential(const History& history, std::span<const uint32_t> operations, Report& report) { Sequential{history, operations, report}.run(); }
void check_set(const History& history, std::span<const uint32_t> operations, Report& report) { Set{history, operations, report}.run(); }

}  // namespace ddb::check
