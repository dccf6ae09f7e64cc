#include "workloads.hpp"

#include <algorithm>
#include <charconv>

#include "check/check.hpp"

namespace sim {

namespace {

using ddb::Bytes;
using ddb::env::Write;
using ddb::env::WriteKind;
using ddb::check::EventType;
using ddb::check::Scalar;
using ddb::check::Step;
using ddb::check::StepKind;

Bytes account_key(size_t index) { return "a" + std::to_string(index); }

uint64_t number(const std::optional<Bytes>& text, uint64_t otherwise) {
  if (!text) return otherwise;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  require(error == std::errc{} && end == text->data() + text->size(), "a value came back damaged: " + *text);
  return value;
}

Scalar scalar(const std::optional<Bytes>& text) {
  if (!text) return {};
  return static_cast<int64_t>(number(text, 0));
}

Write put(Bytes key, uint64_t value) { return {WriteKind::put, std::move(key), std::to_string(value)}; }

/// Keys as registers: blind writes, erasures, reads, and changes of what was read.
class RegisterClient final : public Loop {
 public:
  RegisterClient(std::unique_ptr<Client> client, const Habits& habits, Record& record, size_t registers)
      : Loop{std::move(client), habits}, record_{record}, registers_{registers} {}

 private:
  void operate() override {
    key_ = "r" + std::to_string(world().random().below(registers_));
    client().begin();
    switch (world().random().below(3)) {
      case 0: return read();
      case 1: return change();
      default: return write({StepKind::write, key_, next_value()});
    }
  }

  Scalar next_value() {
    if (world().chance(0.15)) return {};  // erased
    return ++record_.values;
  }

  void read() {
    called(record_, "register", "read", {{StepKind::read, key_}});
    client().read({key_}, [this](const ddb::Result<Client::Values>& values) {
      if (!values) {
        heard(record_, EventType::fail);
        return done(false);
      }
      const Scalar found = scalar(values->front());
      // P1: nothing to write, so nothing is sent; the read stands.
      commit({}, [this, found](const auto& result) { finish(result, {StepKind::read, key_, found}); });
    });
  }

  void change() {
    client().read({key_}, [this](const ddb::Result<Client::Values>& values) {
      if (!values) return done(false);
      // It takes effect as one when it commits.
      think([this, found = scalar(values->front())] { write({StepKind::cas, key_, next_value(), found}); });
    });
  }

  void write(const Step& step) {
    called(record_, "register", step.kind == StepKind::cas ? "cas" : "write", {step});
    const auto* value = std::get_if<int64_t>(&step.value);
    Write write{WriteKind::erase, key_, {}};
    if (value != nullptr) write = put(key_, static_cast<uint64_t>(*value));
    commit({std::move(write)}, [this, step](const auto& result) { finish(result, step); });
  }

  void finish(const ddb::Result<ddb::Timestamp>& result, const Step& step) {
    result ? heard(record_, EventType::ok, {step}) : heard(record_, result.error());
    if (result) world().note(result->value);
    done(result.has_value());
  }

  Record& record_;
  const size_t registers_;
  Bytes key_;
};

/// Lists that grow by reading and writing them whole, several in one transaction: their elements tell who read what.
class ListClient final : public Loop {
 public:
  ListClient(std::unique_ptr<Client> client, const Habits& habits, Record& record)
      : Loop{std::move(client), habits}, record_{record} {}

 private:
  static constexpr size_t lists = 6;

  void operate() override {
    steps_.clear();
    std::vector<Bytes> keys;
    for (const size_t first = world().random().below(lists), count = 1 + world().random().below(3); keys.size() < count;) {
      keys.push_back("l" + std::to_string((first + 2 * keys.size()) % lists));
      steps_.push_back({world().chance(0.5) ? StepKind::append : StepKind::read, keys.back(), {}});
      if (steps_.back().kind == StepKind::append) steps_.back().value = ++record_.values;
    }
    called(record_, "list-append", "txn", steps_);
    client().begin();
    client().read(keys, [this](const ddb::Result<Client::Values>& values) {
      if (!values) {
        heard(record_, EventType::fail);
        return done(false);
      }
      think([this, values = *values] { append(values); });
    });
  }

  void append(const Client::Values& values) {
    std::vector<Write> writes;
    for (size_t i = 0; i < steps_.size(); ++i) {
      Step& step = steps_[i];
      if (step.kind == StepKind::read) {
        step.list = elements(values[i].value_or(""));
      } else {
        writes.push_back({WriteKind::put, step.key, values[i].value_or("") + std::to_string(std::get<int64_t>(step.value)) + ","});
      }
    }
    commit(std::move(writes), [this](const auto& result) {
      result ? heard(record_, EventType::ok, steps_) : heard(record_, result.error());
      done(result.has_value());
    });
  }

  static std::vector<Scalar> elements(ddb::BytesView text) {
    std::vector<Scalar> out;
    for (size_t end = 0; (end = text.find(',')) != ddb::BytesView::npos; text.remove_prefix(end + 1)) {
      out.push_back(scalar(Bytes{text.substr(0, end)}));
    }
    return out;
  }

  Record& record_;
  Steps steps_;
};

class BankClient final : public Loop {
 public:
  using Loop::Loop;

