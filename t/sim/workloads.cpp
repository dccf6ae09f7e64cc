#include "workloads.hpp"

#include <algorithm>
#include <charconv>

namespace sim {

namespace {

constexpr const char* meta_prefix = "w/";
constexpr size_t meta_keys = 6;

ddb::Bytes register_key(size_t index) { return "r" + std::to_string(index); }
ddb::Bytes account_key(size_t index) { return "a" + std::to_string(index); }

uint64_t number(const std::optional<ddb::Bytes>& text, uint64_t otherwise) {
  if (!text) return otherwise;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  require(error == std::errc{} && end == text->data() + text->size(), "a value came back damaged: " + *text);
  return value;
}

ddb::env::Write put(ddb::Bytes key, uint64_t value) {
  return {ddb::env::WriteKind::put, std::move(key), std::to_string(value)};
}

/// May it have taken effect all the same?
bool uncertain(const ddb::Error& error) { return error.code == ddb::Code::unknown_outcome; }

/// One operation after the other, with pauses.
class Loop : public Workload {
 public:
  explicit Loop(std::unique_ptr<Client> client) : client_{std::move(client)} {}

  void start() override {
    idle_ = false;
    again();
  }

 protected:
  virtual void operate() = 0;  // ends in done()

  void done(bool succeeded) {
    succeeded_ += succeeded;
    again();
  }
  World& world() { return client_->world(); }
  Client& client() { return *client_; }

 private:
  void again() {
    world().after(world().between(1ms, 120ms), [this] {
      if (stopped_) {
        idle_ = true;
      } else {
        operate();
      }
    });
  }

  std::unique_ptr<Client> client_;
};

class RegisterClient final : public Loop {
 public:
  RegisterClient(std::unique_ptr<Client> client, RegisterHistory& history) : Loop{std::move(client)}, history_{history} {}

 private:
  void operate() override {
    index_ = world().random().below(RegisterHistory::registers);
    op_ = {};
    op_.call = world().now();
    client().begin();
    switch (world().random().below(3)) {
      case 0: return read(Operation::Kind::read);
      case 1: return read(Operation::Kind::swap);
      default: return write(Operation::Kind::write);
    }
  }

  void read(Operation::Kind kind) {
    client().read({register_key(index_)}, [this, kind](ddb::Result<ddb::proto::ReadReply> reply) {
      if (!reply) return done(false);
      op_.seen = number(reply->values.at(0), 0);
      if (kind == Operation::Kind::swap) return write(kind);
      op_.kind = kind;
      // P1: nothing to write, so nothing is sent; the read stands.
      client().commit({}, [this](ddb::Result<ddb::Timestamp> result) { finish(result); });
    });
  }

  void write(Operation::Kind kind) {
    op_.kind = kind;
    op_.value = ++history_.last_value;
    client().commit({put(register_key(index_), op_.value)}, [this](ddb::Result<ddb::Timestamp> result) { finish(result); });
  }

  void finish(const ddb::Result<ddb::Timestamp>& result) {
    if (result) {
      op_.ret = world().now();
      world().note(op_.value ^ op_.seen << 20 ^ result->value);
    }
    if (result || uncertain(result.error())) history_.operations[index_].push_back(op_);
    done(result.has_value());
  }

  RegisterHistory& history_;
  size_t index_ = 0;
  Operation op_;
};

class BankClient final : public Loop {
 public:
  using Loop::Loop;

 private:
  void operate() override {
    client().begin();
    std::vector<ddb::Bytes> keys;
    for (size_t i = 0; i < Bank::accounts; ++i) keys.push_back(account_key(i));
    client().read(std::move(keys), [this](ddb::Result<ddb::proto::ReadReply> reply) {
      if (!reply) return done(false);
      std::vector<uint64_t> balances;
      uint64_t sum = 0;
      for (const auto& value : reply->values) {
        balances.push_back(number(value, Bank::opening_balance));
        sum += balances.back();
      }
      require(sum == Bank::accounts * Bank::opening_balance,
              "the bank's accounts add up to " + std::to_string(sum) + " at timestamp of one snapshot");
      transfer(std::move(balances));
    });
  }

  void transfer(std::vector<uint64_t> balances) {
    const size_t from = world().random().below(Bank::accounts);
    const size_t to = (from + 1 + world().random().below(Bank::accounts - 1)) % Bank::accounts;
    if (balances[from] == 0) return client().commit({}, [this](const auto& result) { done(result.has_value()); });
    client().commit({put(account_key(from), balances[from] - 1), put(account_key(to), balances[to] + 1)},
                    [this](const ddb::Result<ddb::Timestamp>& result) { done(result.has_value()); });
  }
};

class TimestampClient final : public Loop {
 public:
  TimestampClient(std::unique_ptr<Client> client, TimestampHistory& history) : Loop{std::move(client)}, history_{history} {}

