#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/assert.hpp"
#include "workload.hpp"

namespace ddb::bench {

namespace {

using check::Step;
using check::StepKind;

int64_t to_number(const std::string& text) {
  int64_t number = -1;  // what no workload writes: a checker will object
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

check::Scalar to_scalar(const std::optional<std::string>& value) { return value ? check::Scalar{to_number(*value)} : check::Scalar{}; }

/// "3 17 5"
std::vector<check::Scalar> to_list(const std::string& text) {
  std::vector<check::Scalar> list;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    list.emplace_back(to_number(text.substr(at, end - at)));
    at = end + 1;
  }
  return list;
}

Step read_of(const std::string& key, check::Scalar value = {}) { return {.kind = StepKind::read, .key = key, .value = std::move(value)}; }
Step write_of(const std::string& key, int64_t value) { return {.kind = StepKind::write, .key = key, .value = value}; }

/// Neighbours in number lie far apart in the table, so that wherever it is split they are in different ranges.
std::string spread(uint64_t number) { return fmt::format("{:02x}-{}", Random{number}.next() & 0xff, number); }

/// Half of the transactions of one statement are begun and committed by hand.
Span any_span(Random& random) { return random.one_in(2) ? Span::one_statement : Span::several; }

template <class T>
std::unexpected<Error> error_of(const Result<T>& result) { return std::unexpected(result.error()); }

/// Reads keys, together or one after the other.
Result<void> read_numbers(Table& table, const std::vector<std::string>& keys, bool together, Steps& steps) {
  const size_t stride = together ? keys.size() : 1;
  for (size_t i = 0; i < keys.size(); i += stride) {
    const std::vector<std::string> some(keys.begin() + static_cast<ptrdiff_t>(i), keys.begin() + static_cast<ptrdiff_t>(i + stride));
    const auto values = table.get(some);
    if (!values) return error_of(values);
    for (size_t k = 0; k < some.size(); ++k) steps.push_back(read_of(some[k], to_scalar((*values)[k])));
  }
  return {};
}

Result<void> put_numbers(Table& table, const Steps& writes, Steps& steps) {
  for (const auto& step : writes) {
    if (auto put = table.put(step.key, check::to_string(step.value)); !put) return put;
    steps.push_back(step);
  }
  return {};
}

Steps reads_of(const std::vector<std::string>& keys) {
  Steps steps;
  for (const auto& key : keys) steps.push_back(read_of(key));
  return steps;
}

/// Reads all these keys in one transaction.
Result<void> read_all(Client& client, const char* workload, const std::vector<std::string>& keys) {
  const bool together = client.random.one_in(2);
  const Span span = together ? any_span(client.random) : Span::several;
  return client.operate(workload, "read", span, reads_of(keys), [&](Table& table, Steps& steps) { return read_numbers(table, keys, together, steps); });
}

bool is_nothing(const Step& step) { return std::holds_alternative<std::monostate>(step.value); }

class Register final : public Workload {
 public:
  const char* name() const override { return "register"; }

  Result<void> operate(Client& client) override {
    const std::string key = spread(client.random.below(keys));
    switch (client.random.below(4)) {
      case 0: return write(client, key);
      case 1: return change(client, key);
      default: return read(client, key);
    }
  }

  Result<void> close(Client& client) override {
    for (uint64_t key = 0; key < keys; ++key)
      if (auto done = read(client, spread(key)); !done) return done;
    return {};
  }

 private:
  static constexpr uint64_t keys = 8;

  Result<void> read(Client& client, const std::string& key) {
    return client.operate(name(), "read", any_span(client.random), {read_of(key)}, [&](Table& table, Steps& steps) { return look(table, key, steps); });
  }

  Result<void> write(Client& client, const std::string& key) {
    const Steps writes{write_of(key, ++last_)};
    return client.operate(name(), "write", any_span(client.random), writes, [&](Table& table, Steps& steps) { return put_numbers(table, writes, steps); });
  }

