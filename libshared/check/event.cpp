#include "check/event.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "check/json.hpp"

namespace ddb::check {

namespace {

constexpr int64_t integer_limit = int64_t{1} << 62;

constexpr std::array<std::string_view, 4> type_names{"invoke", "ok", "fail", "info"};

/// How steps are called in a transaction, and, where there is one step, as the operation itself.
struct StepName {
  std::string_view name;
  StepKind kind;
};
constexpr StepName step_names[] = {
    {"r", StepKind::read},       {"w", StepKind::write},   {"append", StepKind::append}, {"cas", StepKind::cas},
    {"read", StepKind::read},    {"write", StepKind::write}, {"get", StepKind::read},      {"put", StepKind::write},
};

const StepName* find_step(std::string_view name) {
  const auto* found = std::ranges::find(step_names, name, &StepName::name);
  return found == std::end(step_names) ? nullptr : found;
}

std::string_view short_name(StepKind kind) { return std::ranges::find(step_names, kind, &StepName::kind)->name; }

Scalar read_scalar(JsonReader& json) {
  const char c = json.peek();
  if (c == '"') return json.string();
  if (c == 'n' && json.null()) return {};
  const int64_t value = json.integer();
  if (value <= -integer_limit || value >= integer_limit) json.refuse();
  return value;
}

std::string read_key(JsonReader& json) {
  const Scalar key = read_scalar(json);
  if (const auto* text = std::get_if<std::string>(&key)) return *text;
  if (!std::holds_alternative<int64_t>(key)) json.refuse();
  return to_string(key);
}

/// What belongs to the step, whose kind is known: a scalar, a list, or the pair of a cas.
void read_value(JsonReader& json, Step& step) {
  if (json.peek() != '[') {
    step.value = read_scalar(json);
    return;
  }
  std::vector<Scalar> list;
  json.array([&] { list.push_back(read_scalar(json)); });
  if (step.kind == StepKind::read) {
    step.list = std::move(list);
  } else if (step.kind == StepKind::cas && list.size() == 2) {
    step.expected = std::move(list[0]);
    step.value = std::move(list[1]);
  } else {
    json.refuse();
  }
}

/// ["append", "x", 5]
Step read_step(JsonReader& json) {
  Step step;
  int part = 0;
  json.array([&] {
    switch (part++) {
      case 0: {
        const auto* name = find_step(json.string());
        if (name == nullptr) return json.refuse();
        step.kind = name->kind;
        return;
      }
      case 1: step.key = read_key(json); return;
      case 2: return read_value(json, step);
      default: return json.refuse();
    }
  });
  if (part != 3) json.refuse();
  return step;
}

/// Members come in any order, so the value waits for `f` and `key`.
struct Line {
  Event event;
  std::optional<std::string> key;
  std::string_view value;
  bool refused = false;
  bool typed = false;
  bool numbered = false;
};

void read_member(JsonReader& json, std::string_view name, Line& line) {
  if (name == "process") {
    const int64_t process = json.integer();
    if (process < 0) json.refuse();
    line.event.process = static_cast<uint64_t>(process);
    line.numbered = true;
  } else if (name == "type") {
    const auto* found = std::ranges::find(type_names, json.string());
    if (found == type_names.end()) return json.refuse();
    line.event.type = static_cast<EventType>(found - type_names.begin());
    line.typed = true;
  } else if (name == "f") {
    line.event.f = json.string();
  } else if (name == "workload") {
    line.event.workload = json.string();
  } else if (name == "key") {
    line.key = read_key(json);
  } else if (name == "time") {
    line.event.time_ns = json.integer();
  } else if (name == "value") {
    line.value = json.rest();
    json.skip();
  } else if (name == "result") {
    line.refused = json.peek() == 'f';
    json.skip();
  } else {
    json.skip();
  }
}

bool read_steps(Line& line) {
  JsonReader json{line.value.empty() ? "null" : line.value};
  if (!line.key) {
    if (json.peek() == '[') json.array([&] { line.event.steps.push_back(read_step(json)); });
    return json.ok();
  }
  const auto* name = find_step(line.event.f);
  if (name == nullptr) return false;
  const bool without_effect = line.event.type == EventType::fail || line.event.type == EventType::info;
  if (without_effect && json.peek() == 'n' && json.null()) return json.ok();  // no more than its beginning said
  Step step{.kind = name->kind, .key = *line.key};
  read_value(json, step);
  if (step.kind == StepKind::cas && line.refused) step.kind = StepKind::refused;
  line.event.steps.push_back(std::move(step));
  return json.ok();
}

std::string json_of(const Scalar& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return json_string(*text);
  return to_string(value);
}

std::string json_of(const Step& step) {
  if (step.kind == StepKind::cas) return "[" + json_of(step.expected) + ", " + json_of(step.value) + "]";
  if (!step.list) return json_of(step.value);
  std::string out = "[";
  for (const auto& element : *step.list) out += (out.size() == 1 ? "" : ", ") + json_of(element);
  return out + "]";
}

std::string json_of(const std::vector<Step>& steps) {
  std::string out = "[";
  for (const auto& step : steps) {
    if (out.size() > 1) out += ", ";
    out += "[\"" + std::string{short_name(step.kind)} + "\", " + json_string(step.key) + ", " + json_of(step) + "]";
  }
  return out + "]";
}

}  // namespace

std::string to_string(const Scalar& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return "null";
}

Result<Event> parse_event(std::string_view text) {
  Line line;
  JsonReader json{text};
  json.object([&](std::string_view name) { read_member(json, name, line); });
  if (!json.at_end() || !json.ok()) return fail(Code::bad_data, "no JSON object of ddb-history(5), or a value it does not know");
  if (!line.typed || !line.numbered) return fail(Code::bad_data, "a line needs \"process\" and \"type\"");
  if (!read_steps(line)) return fail(Code::bad_data, "\"f\", \"key\" and \"value\" do not fit together");
  if (line.event.workload.empty()) line.event.workload = line.key ? "register" : "list-append";
  return std::move(line.event);
}

std::string to_line(const Event& event) {
  std::string out = "{\"process\": " + std::to_string(event.process) + ", \"type\": \"";
  out += type_names[static_cast<size_t>(event.type)];
  out += '"';
  const bool one_key = event.workload == "register" && event.steps.size() == 1;
  if (!one_key) out += ", \"workload\": " + json_string(event.workload);
  out += ", \"f\": " + json_string(event.f);
  if (one_key) out += ", \"key\": " + json_string(event.steps.front().key) + ", \"value\": " + json_of(event.steps.front());
  else out += ", \"value\": " + json_of(event.steps);
  return out + ", \"time\": " + std::to_string(event.time_ns) + "}\n";
}

}  // namespace ddb::check
