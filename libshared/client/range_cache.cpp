#include "client/range_cache.hpp"

#include <charconv>
#include <utility>
#include <vector>

#include "codec/archive.hpp"

namespace ddb::client {

namespace {

constexpr Duration time_to_live = std::chrono::seconds{60};  // of the map, while no watch speaks

/// The id at the end of range/<id> and node/<id>; zero: none.
uint64_t id_of(BytesView key, BytesView prefix) {
  uint64_t id = 0;
  key.remove_prefix(std::min(prefix.size(), key.size()));
  std::from_chars(key.data(), key.data() + key.size(), id);
  return id;
}

}  // namespace

struct RangeCache::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(OracleClient& the_oracle) : oracle{the_oracle}, freshness{oracle.loop()} {}

  void learn(const env::MetaEntry& entry) {
    if (entry.key.starts_with(proto::range_prefix)) {
      if (const auto info = codec::decode<proto::RangeInfo>(entry.value)) map.learn(*info);
    } else {
      if (const auto node = codec::decode<proto::NodeInfo>(entry.value)) map.learn(*node);
    }
  }

  void changed(const env::MetaEvent& event) {
    const Bytes& key = event.entry.key;
    if (!event.deleted) return learn(event.entry);
    if (key.starts_with(proto::range_prefix)) map.forget(RangeId{id_of(key, proto::range_prefix)});
    else map.forget(NodeId{id_of(key, proto::node_prefix)});
  }

  /// Nodes first: a range is of no use without its nodes' addresses.
  void read() {
    reading = true;
    read_prefix(proto::node_prefix, node_watch, [this] {
      read_prefix(proto::range_prefix, range_watch, [this] { finished({}); });
    });
  }

  void read_prefix(const Bytes& prefix, OracleClient::WatchId& watch, std::function<void()> next) {
    oracle.range(prefix, prefix_end(prefix),
                 [self = weak_from_this(), prefix, &watch, next = std::move(next)](Result<env::MetaRange> range) {
                   const auto impl = self.lock();
                   if (!impl) return;
                   if (!range) return impl->finished(std::unexpected(range.error()));
                   for (const auto& entry : range->entries) impl->learn(entry);
                   impl->rewatch(prefix, range->revision.next(), watch);
                   next();
                 });
  }

  void rewatch(const Bytes& prefix, Revision from, OracleClient::WatchId& watch) {
    oracle.unwatch(watch);
    watch = oracle.watch(prefix, prefix_end(prefix), from,
                         {.changed =
                              [this](const proto::WatchReply& reply) {
                                heard = net::Loop::now();
                                for (const auto& event : reply.events) changed(event);
                              },
                          .lost =
                              [this](const Error&) {
                                if (!reading) read();
                              }});
  }

  void finished(Result<void> result) {
    reading = false;
    loaded = loaded || result;
    heard = net::Loop::now();
    freshness.after(time_to_live, [this] { check_freshness(); });
    for (auto& done : std::exchange(waiters, {})) done(result);
    if (!again.empty()) {
      waiters = std::exchange(again, {});
      read();
    }
  }

  void check_freshness() {
    const Duration age = net::Loop::now() - heard;
    if (age >= time_to_live && !reading) return read();
    freshness.after(time_to_live - std::min(age, time_to_live / 2), [this] { check_freshness(); });
  }

  OracleClient& oracle;
  RangeMap map;
  net::Timer freshness;
  Instant heard{};
  bool loaded = false;
  bool reading = false;
  std::vector<Done<void>> waiters;  // for the reading under way
  std::vector<Done<void>> again;    // for one that begins after it
  OracleClient::WatchId node_watch = 0;
  OracleClient::WatchId range_watch = 0;
};

RangeCache::RangeCache(OracleClient& oracle) : impl_{std::make_shared<Impl>(oracle)} {}

RangeCache::~RangeCache() {
  impl_->oracle.unwatch(impl_->node_watch);
  impl_->oracle.unwatch(impl_->range_watch);
  impl_->freshness.cancel();
}

RangeMap& RangeCache::map() { return impl_->map; }
bool RangeCache::loaded() const { return impl_->loaded; }

void RangeCache::load(Done<void> done) {
  if (impl_->reading) {
    impl_->again.push_back(std::move(done));
  } else {
    impl_->waiters.push_back(std::move(done));
    impl_->read();
  }
}

}  // namespace ddb::client