 private:
  void operate() override {
    client().begin();
    std::vector<Bytes> keys;
    for (size_t i = 0; i < Bank::accounts; ++i) keys.push_back(account_key(i));
    client().read(keys, [this](const ddb::Result<Client::Values>& values) {
      if (!values) return done(false);
      std::vector<uint64_t> balances;
      uint64_t sum = 0;
      for (const auto& value : *values) {
        balances.push_back(number(value, Bank::opening_balance));
        sum += balances.back();
      }
      require(sum == Bank::accounts * Bank::opening_balance,
              "the bank's accounts add up to " + std::to_string(sum) + " at timestamp of one snapshot");
      think([this, values = *values, balances = std::move(balances)] { look_again(values, balances); });
    });
  }

  /// A snapshot stays as it is, or is too old to be read.
  void look_again(const Client::Values& values, const std::vector<uint64_t>& balances) {
    const size_t account = world().random().below(Bank::accounts);
    client().read({account_key(account)}, [this, balances, account, before = values[account]](const ddb::Result<Client::Values>& now) {
      if (!now) return done(false);
      require(now->front() == before, "a snapshot has changed: account " + std::to_string(account));
      transfer(balances);
    });
  }

  void transfer(const std::vector<uint64_t>& balances) {
    const size_t from = world().random().below(Bank::accounts);
    const size_t to = (from + 1 + world().random().below(Bank::accounts - 1)) % Bank::accounts;
    const uint64_t amount = std::min<uint64_t>(balances[from], world().random().below(20));
    std::vector<Write> writes;
    if (amount > 0) writes = {put(account_key(from), balances[from] - amount), put(account_key(to), balances[to] + amount)};
    commit(std::move(writes), [this](const auto& result) { done(result.has_value()); });
  }
};

/// Pairs of rows of which at most one may be there: each client sees to that by reading both.
class SkewClient final : public Loop {
 public:
  using Loop::Loop;

 private:
  static constexpr size_t pairs = 2;

  void operate() override {
    const Bytes pair = "k" + std::to_string(world().random().below(pairs));
    client().begin();
    client().read({pair + "a", pair + "b"}, [this, pair](const ddb::Result<Client::Values>& values) {
      if (!values) return done(false);
      const bool a = values->at(0).has_value();
      const bool b = values->at(1).has_value();
      require(!a || !b, "write skew: both rows of pair " + pair + " are there");
      think([this, pair, a, b] { toggle(pair, a, b); });
    });
  }

  void toggle(const Bytes& pair, bool a, bool b) {
    Write write{WriteKind::erase, pair + (a ? "a" : "b"), {}};
    if (!a && !b) write = {WriteKind::insert, pair + (world().chance(0.5) ? "a" : "b"), "here"};
    commit({std::move(write)}, [this](const auto& result) { done(result.has_value()); });
  }
};

/// Adds elements to a set, and scans it.
class SetClient final : public Loop {
 public:
  SetClient(std::unique_ptr<Client> client, const Habits& habits, Record& record, int& size)
      : Loop{std::move(client), habits}, record_{record}, size_{size} {}

 private:
  static constexpr int size_max = 250;

  void operate() override {
    client().begin();
    size_ < size_max && world().chance(0.6) ? add() : scan();
  }

  void add() {
    ++size_;
    const Step step{StepKind::append, "set", ++record_.values};
    const Bytes value = std::to_string(record_.values);
    called(record_, "set", "add", {step});
    // Anywhere in the set: it may lie in several ranges.
    const Bytes key = "s" + std::to_string(world().random().below(10)) + "-" + value;
    commit({{WriteKind::insert, key, value}}, [this, step](const auto& result) {
      result ? heard(record_, EventType::ok, {step}) : heard(record_, result.error());
      done(result.has_value());
    });
  }

  void scan() {
    called(record_, "set", "read", {{StepKind::read, "set"}});
    client().scan({"s", "t"}, [this](const auto& rows) {
      Step step{StepKind::read, "set"};
      if (rows) {
        step.list.emplace();
        for (const auto& row : *rows) step.list->push_back(scalar(row.value));
      }
      rows ? heard(record_, EventType::ok, {step}) : heard(record_, EventType::fail);
      done(rows.has_value());
    });
  }

  Record& record_;
  int& size_;  // all clients' together
};

}  // namespace

void Record::check() const {
  const auto reports = ddb::check::check_history(history);
  require(reports.has_value(), "the simulator's own history makes no sense: " + (reports ? "" : reports.error().message));
  for (const auto& report : *reports) {
    if (report.violations.empty()) continue;
    violate(report.workload + ": " + report.violations.front().anomaly + ": " + report.violations.front().words);
  }
}

std::unique_ptr<Workload> make_register_client(std::unique_ptr<Client> client, const Habits& habits, Record& record, size_t registers) {
  return std::make_unique<RegisterClient>(std::move(client), habits, record, registers);
}
std::unique_ptr<Workload> make_list_client(std::unique_ptr<Client> client, const Habits& habits, Record& record) {
  return std::make_unique<ListClient>(std::move(client), habits, record);
}
std::unique_ptr<Workload> make_set_client(std::unique_ptr<Client> client, const Habits& habits, Record& record, int& size) {
  return std::make_unique<SetClient>(std::move(client), habits, record, size);
}
std::unique_ptr<Workload> make_bank_client(std::unique_ptr<Client> client, const Habits& habits) {
  return std::make_unique<BankClient>(std::move(client), habits);
}
std::unique_ptr<Workload> make_skew_client(std::unique_ptr<Client> client, const Habits& habits) {
  return std::make_unique<SkewClient>(std::move(client), habits);
}

}  // namespace sim
