#include "workloads.hpp"

#include <algorithm>

namespace sim {

namespace {

constexpr const char* meta_prefix = "w/";
constexpr size_t meta_keys = 6;

class TimestampClient final : public Loop {
 public:
  TimestampClient(std::unique_ptr<Client> client, const Habits& habits, TimestampHistory& history)
      : Loop{std::move(client), habits}, history_{history} {}

 private:
  void operate() override {
    const auto count = static_cast<uint32_t>(1 + world().random().below(world().chance(habits().greed) ? 65'536 : 100));
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
  MetaWriter(std::unique_ptr<Client> client, const Habits& habits, MetaHistory& history)
      : Loop{std::move(client), habits}, history_{history} {}

 private:
  void operate() override {
    const ddb::Bytes key = meta_prefix + std::to_string(world().random().below(meta_keys));
    const ddb::Bytes value = std::to_string(world().fresh_id());
    ddb::proto::MetaTxnRequest request;
    ddb::Revision compared{};
    if (const auto seen = seen_.find(key); seen != seen_.end() && world().chance(0.5)) {
      compared = seen->second;
      request.compares = {{key, compared}};
    }
    request.ops = {{key, value, {}, {}}};
    client().oracle().call(std::move(request), 3s, [this, key, value, compared](ddb::Result<ddb::proto::OracleReply> reply) {
      const auto* result = reply ? std::get_if<ddb::env::MetaTxnResult>(&*reply) : nullptr;
      if (result == nullptr) return done(false);
      if (!result->succeeded) {
        seen_.erase(key);
        return done(false);
      }
      seen_[key] = result->revision;
      require(history_.written.emplace(result->revision, value).second, "two transactions at one revision");
      if (compared) history_.compared_with[result->revision] = compared;
      done(true);
    });
  }

  MetaHistory& history_;
  std::map<ddb::Bytes, ddb::Revision> seen_;
};

}  // namespace

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
  std::map<ddb::Bytes, ddb::Revision> last;
  std::map<ddb::Revision, ddb::Bytes> seen;
  std::set<ddb::Bytes> values;
  for (const auto& event : events_) {
    const auto revision = event.entry.mod_revision;
    const auto compared = history.compared_with.find(revision);
    require(compared == history.compared_with.end() || compared->second == last[event.entry.key],
            "a transaction succeeded at revision " + std::to_string(revision.value) + " though its comparison does not hold");
    last[event.entry.key] = revision;
    if (revision <= now.revision) rows[event.entry.key] = event.entry.value;  // what nobody waited for may have come later
    require(seen.emplace(revision, event.entry.value).second, "a watch saw a revision twice");
    require(values.insert(event.entry.value).second, "a transaction took effect twice, at last at revision " + std::to_string(revision.value));
  }
  for (const auto& [revision, value] : history.written) {
    const auto found = seen.find(revision);
    require(found != seen.end(), "a watch missed revision " + std::to_string(revision.value));
    require(found->second == value, "a watch saw another value at revision " + std::to_string(revision.value));
  }
  for (const auto& entry : now.entries) require(rows[entry.key] == entry.value, "watch events do not add up to the key space");
}

std::unique_ptr<Workload> make_timestamp_client(std::unique_ptr<Client> client, const Habits& habits, TimestampHistory& history) {
  return std::make_unique<TimestampClient>(std::move(client), habits, history);
}
std::unique_ptr<Workload> make_meta_writer(std::unique_ptr<Client> client, const Habits& habits, MetaHistory& history) {
  return std::make_unique<MetaWriter>(std::move(client), habits, history);
}

}  // namespace sim
