// Wing and Gong's search (1993), remembering configurations as Lowe does (2017).
#include <algorithm>
#include <unordered_set>

#include "check/register.hpp"
#include "env/random.hpp"

namespace ddb::check {

namespace {

constexpr uint32_t none = ~uint32_t{0};

/// What a register holds, as two fingerprints of 61 bits, which can be appended to. Nothing is like an empty text.
struct Content {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const Content&) const = default;
};

constexpr uint64_t prime = (uint64_t{1} << 61) - 1;
constexpr Content base{0x1d8e4e27c47d124f, 0x0b4e0ef37bc3a05b};  // below the prime, otherwise arbitrary

uint64_t times(uint64_t a, uint64_t b) { return static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b % prime); }

/// Rabin, Fingerprinting by Random Polynomials (1981): a text as a number in some base; `shift`: what a text before it is multiplied by.
struct Piece {
  Content content;
  Content shift{1, 1};

  void add(uint64_t digit) {
    content = {(times(content.high, base.high) + digit) % prime, (times(content.low, base.low) + digit) % prime};
    shift = {times(shift.high, base.high), times(shift.low, base.low)};
  }
};

/// Numbers are one digit, beyond those of texts.
Piece piece_of(const History& history, Value value) {
  Piece piece;
  if (value == null) return piece;
  if (value < text_base) {
    piece.add(Random{static_cast<uint64_t>(value)}.next() % prime | 1u << 10);
    return piece;
  }
  for (const char c : history.texts().text(static_cast<uint32_t>(value - text_base))) piece.add(1u + static_cast<unsigned char>(c));
  return piece;
}

Content append(const Content& state, const Piece& piece) {
  return {(times(state.high, piece.shift.high) + piece.content.high) % prime, (times(state.low, piece.shift.low) + piece.content.low) % prime};
}

/// Begin or end of a call, in a list from which those are taken out that have their place in the order.
struct Entry {
  uint32_t call;
  bool is_end;
  uint32_t before = none;
  uint32_t after = none;
};

/// Which calls are done, as the sum of 128 random bits for each, and the content: two configurations share one less often than memory fails.
struct Configuration {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const Configuration&) const = default;

  Configuration with(const Configuration& other) const { return {high ^ other.high, low ^ other.low}; }
};
struct ConfigurationHash {
  size_t operator()(const Configuration& c) const { return c.low; }
};

Configuration mark(const Content& content) { return {Random{content.high}.next(), Random{content.low}.next()}; }

class Search {
 public:
  Search(const History& history, const RegisterCalls& calls);

  enum class Answer { yes, no, undecided };
  Answer run(uint64_t configurations_max);
  /// The call that came last in the longest order that was found, and could not be part of it.
  uint32_t stuck() const { return stuck_; }

 private:
  struct Taken {
    uint32_t call;
    Content before;
  };

  bool apply(uint32_t call, Content& state) const;
  bool is_new(uint32_t call, const Content& state);
  void take(uint32_t call, const Content& state);
  uint32_t give_back();
  void unlink(uint32_t entry);
  void relink(uint32_t entry);

  const RegisterCalls& calls_;
  std::vector<Piece> values_;           // of each call: read, written or appended
  std::vector<Content> expected_;       // of each call
  std::vector<Entry> entries_;          // the first is a head without a call
  std::vector<uint32_t> begin_, end_;   // of each call, its entries
  std::vector<Configuration> marks_;    // of each call
  std::unordered_set<Configuration, ConfigurationHash> seen_;
  std::vector<Taken> taken_;
  Configuration done_;
  Content state_;
  uint32_t stuck_ = 0;
  Moment furthest_ = 0;
};

