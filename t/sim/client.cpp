#include "client.hpp"

#include "env/span.hpp"

namespace sim {

namespace {
constexpr Duration unknown_delay = 15ms;
constexpr Duration renew_interval = 400ms;  // V4: below what the ranges' patience is
constexpr uint32_t page_rows_max = 5;
}  // namespace

Client::Client(World& world, Network& network, Endpoint self, const Directory& directory)
    : world_{world}, oracle_{world, network, self, directory.oracles}, router_{world, network, self, directory, oracle_} {
  network.attach(self, [this](Endpoint from, const Packet& packet) {
    const auto* reply = std::get_if<ddb::proto::ClientReply>(packet.get());
    if (reply != nullptr && !router_.received(*reply)) oracle_.received(from, *reply);
  });
}

void Client::begin(Duration limit) {
  vanish();
  const size_t staging_keys_max = world_.chance(0.2) ? 1 : 1024;  // P2: some are too large to be staged
  coordinator_ = std::make_unique<ddb::txn::Coordinator>(ddb::txn::Options{.ranges = &router_.map(), .staging_keys_max = staging_keys_max});
  later(limit, [this] {
    coordinator_->give_up();
    pump();
  });
}

void Client::vanish() {
  ++transaction_;
  coordinator_.reset();
  reads_.clear();
  commit_ = nullptr;
}

void Client::later(Duration delay, std::function<void()> f) {
  world_.after(delay, [this, alive = alive_, transaction = transaction_, f = std::move(f)] {
    if (*alive && transaction == transaction_ && coordinator_) f();
  });
}

void Client::read_piece(ddb::Bytes key, ddb::proto::ReadRequest request, PieceDone done) {
  reads_[coordinator_->read(std::move(key), std::move(request))] = std::move(done);
}

/// Now and then for an update (K3), whether one follows or not.
void Client::read_key(const ddb::Bytes& key, PieceDone done) {
  if (world_.chance(0.3)) {
    reads_[coordinator_->read_for_update(key)] = std::move(done);
    return;
  }
  ddb::proto::ReadRequest request;
  request.keys = {key};
  read_piece(key, std::move(request), std::move(done));
}

/// Each key by itself: whatever range it is in.
void Client::read(const std::vector<ddb::Bytes>& keys, ReadDone done) {
  const auto gather = std::make_shared<Gather>();
  gather->values.resize(keys.size());
  gather->left = keys.size();
  gather->done = std::move(done);
  for (size_t i = 0; i < keys.size(); ++i) {
    read_key(keys[i], [gather, i](ddb::Result<ddb::proto::ReadReply> reply) {
      if (gather->failed) return;
      gather->failed = !reply;
      if (!reply) return gather->done(std::unexpected(reply.error()));
      gather->values[i] = std::move(reply->values.at(0));
      if (--gather->left == 0) gather->done(std::move(gather->values));
    });
  }
  pump();
}

void Client::scan(ddb::env::KeySpan span, ScanDone done) {
  scan_piece(std::make_shared<Scan>(std::move(span), std::vector<ddb::env::KeyValue>{}, std::move(done)));
}

/// A page, of one range.
void Client::scan_piece(std::shared_ptr<Scan> scan) {
  const auto* route = router_.map().find(scan->rest.start);
  if (route == nullptr) {
    router_.refresh();
    return later(unknown_delay, [this, scan] { scan_piece(scan); });
  }
  ddb::proto::ReadRequest request;
  request.scan = ddb::env::intersect(scan->rest, route->descriptor.span);
  request.rows_max = 1 + static_cast<uint32_t>(world_.random().below(page_rows_max));
  request.bytes_max = 1 << 20;
  const ddb::Bytes end = request.scan->end;
  read_piece(scan->rest.start, std::move(request), [this, scan, end](ddb::Result<ddb::proto::ReadReply> reply) {
    if (!reply && reply.error().code == ddb::Code::wrong_range) return scan_piece(scan);
    if (!reply) return scan->done(std::unexpected(reply.error()));
    scan->rows.insert(scan->rows.end(), reply->rows.begin(), reply->rows.end());
    scan->rest.start = reply->rest ? reply->rest->start : end;
    if (!reply->rest && end == scan->rest.end) return scan->done(std::move(scan->rows));
    scan_piece(scan);
  });
  pump();
}

void Client::commit(std::vector<ddb::env::Write> writes, CommitDone done) {
  commit_ = std::move(done);
  coordinator_->commit(std::move(writes));
  pump();
  renew_later();
}

/// V4.
void Client::renew_later() {
  later(renew_interval, [this] {
    if (!commit_) return;
    coordinator_->renew();
    pump();
    renew_later();
  });
}

void Client::pump() {
  while (coordinator_ && coordinator_->has_effects()) {
    auto effects = coordinator_->take();
    const uint64_t transaction = transaction_;
    if (effects.want_timestamp) {
      oracle_.call(ddb::proto::TimestampRequest{1}, 2s, [this, transaction](ddb::Result<ddb::proto::OracleReply> reply) {
        if (transaction != transaction_ || !coordinator_) return;
        const auto* got = reply ? std::get_if<ddb::proto::TimestampReply>(&*reply) : nullptr;
        coordinator_->timestamp(got ? ddb::Result<ddb::Timestamp>{got->first}
                                    : ddb::fail(ddb::Code::unavailable, "no timestamp"));
        pump();
      });
    }
    for (const auto& wanted : effects.sends) send(wanted);
    for (auto& read : effects.reads) {
      const auto done = reads_.extract(read.id);
      if (done) done.mapped()(std::move(read.reply));
      if (transaction != transaction_) return;
    }
    if (effects.outcome && commit_) {
      // The coordinator goes on to clear up, until the client begins anew.
      const auto done = std::exchange(commit_, nullptr);
      done(std::move(*effects.outcome));
      if (transaction != transaction_) return;
    }
  }
}

void Client::send(const ddb::txn::Send& wanted) {
  router_.send(wanted, [this, transaction = transaction_, token = wanted.token](ddb::Result<ddb::proto::RangeReply> reply) {
    if (transaction != transaction_ || !coordinator_) return;
    deliver(*coordinator_, token, std::move(reply));
    pump();
  });
}

}  // namespace sim
