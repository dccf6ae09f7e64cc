#include "client/readers.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "proto/collect.hpp"

namespace ddb::client {

namespace {

constexpr Duration advance_min = std::chrono::seconds{30};          // a protection moves up by this at least

}  // namespace

//   idle --one grows old--> asking --granted--> protecting <--moves up, is renewed--> protecting
//                             ^ |                    |
//                             '-' look again         '--none is old, or the lease is lost--> idle
struct Readers::Impl : std::enable_shared_from_this<Impl> {
  struct Entry {
    Instant since;
    std::function<Timestamp()> read_ts;
  };

  Impl(OracleClient& the_oracle, const ReadersOptions& with) : oracle{the_oracle}, options{with}, timer{oracle.loop()} {}

  void look_later() {
    if (timer.pending() || (readers.empty() && !lease && !busy)) return;
    timer.after(options.look_interval, [this] { look(); });
  }

  void look() {
    look_later();
    if (busy) return;
    const auto lowest = lowest_of_the_old();
    if (!lowest) return release();
    if (!lease) return take_lease();
    if (net::Loop::now() >= renew_at) return renew();
    const bool may_advance = *lowest > Timestamp{guarded.value + Timestamp::of(advance_min / std::chrono::milliseconds{1}, 0).value};
    if (!guarded || *lowest < guarded || may_advance) protect();
  }

  /// Of those that are old, and not lost already.
  std::optional<Timestamp> lowest_of_the_old() const {
    std::optional<Timestamp> lowest;
    for (const auto& [id, reader] : readers) {
      if (net::Loop::now() - reader.since < options.protect_after) break;  // by id, so by age
      const Timestamp ts = reader.read_ts();
      if (ts && ts >= allowed && (!lowest || ts < *lowest)) lowest = ts;
    }
    return lowest;
  }

  void take_lease() {
    busy = true;
    renew_at = net::Loop::now() + options.lease_ttl / 4;
    oracle.grant(static_cast<uint64_t>(options.lease_ttl / std::chrono::milliseconds{1}),
                 [self = weak_from_this()](Result<proto::LeaseReply> granted) {
                   const auto impl = self.lock();
                   if (!impl) return;
                   impl->busy = false;
                   if (!granted) return;
                   impl->lease = granted->lease;
                   impl->protect();
                 });
  }

  void protect() {
    busy = true;
    oracle.range(proto::collect_prefix, prefix_end(proto::collect_prefix), [self = weak_from_this()](Result<env::MetaRange> range) {
      if (const auto impl = self.lock()) impl->ask(range);
    });
  }

  void ask(const Result<env::MetaRange>& range) {
    busy = false;
    const auto state = range ? proto::read_collect_state(*range) : std::unexpected(range.error());
    if (!state) return;
    allowed = state->allowed;
    const auto lowest = lowest_of_the_old();
    auto request = lowest ? proto::protect_reader(*state, *lowest, lease) : std::nullopt;
    if (!request) return;
    busy = true;
    oracle.txn(std::move(request->compares), std::move(request->ops),
               [self = weak_from_this(), ts = *lowest](const Result<env::MetaTxnResult>& done) {
                 if (const auto impl = self.lock()) impl->answered(ts, done);
               });
  }

  /// Not granted: the next look asks again. Unknown: it may stand at the old place or the new one, and is asked for again.
  void answered(Timestamp ts, const Result<env::MetaTxnResult>& done) {
    busy = false;
    if (done && done->succeeded) guarded = ts;
    if (!done && done.error().code == Code::not_found) lose();
  }

  void renew() {
    busy = true;
    renew_at = net::Loop::now() + options.lease_ttl / 4;
    oracle.keep_alive(lease, [self = weak_from_this()](const Result<proto::LeaseReply>& kept) {
      const auto impl = self.lock();
      if (!impl) return;
      impl->busy = false;
      if (!kept && kept.error().code == Code::not_found) impl->lose();
    });
  }

  /// With the lease goes what stands under it.
  void release() {
    if (!lease) return;
    oracle.revoke(lease, [](const Result<proto::DoneReply>&) {});
    lose();
  }

  void lose() {
    lease = {};
    guarded = {};
  }

  OracleClient& oracle;
  const ReadersOptions options;
  net::Timer timer;
  uint64_t last_id = 0;
  std::map<uint64_t, Entry> readers;
  bool busy = false;   // a request is under way
  LeaseId lease;       // zero: none
  Timestamp guarded;   // what is protected under it; zero: nothing
  Timestamp allowed;   // thresholds may be here already
  Instant renew_at{};
};

Readers::Readers(OracleClient& oracle, const ReadersOptions& options) : impl_{std::make_shared<Impl>(oracle, options)} {}

Readers::~Readers() { impl_->timer.cancel(); }

Readers::Reader::Reader(const std::shared_ptr<Impl>& readers, std::function<Timestamp()> read_ts)
    : readers_{readers}, id_{++readers->last_id} {
  readers->readers.emplace(id_, Impl::Entry{net::Loop::now(), std::move(read_ts)});
  readers->look_later();
}

Readers::Reader::~Reader() {
  if (const auto readers = readers_.lock()) readers->readers.erase(id_);
}

}  // namespace ddb::client
