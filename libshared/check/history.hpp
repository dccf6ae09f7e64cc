// A history in memory: operations with a beginning and an end, small enough for millions of them.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "check/event.hpp"

namespace ddb::check {

/// A number, or the index of a text above text_base, or null.
using Value = int64_t;
constexpr Value null = std::numeric_limits<int64_t>::min();
constexpr Value text_base = int64_t{1} << 62;

/// Position in the history, from 1: what real time means here. `never`: after all others.
using Moment = uint32_t;
constexpr Moment never = std::numeric_limits<uint32_t>::max();

enum class Outcome : uint8_t {
  ok,       // it took place between begin and end
  failed,   // it did not and will not take place
  unknown,  // it may take place at any moment from begin on, or never
};

/// See Step. A read's list is a piece of History's elements.
struct Action {
  StepKind kind = StepKind::read;
  bool has_list = false;
  uint32_t key = 0;
  Value value = null;     // of a read with a list: where that begins
  Value expected = null;  // of a read with a list: its size
};

struct Operation {
  uint64_t process = 0;
  Outcome outcome = Outcome::unknown;
  uint32_t workload = 0;  // index of a name
  uint32_t f = 0;         // index of a name
  Moment begin = 0;
  Moment end = never;
  uint32_t first_action = 0;
  uint32_t action_count = 0;
};

/// Texts by number.
class Interner {
 public:
  uint32_t number(const std::string& text);
  const std::string& text(uint32_t number) const { return texts_[number]; }
  size_t size() const { return texts_.size(); }

 private:
  std::unordered_map<std::string, uint32_t> numbers_;  // looked up only
  std::vector<std::string> texts_;
};

class History {
 public:
  /// In the order in which they happened. bad_data: the event does not follow from those before it.
  Result<void> add(const Event& event);

  const std::vector<Operation>& operations() const { return operations_; }
  std::span<const Action> actions(const Operation& operation) const {
    return {actions_.data() + operation.first_action, operation.action_count};
  }
  std::span<const Value> list(const Action& read) const {
    return {elements_.data() + read.value, static_cast<size_t>(read.expected)};
  }

  Interner& names() { return names_; }
  const Interner& names() const { return names_; }
  size_t keys() const { return keys_.size(); }
  const std::string& key(uint32_t number) const { return keys_.text(number); }
  const Interner& texts() const { return texts_; }

  std::string show(Value value) const;
  std::string show(const Action& action) const;        // read x = [1 2]
  std::string show(const Operation& operation) const;  // process 3, lines 10-14: read x = [1 2], append 3 to x
  std::string where(const Operation& operation) const;  // process 3, lines 10-14

 private:
  Value value_of(const Scalar& scalar);
  Action action_of(const Step& step);
  void set_actions(Operation& operation, const std::vector<Step>& steps);

  Moment last_ = 0;
  std::vector<Operation> operations_;
  std::vector<Action> actions_;
  std::vector<Value> elements_;
  Interner names_, keys_, texts_;
  std::unordered_map<uint64_t, uint32_t> under_way_;  // process to operation; looked up only
};

}  // namespace ddb::check
