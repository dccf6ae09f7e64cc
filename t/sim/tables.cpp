// Readers that outlive what is kept, and tables that are dropped under them (F3, H2, H3).
#include <algorithm>

#include "codec/archive.hpp"
#include "env/dropped.hpp"
#include "proto/collect.hpp"
#include "proto/meta_keys.hpp"
#include "workloads.hpp"

namespace sim {

namespace {

using ddb::Bytes;
using ddb::env::MetaRange;
using ddb::env::MetaTxnResult;
using ddb::proto::OracleReply;
using Rows = std::vector<ddb::env::KeyValue>;

constexpr const char* version_key = "schema/version";
constexpr uint64_t tables_max = 90;

template <class T>
const T* get(const ddb::Result<OracleReply>& reply) {
  return reply ? std::get_if<T>(&*reply) : nullptr;
}

bool same(const Rows& a, const Rows& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) { return x.key == y.key && x.value == y.value; });
}

uint64_t version_in(const MetaRange& range) {
  return range.entries.empty() ? 0 : ddb::codec::decode<uint64_t>(range.entries.front().value).value_or(0);
}

ddb::Revision revision_in(const MetaRange& range) {
  return range.entries.empty() ? ddb::Revision{} : range.entries.front().mod_revision;
}

class OldReader final : public Loop {
 public:
  OldReader(std::unique_ptr<Client> client, const Habits& habits, const Tables& tables)
      : Loop{std::move(client), habits}, tables_{tables} {}

 private:
  static constexpr uint64_t lease_ms = 3000;

  void operate() override {
    const uint64_t table = tables_.last;
    const ddb::env::KeySpan spans[] = {{"a", "b"}, {"k", "l"}, {"l", "m"}, {"r", "s"}, Tables::span_of(table), Tables::span_of(table)};
    const size_t drawn = world().random().below(std::size(spans));
    span_ = spans[drawn];
    lease_ = {};
    protected_ = false;
    client().begin(60s);
    client().scan(span_, [this, table, of_table = drawn >= 4](const ddb::Result<Rows>& rows) {
      if (!rows) return done(false);
      seen_ = *rows;
      of_table ? if_in_use(table) : begin_to_wait();
    });
  }

  /// A table that was dropped before the reader began is not his to read.
  void if_in_use(uint64_t table) {
    client().oracle().call(ddb::proto::MetaRangeRequest{version_key, {}}, 2s, [this, table](const ddb::Result<OracleReply>& reply) {
      const auto* range = get<MetaRange>(reply);
      if (range == nullptr || version_in(*range) != table) return done(false);
      begin_to_wait();
    });
  }

  void begin_to_wait() {
    until_ = world().now() + world().between(500ms, 12s);
    world().chance(0.7) ? take_lease() : wait();
  }

  /// As client::Readers.
  void take_lease() {
    client().oracle().call(ddb::proto::LeaseGrantRequest{lease_ms}, 2s, [this](const ddb::Result<OracleReply>& reply) {
      const auto* granted = get<ddb::proto::LeaseReply>(reply);
      if (granted == nullptr) return wait();
      lease_ = granted->lease;
      const Bytes prefix = ddb::proto::collect_prefix;
      client().oracle().call(ddb::proto::MetaRangeRequest{prefix, ddb::prefix_end(prefix)}, 2s,
                             [this](const ddb::Result<OracleReply>& read) { protect(read); });
    });
  }

  void protect(const ddb::Result<OracleReply>& read) {
    const auto* range = get<MetaRange>(read);
    if (range == nullptr) return wait();
    const auto state = ddb::proto::read_collect_state(*range);
    require(state.has_value(), "what may be collected cannot be read");
    auto request = ddb::proto::protect_reader(*state, client().read_ts(), lease_);
    if (!request) return wait();
    client().oracle().call(std::move(*request), 2s, [this](const ddb::Result<OracleReply>& reply) {
      const auto* result = get<MetaTxnResult>(reply);
      protected_ = result != nullptr && result->succeeded;
      wait();
    });
  }

  void wait() {
    if (stopped_ || world().now() >= until_) return look_again();
    if (protected_) client().oracle().call(ddb::proto::LeaseKeepAliveRequest{lease_}, 1s, [](const auto&) {});
    world().after(700ms, [this] { wait(); });
  }

  void look_again() {
    client().scan(span_, [this](const ddb::Result<Rows>& rows) {
      if (rows) {
        require(same(seen_, *rows), "a snapshot has changed: what begins with " + span_.start);
        return end(true);
      }
      if (rows.error().code != ddb::Code::too_old || !protected_) return end(false);
      // A lease that is there has always been: so was what stands under it.
      client().oracle().call(ddb::proto::LeaseKeepAliveRequest{lease_}, 2s, [this](const ddb::Result<OracleReply>& kept) {
        require(get<ddb::proto::LeaseReply>(kept) == nullptr, "what a protected reader reads has been collected");
        end(false);
      });
    });
  }

