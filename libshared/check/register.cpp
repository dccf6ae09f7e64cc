// Registers whose written values are unique, after Gibbons and Korach, Testing Shared Memories (1997), section 4.
//
// Each value stands from its write until the next one: the write and the reads of it form a piece. A cas, which found
// one value and put another, joins two pieces; what is joined forms a chain, in a fixed order. A chain has to stand at least
// from the first end to the last beginning of its operations, or, when that is no interval, at some moment within all of them.
// So there is an order exactly if
// 1. each operation of a chain can come before those that must follow it in the chain;
// 2. no two chains must stand at the same time;
// 3. no chain must find its moment within the time that another must stand.
#include "check/register.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace ddb::check {

namespace {

constexpr uint32_t none = ~uint32_t{0};

constexpr uint64_t configurations_max = 5'000'000;       // of a search that has to decide
constexpr uint64_t more_configurations_max = 50'000;     // of one that may find more of what was found already

/// A value: who wrote it, who read it.
struct Piece {
  Value value = null;
  const RegisterCall* writer = nullptr;  // null: it was there from the beginning
  std::vector<const RegisterCall*> readers{};
  uint32_t next = none;                  // what a cas put in its place
  bool needed = false;                   // its write took place
};

struct Chain {
  const RegisterCall* first_end = nullptr;   // null: it stands from the beginning
  const RegisterCall* last_begin = nullptr;  // null: nobody did anything to it
  Moment from = 0;
  Moment until = 0;
  bool must_stand() const { return from < until; }  // else any moment from `until` to `from` will do
};

class UniqueRegister {
 public:
  UniqueRegister(const History& history, const RegisterCalls& calls, std::span<const RegisterCall> failed, Report& report)
      : history_{history}, calls_{calls}, failed_{failed}, report_{report} {}

  /// False: a number is written twice, or a call is of a kind that says nothing about numbers.
  bool collect_writes();
  void check();

 private:
  using Who = const RegisterCall*;

  bool collect_reads();
  bool link();
  bool need(uint32_t piece);
  void say_circle();
  std::optional<Chain> chain_from(uint32_t piece);
  void check_chains();
  void overlap(const Chain& standing, const Chain& other);

  Piece* find(Value value) {
    const auto at = pieces_by_value_.find(value);
    return at == pieces_by_value_.end() ? nullptr : &pieces_[at->second];
  }
  void unwritten(Who who, Value value);
  void say(const char* anomaly, const std::string& words, std::initializer_list<Who> calls);