  Result<void> change(Client& client, const std::string& key) {
    Step step{.kind = StepKind::cas, .key = key, .value = ++last_};
    if (const auto seen = seen_.find(key); seen != seen_.end()) step.expected = seen->second;
    return client.operate(name(), "cas", Span::several, {step}, [&](Table& table, Steps& steps) -> Result<void> {
      Steps found;
      if (auto looked = look(table, key, found); !looked) return looked;
      if (found.front().value != step.expected) return fail(Code::conflict, "another value was there");
      steps.push_back(step);
      return table.put(key, check::to_string(step.value));
    });
  }

  /// And keeps what was seen, for changes to expect.
  Result<void> look(Table& table, const std::string& key, Steps& steps) {
    if (auto done = read_numbers(table, {key}, true, steps); !done) return done;
    if (const auto* number = std::get_if<int64_t>(&steps.back().value)) seen_[key] = *number;
    return {};
  }

  int64_t last_ = 0;
  std::map<std::string, int64_t> seen_;
};

class ListAppend final : public Workload {
 public:
  const char* name() const override { return "list-append"; }

  Result<void> operate(Client& client) override {
    Steps wanted;
    const uint64_t count = 1 + client.random.below(4);
    for (uint64_t i = 0; i < count; ++i) {
      const std::string key = spread(first_ + client.random.below(keys));
      if (client.random.one_in(2)) wanted.push_back(read_of(key));
      else wanted.push_back({.kind = StepKind::append, .key = key, .value = next(key)});
    }
    return run(client, wanted);
  }

  /// One by one: a transaction over all would be long.
  Result<void> close(Client& client) override {
    for (; closed_ < first_ + keys; ++closed_)
      if (auto done = run(client, {read_of(spread(closed_))}); !done) return done;
    return {};
  }

 private:
  static constexpr uint64_t keys = 6;          // in use at a time
  static constexpr uint32_t appends_max = 24;  // then the oldest key makes room for a new one: lists stay short

  int64_t next(const std::string& key) {
    if (++appends_[key] == appends_max) ++first_;
    return ++last_;
  }

  Result<void> run(Client& client, const Steps& wanted) {
    const Span span = wanted.size() == 1 ? any_span(client.random) : Span::several;
    return client.operate(name(), "txn", span, wanted, [&](Table& table, Steps& steps) -> Result<void> {
      steps = wanted;
      for (auto& step : steps)
        if (auto done = step.kind == StepKind::append ? table.append(step.key, check::to_string(step.value)) : read(table, step); !done) return done;
      return {};
    });
  }

  static Result<void> read(Table& table, Step& step) {
    const auto values = table.get({step.key});
    if (!values) return error_of(values);
    step.list = to_list(values->front().value_or(""));
    return {};
  }

  uint64_t first_ = 0;
  uint64_t closed_ = 0;
  int64_t last_ = 0;
  std::map<std::string, uint32_t> appends_;
};

class Bank final : public Workload {
 public:
  const char* name() const override { return "bank"; }

  Result<void> open(Client& client) override {
    Steps writes;
    for (const auto& key : keys()) writes.push_back(write_of(key, opening));
    return client.operate(name(), "write", Span::several, writes, [&](Table& table, Steps& steps) -> Result<void> {
      Steps found;
      if (auto done = read_numbers(table, keys(), true, found); !done) return done;
      if (is_nothing(found.front())) return put_numbers(table, writes, steps);
      steps = writes;  // by an attempt whose outcome was unknown; had it not come yet, it would conflict with this one
      return {};
    });
  }

  Result<void> operate(Client& client) override {
    if (client.random.one_in(6)) return scan(client);
    if (client.random.one_in(5)) return read_all(client, name(), keys());
    const uint64_t from = client.random.below(accounts);
    return transfer(client, spread(from), spread((from + 1 + client.random.below(accounts - 1)) % accounts));
  }

  Result<void> close(Client& client) override { return scan(client); }

 private:
  static constexpr uint64_t accounts = 8;
  static constexpr int64_t opening = 100;