 private:
  void operate() override {
    const auto count = static_cast<uint32_t>(1 + world().random().below(world().chance(0.05) ? 65'536 : 100));
    client().oracle().call(ddb::proto::TimestampRequest{count}, 3s,
                           [this, count, highest = history_.highest](ddb::Result<ddb::proto::OracleReply> reply) {
                             const auto* got = reply ? std::get_if<ddb::proto::TimestampReply>(&*reply) : nullptr;
                             if (got != nullptr) history_.add(highest, got->first, count);
                             done(got != nullptr);
                           });
  }

  TimestampHistory& history_;
};

class MetaWriter final : public Loop {
 public:
  MetaWriter(std::unique_ptr<Client> client, MetaHistory& history) : Loop{std::move(client)}, history_{history} {}

 private:
  void operate() override {
    const ddb::Bytes key = meta_prefix + std::to_string(world().random().below(meta_keys));
    const ddb::Bytes value = std::to_string(world().fresh_id());
    ddb::proto::MetaTxnRequest request;
    if (const auto seen = seen_.find(key); seen != seen_.end() && world().chance(0.5)) {
      request.compares = {{key, seen->second}};
    }
    request.ops = {{key, value, {}, {}}};
    client().oracle().call(std::move(request), 3s, [this, key, value](ddb::Result<ddb::proto::OracleReply> reply) {
      const auto* result = reply ? std::get_if<ddb::env::MetaTxnResult>(&*reply) : nullptr;
      if (result == nullptr) return done(false);
      if (!result->succeeded) {
        seen_.erase(key);
        return done(false);
      }
      seen_[key] = result->revision;
      require(history_.written.emplace(result->revision, value).second, "two transactions at one revision");
      done(true);
    });
  }

  MetaHistory& history_;
  std::map<ddb::Bytes, ddb::Revision> seen_;
};

}  // namespace

void RegisterHistory::check() const {
  for (size_t i = 0; i < registers; ++i) {
    const std::string trouble = check_register(operations[i]);
    require(trouble.empty(), "register " + std::to_string(i) + ": " + trouble);
  }
}

void TimestampHistory::add(ddb::Timestamp highest_at_call, ddb::Timestamp first, uint32_t count) {
  const ddb::Timestamp last{first.value + count - 1};
  require(first > highest_at_call, "a timestamp is at or below one that was known before it was asked for");
  const auto next = given.lower_bound(first);
  require(next == given.end() || next->first > last, "a timestamp was given twice");
  require(next == given.begin() || std::prev(next)->second < first, "a timestamp was given twice");
  given.emplace(first, last);
  highest = std::max(highest, last);
}

Watcher::Watcher(std::unique_ptr<Client> client, std::vector<Endpoint> oracles)
    : client_{std::move(client)}, oracles_{std::move(oracles)} {}

void Watcher::start() {
  watch();
  look_alive();
}

void Watcher::watch() {
  if (request_ != 0) client_->oracle().forget(request_);
  oracle_ = (oracle_ + 1) % oracles_.size();
  heard_ = client_->world().now();
  ddb::proto::WatchRequest request{meta_prefix, ddb::prefix_end(meta_prefix), reached_.next()};
  request_ = client_->oracle().watch(std::move(request), oracles_[oracle_], [this](ddb::Result<ddb::proto::OracleReply> reply) {
    if (const auto* changes = std::get_if<ddb::proto::WatchReply>(&*reply)) return changed(*changes);
    heard_ = Instant::min();  // redirected, or refused: elsewhere
  });
}

void Watcher::changed(const ddb::proto::WatchReply& reply) {
  heard_ = client_->world().now();
  for (const auto& event : reply.events) {
    const auto revision = event.entry.mod_revision;
    require(revision > reached_, "a watch repeats what it has told");
    require(events_.empty() || revision > events_.back().entry.mod_revision, "watch events out of order");
    events_.push_back(event);
  }
  reached_ = std::max(reached_, reply.revision);
}

void Watcher::look_alive() {
  auto& world = client_->world();
  if (heard_ == Instant::min() || world.now() - heard_ > 700ms || world.chance(0.02)) watch();
  world.after(100ms, [this] { look_alive(); });
}

void Watcher::check(const MetaHistory& history, const ddb::env::MetaRange& now) const {
  std::map<ddb::Bytes, ddb::Bytes> rows;
  std::map<ddb::Revision, ddb::Bytes> seen;
  for (const auto& event : events_) {
    rows[event.entry.key] = event.entry.value;
    require(seen.emplace(event.entry.mod_revision, event.entry.value).second, "a watch saw a revision twice");
  }
  for (const auto& [revision, value] : history.written) {
    const auto found = seen.find(revision);
    require(found != seen.end(), "a watch missed revision " + std::to_string(revision.value));
    require(found->second == value, "a watch saw another value at revision " + std::to_string(revision.value));
  }
  for (const auto& entry : now.entries) require(rows[entry.key] == entry.value, "watch events do not add up to the key space");
}

std::unique_ptr<Workload> make_register_client(std::unique_ptr<Client> client, RegisterHistory& history) {
  return std::make_unique<RegisterClient>(std::move(client), history);
}
std::unique_ptr<Workload> make_bank_client(std::unique_ptr<Client> client) {
  return std::make_unique<BankClient>(std::move(client));
}
std::unique_ptr<Workload> make_timestamp_client(std::unique_ptr<Client> client, TimestampHistory& history) {
  return std::make_unique<TimestampClient>(std::move(client), history);
}
std::unique_ptr<Workload> make_meta_writer(std::unique_ptr<Client> client, MetaHistory& history) {
  return std::make_unique<MetaWriter>(std::move(client), history);
}

}  // namespace sim
