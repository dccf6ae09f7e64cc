#include "client/txn_runner.hpp"

#include <map>
#include <utility>

#include "env/span.hpp"

namespace ddb::client {

namespace {

using Values = std::vector<std::optional<Bytes>>;

constexpr int regroup_max = 16;  // times that ranges may change under one read
constexpr Duration renew_interval = std::chrono::seconds{2};  // V4: well below what the ranges' patience is

struct Get {
  std::vector<Bytes> keys;
  Values values;
  Done<Values> done;  // empty once called
  size_t reads_left = 0;
  int regroupings = 0;
};

txn::Options with_ranges(txn::Options options, const txn::Ranges& ranges) {
  options.ranges = &ranges;
  return options;
}

}  // namespace

struct Txn::Impl : std::enable_shared_from_this<Impl> {
  using ReadCallback = Scans::Answered;

  Impl(Cluster& the_cluster, const txn::Options& options)
      : cluster{the_cluster},
        coordinator{with_ranges(options, the_cluster.ranges().map())},
        scans{the_cluster.ranges().map(),
              {.start = [this](const Bytes& key, proto::ReadRequest request,
                               ReadCallback callback) { return read(key, std::move(request), std::move(callback)); },
               .drop = [this](uint64_t id) { drop(id); }}} {}

  ~Impl() {
    cluster.figures().restarts += coordinator.restarts();
    cluster.figures().recoveries += coordinator.recovered();
  }

  void start_clock() { deadline = net::Loop::now() + cluster.options().timeout; }

  // What the coordinator wants done.
  void pump();
  void count(const Result<Timestamp>& outcome);
  void renew_later();
  void want_timestamp();
  void send(txn::Send send);
  void answered(uint64_t token, Result<proto::RangeReply> reply);
  uint64_t read(const Bytes& key, proto::ReadRequest request, ReadCallback callback);
  ReadCallback traced(const Bytes& key, ReadCallback callback);
  void drop(uint64_t read);
  void read_for_update(const Bytes& key, Done<std::optional<Bytes>> done);

  void with_map(std::function<void()> next, std::function<void(const Error&)> failed);
  void get(std::shared_ptr<Get> op, const std::vector<size_t>& wanted);
  void get_group(const std::shared_ptr<Get>& op, std::vector<size_t> group);

  Cluster& cluster;
  txn::Coordinator coordinator;
  Instant deadline{};  // of the call under way
  std::map<uint64_t, ReadCallback> reads;
  std::vector<env::ReadTrace>* trace = nullptr;
  Scans scans;
  Done<Timestamp> committed;
  bool writes = false;  // what is being committed
  bool ended = false;   // the outcome is out
  std::optional<net::Timer> renewal;
};

void Txn::Impl::pump() {
  const auto self = shared_from_this();  // a callback may drop the transaction
  while (coordinator.has_effects()) {
    auto effects = coordinator.take();
    if (effects.want_timestamp) want_timestamp();
    for (auto& wanted : effects.sends) send(std::move(wanted));
    for (auto& read : effects.reads) {
      auto callback = reads.extract(read.id);
      if (callback) callback.mapped()(std::move(read.reply));  // else it was dropped meanwhile
    }
    if (effects.outcome) {
      ended = true;
      renewal.reset();
      count(*effects.outcome);
      committed(std::move(*effects.outcome));
    }
  }
  if (!ended && !renewal && coordinator.over_several_ranges()) renew_later();
}

/// V4.
void Txn::Impl::renew_later() {
  if (!renewal) renewal.emplace(cluster.loop());
  renewal->after(renew_interval, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->ended) return;
    self->renew_later();
    self->coordinator.renew();
    self->pump();
  });
}

void Txn::Impl::count(const Result<Timestamp>& outcome) {
  if (!writes) return;
  Figures& figures = cluster.figures();
  ++(!outcome ? figures.commits_failed : coordinator.over_several_ranges() ? figures.commits_several_ranges : figures.commits_one_range);
}

void Txn::Impl::want_timestamp() {
  cluster.oracle().timestamp([self = shared_from_this()](Result<Timestamp> ts) {
    self->coordinator.timestamp(std::move(ts));
    self->pump();
  });
}

void Txn::Impl::send(txn::Send wanted) {
  cluster.router().send(wanted.key, std::move(wanted.body), wanted.repeats, deadline,
                        [self = shared_from_this(), token = wanted.token](Result<proto::RangeReply> reply) {
                          self->answered(token, std::move(reply));
                        });
}

void Txn::Impl::answered(uint64_t token, Result<proto::RangeReply> reply) {
  if (reply) {
    coordinator.reply(token, std::move(*reply));
  } else if (reply.error().code == Code::wrong_range || reply.error().code == Code::too_long) {
    coordinator.reply(token, std::move(reply.error()));
  } else {
    coordinator.no_answer(token, reply.error());
  }
  if (net::Loop::now() >= deadline) coordinator.give_up();
  pump();
}

uint64_t Txn::Impl::read(const Bytes& key, proto::ReadRequest request, ReadCallback callback) {
  const uint64_t id = coordinator.read(key, std::move(request));
  reads.emplace(id, trace == nullptr ? std::move(callback) : traced(key, std::move(callback)));
  return id;
}