Search::Search(const History& history, const RegisterCalls& calls) : calls_{calls}, begin_(calls.size()), end_(calls.size(), none) {
  struct At {
    Moment moment;
    Entry entry;
  };
  std::vector<At> order;
  for (uint32_t i = 0; i < calls.size(); ++i) {
    order.push_back({calls[i].begin, {.call = i, .is_end = false}});
    if (calls[i].certain) order.push_back({calls[i].end, {.call = i, .is_end = true}});
  }
  std::ranges::sort(order, {}, &At::moment);
  entries_.push_back({.call = none, .is_end = false});
  for (const auto& [moment, entry] : order) {
    const auto index = static_cast<uint32_t>(entries_.size());
    (entry.is_end ? end_ : begin_)[entry.call] = index;
    entries_.back().after = index;
    entries_.push_back(entry);
    entries_.back().before = index - 1;
  }
  Random random{1};
  for (const auto& call : calls) {
    marks_.push_back({random.next(), random.next()});
    values_.push_back(piece_of(history, call.action.value));
    expected_.push_back(piece_of(history, call.action.expected).content);
  }
}

/// False: it cannot take place in this state.
bool Search::apply(uint32_t call, Content& state) const {
  switch (calls_[call].action.kind) {
    case StepKind::read: return state == values_[call].content;
    case StepKind::refused: return state != expected_[call];
    case StepKind::write: state = values_[call].content; return true;
    case StepKind::append: state = append(state, values_[call]); return true;
    case StepKind::cas: break;
  }
  if (state != expected_[call]) return false;
  state = values_[call].content;
  return true;
}

bool Search::is_new(uint32_t call, const Content& state) { return seen_.insert(done_.with(marks_[call]).with(mark(state))).second; }

void Search::take(uint32_t call, const Content& state) {
  taken_.push_back({call, state_});
  state_ = state;
  done_ = done_.with(marks_[call]);
  unlink(begin_[call]);
  if (end_[call] != none) unlink(end_[call]);
}

uint32_t Search::give_back() {
  const auto [call, state] = taken_.back();
  taken_.pop_back();
  state_ = state;
  done_ = done_.with(marks_[call]);
  if (end_[call] != none) relink(end_[call]);
  relink(begin_[call]);
  return call;
}

void Search::unlink(uint32_t entry) {
  const auto [call, is_end, before, after] = entries_[entry];
  entries_[before].after = after;
  if (after != none) entries_[after].before = before;
}

void Search::relink(uint32_t entry) {
  const auto [call, is_end, before, after] = entries_[entry];
  entries_[before].after = entry;
  if (after != none) entries_[after].before = entry;
}

Search::Answer Search::run(uint64_t configurations_max) {
  const auto certain = std::ranges::count(calls_, true, &RegisterCall::certain);
  int64_t finished = 0;
  uint32_t at = entries_.front().after;
  while (finished < certain) {
    // What has ended must have its place before anything that began later: nothing behind an end can be next.
    if (at != none && !entries_[at].is_end) {
      const uint32_t call = entries_[at].call;
      Content state = state_;
      if (apply(call, state) && is_new(call, state)) {
        take(call, state);
        finished += calls_[call].certain;
        at = entries_.front().after;
      } else {
        at = entries_[at].after;
      }
      if (seen_.size() > configurations_max) return Answer::undecided;
      continue;
    }
    if (at != none && calls_[entries_[at].call].end > furthest_) {
      stuck_ = entries_[at].call;
      furthest_ = calls_[stuck_].end;
    }
    if (taken_.empty()) return Answer::no;
    const uint32_t call = give_back();
    finished -= calls_[call].certain;
    at = entries_[begin_[call]].after;
  }
  return Answer::yes;
}

}  // namespace

void search_register(const History& history, const RegisterCalls& calls, Report& report, uint64_t configurations_max) {
  if (calls.empty()) return;
  Search search{history, calls};
  const std::string& key = history.key(calls.front().action.key);
  switch (search.run(configurations_max)) {
    case Search::Answer::yes: return;
    case Search::Answer::undecided:
      if (report.found == 0) report.undecided = key + ": more than " + std::to_string(configurations_max) + " possible orders: write each number once only";
      return;
    case Search::Answer::no: break;
  }
  const auto& stuck = calls[search.stuck()];
  report.add({"not linearizable", strict_serializable,
              key + ": no order of the operations explains that\n" + history.show(history.operations()[stuck.operation])});
}

}  // namespace ddb::check