  const History& history_;
  const RegisterCalls& calls_;
  std::span<const RegisterCall> failed_;
  Report& report_;
  std::vector<Piece> pieces_{Piece{.needed = true}};                       // the first: nothing, at the beginning
  std::unordered_map<Value, uint32_t> pieces_by_value_{{null, 0}};  // looked up only
  std::vector<Chain> chains_;
  int64_t placed_ = 0;  // pieces that are in one
};

bool UniqueRegister::collect_writes() {
  for (const auto& call : calls_) {
    switch (call.action.kind) {
      case StepKind::read: continue;
      case StepKind::write:
      case StepKind::cas: break;
      default: return false;
    }
    const auto index = static_cast<uint32_t>(pieces_.size());
    if (!pieces_by_value_.try_emplace(call.action.value, index).second) return false;
    pieces_.push_back({.value = call.action.value, .writer = &call});
  }
  return true;
}

void UniqueRegister::check() {
  if (!collect_reads() || !link()) return;
  for (uint32_t i = 0; i < pieces_.size(); ++i) {
    const bool first = pieces_[i].needed && (i == 0 || pieces_[i].writer->action.kind != StepKind::cas);
    if (!first) continue;
    const auto chain = chain_from(i);
    if (!chain) return;
    chains_.push_back(*chain);
  }
  if (placed_ != std::ranges::count(pieces_, true, &Piece::needed)) return say_circle();
  check_chains();
}

bool UniqueRegister::collect_reads() {
  for (const auto& call : calls_) {
    if (call.action.kind == StepKind::write) continue;
    const Value found = call.action.kind == StepKind::cas ? call.action.expected : call.action.value;
    Piece* piece = find(found);
    if (call.action.kind == StepKind::cas) {
      if (piece == nullptr && call.certain) return unwritten(&call, found), false;
      continue;  // its reading is its place in the chain: link()
    }
    if (piece == nullptr) return unwritten(&call, found), false;
    piece->readers.push_back(&call);
  }
  return true;
}

/// What is known to have been written, because somebody saw it or heard so, and what a cas put in place of what.
bool UniqueRegister::link() {
  for (uint32_t i = 1; i < pieces_.size(); ++i)
    if ((pieces_[i].writer->certain || !pieces_[i].readers.empty()) && !need(i)) return false;
  return true;
}

bool UniqueRegister::need(uint32_t index) {
  while (!pieces_[index].needed) {
    Piece& piece = pieces_[index];
    piece.needed = true;
    if (piece.writer->action.kind != StepKind::cas) break;
    Piece* before = find(piece.writer->action.expected);
    if (before == nullptr) return unwritten(piece.writer, piece.writer->action.expected), false;
    if (before->next != none) {
      say("lost update", "both replaced " + history_.show(before->value), {pieces_[before->next].writer, piece.writer});
      return false;
    }
    before->next = index;
    index = static_cast<uint32_t>(before - pieces_.data());
  }
  return true;
}

/// Condition 1. Nullopt: it does not hold, and that was said.
std::optional<Chain> UniqueRegister::chain_from(uint32_t index) {
  Chain chain;
  const auto follows = [&](Who call, Who latest) {
    if (latest == nullptr || call->end >= latest->begin) return true;
    say("stale read", "the first ended before the second began, but no order can have the second come later", {call, latest});
    return false;
  };
  const auto include = [&](Who call) {
    if (chain.first_end == nullptr || call->end < chain.first_end->end) chain.first_end = call;
    if (chain.last_begin == nullptr || call->begin > chain.last_begin->begin) chain.last_begin = call;
  };
  for (uint32_t at = index; at != none; at = pieces_[at].next) {
    const Piece& piece = pieces_[at];
    ++placed_;
    if (piece.writer != nullptr) {
      if (!follows(piece.writer, chain.last_begin)) return std::nullopt;
      include(piece.writer);
    }
    const Who latest = chain.last_begin;  // reads of one value come in any order
    for (const auto* reader : piece.readers) {
      if (!follows(reader, latest)) return std::nullopt;
      include(reader);
    }
  }
  if (index == 0) chain.first_end = nullptr;
  chain.from = index == 0 ? 0 : chain.first_end->end;
  chain.until = chain.last_begin == nullptr ? 0 : chain.last_begin->begin;
  return chain;
}

/// Each cas of a circle found what another put there, which itself came later.
void UniqueRegister::say_circle() {
  std::vector<bool> placed(pieces_.size());
  for (uint32_t i = 0; i < pieces_.size(); ++i) {
    if (i != 0 && (!pieces_[i].needed || pieces_[i].writer->action.kind == StepKind::cas)) continue;
    for (uint32_t at = i; at != none; at = pieces_[at].next) placed[at] = true;
  }
  uint32_t at = 0;
  while (placed[at] || !pieces_[at].needed) ++at;
  say("circular", "each of a circle of changes found what another had put there; two of them", {pieces_[at].writer, pieces_[pieces_[at].next].writer});
}

/// Conditions 2 and 3.
void UniqueRegister::check_chains() {
  std::vector<Chain> standing;
  std::ranges::copy_if(chains_, std::back_inserter(standing), &Chain::must_stand);
  std::ranges::sort(standing, {}, &Chain::from);
  for (size_t i = 1; i < standing.size(); ++i)
    if (standing[i].from < standing[i - 1].until) return overlap(standing[i - 1], standing[i]);
  for (const auto& chain : chains_) {
    if (chain.must_stand()) continue;
    const auto after = std::ranges::lower_bound(standing, chain.until, {}, &Chain::from);
    if (after != standing.begin() && chain.from < std::prev(after)->until) return overlap(*std::prev(after), chain);
  }
}

void UniqueRegister::overlap(const Chain& standing, const Chain& other) {
  say("stale read", "what the first saw or wrote stood until the second, and nothing else in between; so did, at the same time, what the third and fourth saw or wrote",
      {standing.first_end, standing.last_begin, other.first_end, other.last_begin});
}

void UniqueRegister::unwritten(Who who, Value value) {
  const auto aborted = std::ranges::find_if(failed_, [&](const auto& call) { return call.action.value == value; });
  if (aborted == failed_.end()) return say("unwritten value", "nobody wrote what was found", {who});
  say("aborted read", "what the second found comes from the first, which failed", {&*aborted, who});
}

void UniqueRegister::say(const char* anomaly, const std::string& words, std::initializer_list<Who> calls) {
  std::string lines = history_.key(calls_.front().action.key) + ": " + words;
  Who last = nullptr;
  for (const auto* call : calls) {
    if (call == last) continue;
    lines += '\n';
    lines += call == nullptr ? "(at the beginning) found nothing" : history_.show(history_.operations()[call->operation]);
    last = call;
  }
  report_.add({anomaly, strict_serializable, std::move(lines)});
}

}  // namespace

bool check_unique_register(const History& history, const RegisterCalls& calls, std::span<const RegisterCall> failed, Report& report) {
  UniqueRegister key{history, calls, failed, report};
  if (!key.collect_writes()) return false;
  key.check();
  return true;
}

void check_registers(const History& history, std::span<const uint32_t> operations, Report& report) {
  std::vector<RegisterCalls> calls(history.keys()), failed(history.keys());
  for (const uint32_t index : operations) {
    const Operation& operation = history.operations()[index];
    if (operation.action_count != 1) continue;  // parse_event() gives one
    const Action& action = history.actions(operation).front();
    const RegisterCall call{index, operation.begin, operation.end, action, operation.outcome == Outcome::ok};
    const bool writes = action.kind != StepKind::read && action.kind != StepKind::refused;
    if (operation.outcome == Outcome::failed && writes) failed[action.key].push_back(call);
    if (operation.outcome == Outcome::ok || (operation.outcome == Outcome::unknown && writes)) calls[action.key].push_back(call);
  }
  for (size_t key = 0; key < calls.size(); ++key)
    if (!calls[key].empty() && !check_unique_register(history, calls[key], failed[key], report)) search_register(history, calls[key], report, report.found == 0 ? configurations_max : more_configurations_max);
}

}  // namespace ddb::check