Txn::Impl::ReadCallback Txn::Impl::traced(const Bytes& key, ReadCallback callback) {
  return [this, key, callback = std::move(callback)](Result<proto::ReadReply> reply) mutable {
    if (reply && trace != nullptr) {
      const auto* route = cluster.ranges().map().find(key);
      env::ReadTrace& line = trace->emplace_back(key, route != nullptr ? route->descriptor.id : RangeId{});
      for (const auto& value : reply->values) {
        line.rows += value ? 1 : 0;
        line.bytes += value ? value->size() : 0;
      }
      line.rows += reply->rows.size();
      for (const auto& row : reply->rows) line.bytes += row.key.size() + row.value.size();
    }
    callback(std::move(reply));
  };
}

void Txn::Impl::drop(uint64_t read) {
  coordinator.drop(read);
  reads.erase(read);
}

void Txn::Impl::read_for_update(const Bytes& key, Done<std::optional<Bytes>> done) {
  ReadCallback callback = [done = std::move(done)](Result<proto::ReadReply> reply) mutable {
    if (!reply) return done(std::unexpected(std::move(reply.error())));
    done(std::move(reply->values.front()));
  };
  reads.emplace(coordinator.read_for_update(key), trace == nullptr ? std::move(callback) : traced(key, std::move(callback)));
}

/// Reads are cut by range: the map must be there.
void Txn::Impl::with_map(std::function<void()> next, std::function<void(const Error&)> failed) {
  if (cluster.ranges().loaded()) return next();
  cluster.ranges().load([self = shared_from_this(), next = std::move(next), failed = std::move(failed)](Result<void> loaded) {
    if (!loaded) return failed(loaded.error());
    next();
    self->pump();
  });
}

void Txn::Impl::get(std::shared_ptr<Get> op, const std::vector<size_t>& wanted) {
  std::map<RangeId, std::vector<size_t>> groups;
  for (const size_t i : wanted) {
    const auto* route = cluster.ranges().map().find(op->keys[i]);
    groups[route != nullptr ? route->descriptor.id : RangeId{}].push_back(i);
  }
  op->reads_left += groups.size();
  for (auto& [range, group] : groups) get_group(op, std::move(group));
}

void Txn::Impl::get_group(const std::shared_ptr<Get>& op, std::vector<size_t> group) {
  proto::ReadRequest request;
  for (const size_t i : group) request.keys.push_back(op->keys[i]);
  const Bytes key = request.keys.front();
  read(key, std::move(request), [this, op, group = std::move(group)](Result<proto::ReadReply> reply) mutable {
    --op->reads_left;
    if (!op->done) return;
    if (!reply && reply.error().code == Code::wrong_range && ++op->regroupings <= regroup_max) return get(op, group);
    if (!reply) return std::exchange(op->done, nullptr)(std::unexpected(std::move(reply.error())));
    for (size_t i = 0; i < group.size(); ++i) op->values[group[i]] = std::move(reply->values[i]);
    if (op->reads_left == 0) std::exchange(op->done, nullptr)(std::move(op->values));
  });
}

Txn::Txn(Cluster& cluster, const txn::Options& options)
    : impl_{std::make_shared<Impl>(cluster, options)},
      reader_{cluster.readers().add([impl = impl_.get()] { return impl->coordinator.read_ts(); })} {}

Txn::~Txn() {
  impl_->trace = nullptr;
  impl_->scans.leave_all();
  impl_->coordinator.leave();
  impl_->start_clock();
  impl_->pump();
}

void Txn::get(std::vector<Bytes> keys, Done<Values> done) {
  auto op = std::make_shared<Get>();
  op->values.resize(keys.size());
  op->keys = std::move(keys);
  op->done = std::move(done);
  if (op->keys.empty()) return op->done(Values{});
  impl_->start_clock();
  std::vector<size_t> all(op->keys.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  impl_->with_map([impl = impl_.get(), op, all = std::move(all)] { impl->get(op, all); },
                  [op](const Error& error) { op->done(std::unexpected(error)); });
  impl_->pump();
}

void Txn::get_for_update(Bytes key, Done<std::optional<Bytes>> done) {
  impl_->start_clock();
  impl_->read_for_update(key, std::move(done));
  impl_->pump();
}

void Txn::scan(env::ScanRequest request, Done<env::ScanPage> done) {
  if (is_empty(request.span)) return done(env::ScanPage{});
  impl_->start_clock();
  const auto waiting = std::make_shared<Done<env::ScanPage>>(std::move(done));
  impl_->with_map([impl = impl_.get(), request = std::move(request), waiting] { impl->scans.scan(request, std::move(*waiting)); },
                  [waiting](const Error& error) { (*waiting)(std::unexpected(error)); });
  impl_->pump();
}

void Txn::leave(const env::KeySpan& rest) { impl_->scans.leave(rest); }

void Txn::trace(std::vector<env::ReadTrace>* to) { impl_->trace = to; }

void Txn::commit(std::vector<env::Write> writes, Done<Timestamp> done) {
  impl_->scans.leave_all();
  impl_->committed = std::move(done);
  impl_->writes = !writes.empty();
  impl_->start_clock();
  impl_->coordinator.commit(std::move(writes));
  impl_->pump();
}

Timestamp Txn::read_ts() const { return impl_->coordinator.read_ts(); }
uint32_t Txn::restarts() const { return impl_->coordinator.restarts(); }

}  // namespace ddb::client