  static std::vector<std::string> keys() {
    std::vector<std::string> all;
    for (uint64_t i = 0; i < accounts; ++i) all.push_back(spread(i));
    return all;
  }

  Result<void> scan(Client& client) {
    return client.operate(name(), "read", any_span(client.random), {}, [&](Table& table, Steps& steps) -> Result<void> {
      const auto rows = table.scan("");
      if (!rows) return error_of(rows);
      for (const auto& [key, value] : *rows) steps.push_back(read_of(key, to_number(value)));
      return {};
    });
  }

  Result<void> transfer(Client& client, const std::string& from, const std::string& to) {
    const int64_t amount = 1 + static_cast<int64_t>(client.random.below(20));
    return client.operate(name(), "transfer", Span::several, reads_of({from, to}), [&](Table& table, Steps& steps) -> Result<void> {
      if (auto done = read_numbers(table, {from, to}, client.random.one_in(2), steps); !done) return done;
      const auto* left = std::get_if<int64_t>(&steps[0].value);
      const auto* right = std::get_if<int64_t>(&steps[1].value);
      if (left == nullptr || right == nullptr || *left < amount) return {};
      return put_numbers(table, {write_of(from, *left - amount), write_of(to, *right + amount)}, steps);
    });
  }
};

class WriteSkew final : public Workload {
 public:
  const char* name() const override { return "write-skew"; }

  Result<void> operate(Client& client) override {
    const uint64_t pair = last_ / operations_per_pair + client.random.below(pairs);
    ++last_;
    const std::string a = "a" + spread(pair), b = "b" + spread(pair);
    if (client.random.one_in(4)) return read_all(client, name(), {a, b});
    return insert(client, a, b, write_of(client.random.one_in(2) ? a : b, static_cast<int64_t>(last_)));
  }

  Result<void> close(Client& client) override {
    for (; closed_ < last_ / operations_per_pair + pairs; ++closed_)
      if (auto done = read_all(client, name(), {"a" + spread(closed_), "b" + spread(closed_)}); !done) return done;
    return {};
  }

 private:
  static constexpr uint64_t pairs = 4;  // in use at a time
  static constexpr uint64_t operations_per_pair = 12;

  Result<void> insert(Client& client, const std::string& a, const std::string& b, const Step& write) {
    return client.operate(name(), "insert", Span::several, {read_of(a), read_of(b), write}, [&](Table& table, Steps& steps) -> Result<void> {
      if (auto done = read_numbers(table, {a, b}, client.random.one_in(2), steps); !done) return done;
      if (!is_nothing(steps[0]) || !is_nothing(steps[1])) return {};
      steps.push_back(write);
      return table.insert(write.key, check::to_string(write.value));
    });
  }

  uint64_t last_ = 0;
  uint64_t closed_ = 0;
};

class Sequential final : public Workload {
 public:
  const char* name() const override { return "sequential"; }

  /// Each client writes one group, and reads all.
  Result<void> operate(Client& client) override {
    Group& mine = groups_[client.number];
    if (client.random.one_in(2)) return raise(client, mine);
    return read_all(client, name(), rows(client.random.below(std::min(client.number + 1, groups_max))));
  }

  Result<void> close(Client& client) override {
    for (uint64_t group = 0; group < std::min<uint64_t>(groups_.size(), groups_max); ++group)
      if (auto done = read_all(client, name(), rows(group)); !done) return done;
    return {};
  }

 private:
  static constexpr uint32_t groups_max = 16;  // that are read
  static constexpr uint64_t rows_per_group = 4;

  struct Group {
    int64_t number = 1;
    uint64_t row = 0;
  };

  static std::string row(uint64_t group, uint64_t place) { return fmt::format("{}/g{}", place, group); }

  /// The last one first.
  static std::vector<std::string> rows(uint64_t group) {
    std::vector<std::string> all;
    for (uint64_t place = rows_per_group; place-- > 0;) all.push_back(row(group, place));
    return all;
  }

