// What simulated clients do, and what must be true of the answers.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "loop.hpp"

namespace sim {

/// What these see is judged at the end: Record::check().
std::unique_ptr<Workload> make_register_client(std::unique_ptr<Client> client, const Habits& habits, Record& record, size_t registers);
std::unique_ptr<Workload> make_list_client(std::unique_ptr<Client> client, const Habits& habits, Record& record);
std::unique_ptr<Workload> make_set_client(std::unique_ptr<Client> client, const Habits& habits, Record& record, int& size);

/// A bank: transfers between accounts, and readers that must always see the same sum.
struct Bank {
  static constexpr size_t accounts = 5;
  static constexpr int64_t opening_balance = 100;
};
std::unique_ptr<Workload> make_bank_client(std::unique_ptr<Client> client, const Habits& habits);

/// Pairs of rows of which at most one may ever be seen.
std::unique_ptr<Workload> make_skew_client(std::unique_ptr<Client> client, const Habits& habits);

/// Tables that come and go (H3): of all there ever were, only the last one is in use.
struct Tables {
  std::map<uint64_t, std::set<ddb::Bytes>> written;  // by table: rows whose writers heard that they are there
  uint64_t last = 0;  // that may be in use

  static ddb::env::KeySpan span_of(uint64_t table);
};
/// A gateway: uses the table of the schema version that it said it is at, and no later one.
std::unique_ptr<Workload> make_table_client(std::unique_ptr<Client> client, const Habits& habits, Tables& tables, uint64_t gateway);
/// Drops the table in use, and makes the next.
std::unique_ptr<Workload> make_dropper(std::unique_ptr<Client> client, Tables& tables);

/// Reads a span twice in one transaction, with so much time between that what it reads would be collected. It sees the
/// same, or that it is too old; under a protection (F3, H2) it sees the same.
std::unique_ptr<Workload> make_old_reader(std::unique_ptr<Client> client, const Habits& habits, const Tables& tables);

/// Timestamps: unique, and above all that anyone had when they were asked for (O1).
struct TimestampHistory {
  ddb::Timestamp highest;                                // of all answers so far
  std::map<ddb::Timestamp, ddb::Timestamp> given;        // first to last

  void add(ddb::Timestamp highest_at_call, ddb::Timestamp first, uint32_t count);
};
std::unique_ptr<Workload> make_timestamp_client(std::unique_ptr<Client> client, const Habits& habits, TimestampHistory& history);

/// Metadata: writers whose successes are known, and watchers that must see each of them once and in order.
struct MetaHistory {
  std::map<ddb::Revision, ddb::Bytes> written;           // by acknowledged transactions: revision to value
  std::map<ddb::Revision, ddb::Revision> compared_with;  // of those that compared: the revision that the key had
};
std::unique_ptr<Workload> make_meta_writer(std::unique_ptr<Client> client, const Habits& habits, MetaHistory& history);

class Watcher {
 public:
  Watcher(std::unique_ptr<Client> client, std::vector<Endpoint> oracles);
  void start();
  ddb::Revision reached() const { return reached_; }
  /// Every acknowledged write is among the events, and they add up to `now`.
  void check(const MetaHistory& history, const ddb::env::MetaRange& now) const;

 private:
  void watch();
  void changed(const ddb::proto::WatchReply& reply);
  void look_alive();

  std::unique_ptr<Client> client_;
  std::vector<Endpoint> oracles_;
  size_t oracle_ = 0;
  uint64_t request_ = 0;
  Instant heard_{};
  ddb::Revision reached_{};
  std::vector<ddb::env::MetaEvent> events_;
};

}  // namespace sim
