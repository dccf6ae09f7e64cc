// One line of a history: what a client called, or what it heard. The text form is ddb-history(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace ddb::check {

/// null, a number, or a text. Numbers are above -2^62 and below 2^62, so that values in memory have room for texts.
using Scalar = std::variant<std::monostate, int64_t, std::string>;

/// What a transaction did at one key, in its order.
enum class StepKind : uint8_t {
  read,     // found `value`, or `list` where lists are kept
  write,    // put `value`
  append,   // added `value` to the list (or text) that was there
  cas,      // found `expected` and put `value`
  refused,  // a cas that found something other than `expected`, and changed nothing
};

struct Step {
  StepKind kind = StepKind::read;
  std::string key;
  Scalar value{};
  Scalar expected{};                                 // of cas and refused
  std::optional<std::vector<Scalar>> list{};         // of a read that returned a list
};

enum class EventType : uint8_t { invoke, ok, fail, info };

struct Event {
  uint64_t process = 0;
  EventType type = EventType::invoke;
  std::string workload{};    // empty: told from `f`
  std::string f{};           // "read", "cas", "txn", "transfer" ...
  std::vector<Step> steps{};  // of invoke: what is wanted; of ok: what was done; of info, if any: what may have been done
  int64_t time_ns = 0;
};

/// bad_data: says what is wrong with the line.
Result<Event> parse_event(std::string_view line);

/// Ends in '\n'.
std::string to_line(const Event& event);

std::string to_string(const Scalar& value);

}  // namespace ddb::check