  /// Unless an earlier attempt whose outcome is unknown has done so. A blind write would not do: that attempt might still come later.
  Result<void> raise(Client& client, Group& mine) {
    const std::string key = row(client.number, mine.row);
    const Step write = write_of(key, mine.number);
    const auto done = client.operate(name(), "write", Span::several, {write}, [&](Table& table, Steps& steps) -> Result<void> {
      if (auto read = read_numbers(table, {key}, true, steps); !read) return read;
      if (steps.front().value == write.value) return {};
      return put_numbers(table, {write}, steps);
    });
    if (!done) return done;
    if (++mine.row < rows_per_group) return {};
    mine = {mine.number + 1, 0};
    return {};
  }

  std::map<uint32_t, Group> groups_;
};

class Set final : public Workload {
 public:
  const char* name() const override { return "set"; }

  Result<void> operate(Client& client) override {
    if (client.random.one_in(4)) return scan(client, last_ / elements - (last_ >= elements && client.random.one_in(4)));
    return add(client, last_++);
  }

  Result<void> close(Client& client) override {
    for (; closed_ * elements <= last_; ++closed_)
      if (auto done = scan(client, closed_); !done) return done;
    return {};
  }

 private:
  static constexpr uint64_t elements = 300;  // in a set, before the next is begun
  static constexpr uint64_t stride = 113;    // has no factor in common with that: elements come in no order

  static std::string set(uint64_t number) { return fmt::format("{}/", number); }

  Result<void> add(Client& client, uint64_t number) {
    const auto element = static_cast<int64_t>(number % elements * stride % elements);
    const std::string name_of_set = set(number / elements);
    const Steps wanted{{.kind = StepKind::append, .key = name_of_set, .value = element}};
    return client.operate(name(), "add", any_span(client.random), wanted, [&](Table& table, Steps& steps) -> Result<void> {
      steps = wanted;
      return table.insert(name_of_set + fmt::format("{:04}", element), check::to_string(wanted[0].value));
    });
  }

  Result<void> scan(Client& client, uint64_t number) {
    return client.operate(name(), "read", any_span(client.random), {read_of(set(number))}, [&](Table& table, Steps& steps) -> Result<void> {
      const auto rows = table.scan(set(number));
      if (!rows) return error_of(rows);
      Step read = read_of(set(number));
      read.list.emplace();
      for (const auto& [key, value] : *rows) read.list->emplace_back(to_number(value));
      steps.push_back(std::move(read));
      return {};
    });
  }

  uint64_t last_ = 0;
  uint64_t closed_ = 0;
};

}  // namespace

void Recorder::add(check::Event event) {
  const auto added = memory_.add(event);
  DDB_ASSERT(added.has_value());
  file_.record(std::move(event));
}

Result<void> Client::operate(const std::string& workload, const std::string& f, Span span, const Steps& wanted, const Body& body) {
  check::Event event{.process = process, .type = check::EventType::invoke, .workload = workload, .f = f, .steps = wanted};
  recorder.add(event);
  event.steps.clear();
  Result<void> result = table->begin(span);
  if (result) result = body(*table, event.steps);
  if (result) result = table->commit();
  const bool unknown = !result && result.error().code == Code::unknown_outcome;
  if (event.steps.empty() && !result) event.steps = wanted;
  event.type = result ? check::EventType::ok : unknown ? check::EventType::info : check::EventType::fail;
  recorder.add(std::move(event));
  if (unknown) process = recorder.new_process();
  if (!result) table->abandon();
  return result;
}

std::unique_ptr<Workload> make_workload(const std::string& name) {
  if (name == "register") return std::make_unique<Register>();
  if (name == "list-append") return std::make_unique<ListAppend>();
  if (name == "bank") return std::make_unique<Bank>();
  if (name == "write-skew") return std::make_unique<WriteSkew>();
  if (name == "sequential") return std::make_unique<Sequential>();
  if (name == "set") return std::make_unique<Set>();
  return nullptr;
}

}  // namespace ddb::bench