  void end(bool succeeded) {
    if (lease_) client().oracle().call(ddb::proto::LeaseRevokeRequest{lease_}, 1s, [](const auto&) {});
    done(succeeded);
  }

  const Tables& tables_;
  ddb::env::KeySpan span_;
  Rows seen_;
  Instant until_{};
  ddb::LeaseId lease_;
  bool protected_ = false;
};

class TableClient final : public Loop {
 public:
  TableClient(std::unique_ptr<Client> client, const Habits& habits, Tables& tables, uint64_t gateway)
      : Loop{std::move(client), habits}, tables_{tables}, key_{ddb::proto::gateway_prefix + ddb::proto::meta_id(gateway)} {}

 private:
  void operate() override {
    if (version_ == 0 || world().chance(0.15)) return look();
    client().begin();
    world().chance(0.6) ? insert() : scan();
  }

  /// Nothing is under way meanwhile; from then on, whatever becomes of it, no earlier table is used.
  void look() {
    client().oracle().call(ddb::proto::MetaRangeRequest{version_key, {}}, 2s, [this](const ddb::Result<OracleReply>& reply) {
      const auto* range = get<MetaRange>(reply);
      if (range == nullptr) return done(false);
      const uint64_t version = version_in(*range);
      ddb::proto::MetaTxnRequest request;
      request.compares = {{version_key, revision_in(*range)}};
      request.ops = {{key_, ddb::codec::encode(version), {}, {}}};
      if (version_ < version) version_ = 0;
      client().oracle().call(std::move(request), 2s, [this, version](const ddb::Result<OracleReply>& put) {
        const auto* result = get<MetaTxnResult>(put);
        const bool taken = result != nullptr && result->succeeded;
        if (taken) version_ = version;
        done(taken);
      });
    });
  }

  void insert() {
    const Bytes key = Tables::span_of(version_).start + std::to_string(world().fresh_id() % 10) + "-" + std::to_string(world().fresh_id());
    commit({{ddb::env::WriteKind::insert, key, "row"}}, [this, key, version = version_](const auto& result) {
      if (result) tables_.written[version].insert(key);
      done(result.has_value());
    });
  }

  /// Linearizable: what was heard of before this began is there.
  void scan() {
    client().scan(Tables::span_of(version_), [this, expected = tables_.written[version_]](const ddb::Result<Rows>& rows) {
      if (!rows) return done(false);
      std::set<Bytes> found;
      for (const auto& row : *rows) found.insert(row.key);
      require(std::ranges::includes(found, expected), "a row of a table that is in use is gone");
      done(true);
    });
  }

  Tables& tables_;
  const Bytes key_;
  uint64_t version_ = 0;  // zero: none that it may use
};

class Dropper final : public Loop {
 public:
  Dropper(std::unique_ptr<Client> client, Tables& tables) : Loop{std::move(client), {.pause_max = 4s}}, tables_{tables} {}

 private:
  void operate() override {
    client().oracle().call(ddb::proto::MetaRangeRequest{version_key, {}}, 2s, [this](const ddb::Result<OracleReply>& reply) {
      const auto* range = get<MetaRange>(reply);
      if (range == nullptr) return done(false);
      tables_.last = version_in(*range);
      if (tables_.last == tables_max || stopped_) return done(false);
      drop(version_in(*range), revision_in(*range));
    });
  }

  void drop(uint64_t table, ddb::Revision seen) {
    ddb::proto::MetaTxnRequest request;
    request.compares = {{version_key, seen}};
    request.ops = {{version_key, ddb::codec::encode(table + 1), {}, {}}};
    if (table > 0) {
      const ddb::env::Dropped dropped{{Tables::span_of(table)}, table + 1, {}};
      request.ops.push_back({ddb::env::dropped_prefix + std::to_string(table), ddb::codec::encode(dropped), {}, {}});
    }
    client().oracle().call(std::move(request), 2s, [this](const ddb::Result<OracleReply>& reply) {
      const auto* result = get<MetaTxnResult>(reply);
      done(result != nullptr && result->succeeded);
    });
  }

  Tables& tables_;
};

}  // namespace

ddb::env::KeySpan Tables::span_of(uint64_t table) {
  const auto bound = [](uint64_t number) { return "d" + Bytes(number < 10 ? 1 : 0, '0') + std::to_string(number); };
  return {bound(table), bound(table + 1)};
}

std::unique_ptr<Workload> make_old_reader(std::unique_ptr<Client> client, const Habits& habits, const Tables& tables) {
  return std::make_unique<OldReader>(std::move(client), habits, tables);
}
std::unique_ptr<Workload> make_table_client(std::unique_ptr<Client> client, const Habits& habits, Tables& tables, uint64_t gateway) {
  return std::make_unique<TableClient>(std::move(client), habits, tables, gateway);
}
std::unique_ptr<Workload> make_dropper(std::unique_ptr<Client> client, Tables& tables) {
  return std::make_unique<Dropper>(std::move(client), tables);
}

}  // namespace sim
