#include "check/history.hpp"

#include "base/assert.hpp"

namespace ddb::check {

uint32_t Interner::number(const std::string& text) {
  const auto [at, fresh] = numbers_.try_emplace(text, static_cast<uint32_t>(texts_.size()));
  if (fresh) texts_.push_back(text);
  return at->second;
}

Result<void> History::add(const Event& event) {
  if (last_ == never - 1) return fail(Code::too_long, "the history has more than 4 billion events");
  ++last_;
  if (event.type == EventType::invoke) {
    const auto [at, idle] = under_way_.try_emplace(event.process, static_cast<uint32_t>(operations_.size()));
    if (!idle) return fail(Code::bad_data, "process " + std::to_string(event.process) + " has an operation under way");
    Operation operation{.process = event.process, .workload = names_.number(event.workload), .f = names_.number(event.f), .begin = last_};
    set_actions(operation, event.steps);
    operations_.push_back(operation);
    return {};
  }
  const auto at = under_way_.find(event.process);
  if (at == under_way_.end()) {
    // Nobody wrote down when it began: at the beginning, for all we know.
    operations_.push_back({.process = event.process, .workload = names_.number(event.workload), .f = names_.number(event.f)});
  }
  Operation& operation = at == under_way_.end() ? operations_.back() : operations_[at->second];
  if (at != under_way_.end()) under_way_.erase(at);
  if (event.type == EventType::info) {
    if (!event.steps.empty()) set_actions(operation, event.steps);
    return {};
  }
  operation.end = last_;
  operation.outcome = event.type == EventType::ok ? Outcome::ok : Outcome::failed;
  if (event.type == EventType::ok) set_actions(operation, event.steps);
  return {};
}

/// What was done takes the place of what was wanted, which stays behind unused unless it was the last.
void History::set_actions(Operation& operation, const std::vector<Step>& steps) {
  const auto wanted = steps.size();
  if (operation.action_count < wanted) {
    operation.first_action = static_cast<uint32_t>(actions_.size());
    actions_.resize(actions_.size() + wanted);
  }
  operation.action_count = static_cast<uint32_t>(wanted);
  for (size_t i = 0; i < wanted; ++i) actions_[operation.first_action + i] = action_of(steps[i]);
}

Action History::action_of(const Step& step) {
  Action action{.kind = step.kind, .has_list = step.list.has_value(), .key = keys_.number(step.key)};
  if (!step.list) {
    action.value = value_of(step.value);
    action.expected = value_of(step.expected);
    return action;
  }
  action.value = static_cast<Value>(elements_.size());
  action.expected = static_cast<Value>(step.list->size());
  for (const auto& element : *step.list) elements_.push_back(value_of(element));
  return action;
}

Value History::value_of(const Scalar& scalar) {
  if (const auto* number = std::get_if<int64_t>(&scalar)) {
    DDB_ASSERT(*number > -text_base && *number < text_base);
    return *number;
  }
  if (const auto* text = std::get_if<std::string>(&scalar)) return text_base + texts_.number(*text);
  return null;
}

std::string History::show(Value value) const {
  if (value == null) return "nothing";
  if (value >= text_base) return '"' + texts_.text(static_cast<uint32_t>(value - text_base)) + '"';
  return std::to_string(value);
}

std::string History::show(const Action& action) const {
  const std::string& key = keys_.text(action.key);
  switch (action.kind) {
    case StepKind::write: return "wrote " + key + " = " + show(action.value);
    case StepKind::append: return "appended " + show(action.value) + " to " + key;
    case StepKind::cas: return "changed " + key + " from " + show(action.expected) + " to " + show(action.value);
    case StepKind::refused: return "found " + key + " not to be " + show(action.expected);
    case StepKind::read: break;
  }
  if (!action.has_list) return "read " + key + " = " + show(action.value);
  constexpr size_t shown_max = 12;  // of a long list, the end
  const auto elements = list(action);
  std::string out = "read " + key + " = [";
  if (elements.size() > shown_max) out += "... ";
  for (const Value element : elements.last(std::min(elements.size(), shown_max))) out += show(element) + " ";
  if (out.back() == ' ') out.pop_back();
  return out + "]";
}

std::string History::where(const Operation& operation) const {
  const std::string until = operation.outcome == Outcome::unknown ? "on, outcome unknown" : "to " + std::to_string(operation.end);
  return "process " + std::to_string(operation.process) + ", from line " + std::to_string(operation.begin) + " " + until;
}

std::string History::show(const Operation& operation) const {
  std::string out = "(" + where(operation) + ")";
  const char* separator = " ";
  for (const auto& action : actions(operation)) {
    out += separator + show(action);
    separator = ", ";
  }
  return out;
}

}  // namespace ddb::check
