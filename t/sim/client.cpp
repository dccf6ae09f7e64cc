#include "router.hpp"

#include "codec/archive.hpp"
#include "env/span.hpp"
#include "proto/within.hpp"
#include "proto/meta_keys.hpp"

namespace sim {

namespace {
constexpr Duration request_timeout = 400ms;
constexpr Duration repeat_delay = 15ms;
constexpr Duration transaction_timeout = 8s;
constexpr uint32_t page_rows_max = 5;
}  // namespace

Client::Client(World& world, Network& network, Endpoint self, const Directory& directory)
    : world_{world}, network_{network}, self_{self}, directory_{directory}, oracle_{world, network, self, directory.oracles} {
  network_.attach(self_, [this](Endpoint from, const Packet& packet) {
    const auto* reply = std::get_if<ddb::proto::ClientReply>(packet.get());
    if (reply == nullptr) return;
    if (requests_.contains(reply->id)) {
      received(*reply);
    } else {
      oracle_.received(from, *reply);
    }
  });
}

void Client::begin() {
  vanish();
  coordinator_ = std::make_unique<ddb::txn::Coordinator>(ddb::txn::Options{.ranges = &map_});
  later(transaction_timeout, [this] {
    coordinator_->give_up();
    pump();
  });
}

void Client::vanish() {
  ++transaction_;
  coordinator_.reset();
  reads_.clear();
  requests_.clear();
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
  const auto* route = map_.find(scan->rest.start);
  if (route == nullptr) {
    refresh();
    return later(repeat_delay, [this, scan] { scan_piece(scan); });
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
    for (const auto& send : effects.sends) {
      if (send.repeats == 0) {
        route(send.token, send.key, send.body);
      } else {
        later(repeat_delay, [this, send] {
          route(send.token, send.key, send.body);
          pump();
        });
      }
    }
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

void Client::route(uint64_t token, const ddb::Bytes& key, std::shared_ptr<const ddb::proto::RangeRequestBody> body) {
  const auto* route = map_.find(key);
  if (route == nullptr) {
    refresh();
    return coordinator_->no_answer(token, {ddb::Code::unavailable, "no range is known that holds the key", {}, {}});
  }
  if (!ddb::proto::is_within(*body, route->descriptor.span)) {
    return coordinator_->reply(token, ddb::Error{ddb::Code::wrong_range, "the request spans several ranges", {}, {}});
  }
  const auto target = ddb::client::RangeMap::targets(*route).front();
  const uint64_t id = world_.fresh_id();
  requests_[id] = {token, transaction_, route->descriptor.id, target.id};
  const auto endpoint = directory_.stores.find(target.store);
  if (endpoint != directory_.stores.end()) {
    network_.send(self_, endpoint->second,
                  ddb::proto::ClientRequest{id, route->descriptor.id,
                                            ddb::codec::encode(ddb::proto::RangeRequest{route->descriptor.epoch, *body})});
  }
  later(request_timeout, [this, id] { timed_out(id); });
}

void Client::received(const ddb::proto::ClientReply& reply) {
  const Request request = requests_.extract(reply.id).mapped();
  if (request.transaction != transaction_ || !coordinator_) return;
  auto body = ddb::codec::decode<ddb::proto::RangeReply>(reply.body);
  require(body.has_value(), "a range's reply cannot be read");
  if (const auto* redirect = std::get_if<ddb::proto::Redirect>(&*body)) {
    map_.learn(*redirect, request.range);
    if (!redirect->leader || redirect->leader == request.replica) map_.suspect(request.range, request.replica);
  }
  coordinator_->reply(request.token, std::move(*body));
  pump();
}

void Client::timed_out(uint64_t id) {
  const auto request = requests_.extract(id);
  if (!request) return;
  map_.suspect(request.mapped().range, request.mapped().replica);
  coordinator_->no_answer(request.mapped().token, {ddb::Code::unknown_outcome, "no answer", {}, {}});
  pump();
}

void Client::refresh() {
  if (std::exchange(refreshing_, true)) return;
  const ddb::Bytes prefix = ddb::proto::range_prefix;
  oracle_.call(ddb::proto::MetaRangeRequest{prefix, ddb::prefix_end(prefix)}, 1s, [this](ddb::Result<ddb::proto::OracleReply> reply) {
    refreshing_ = false;
    const auto* entries = reply ? std::get_if<ddb::env::MetaRange>(&*reply) : nullptr;
    if (entries == nullptr) return;
    for (const auto& entry : entries->entries) {
      if (const auto info = ddb::codec::decode<ddb::proto::RangeInfo>(entry.value)) map_.learn(*info);
    }
  });
}

}  // namespace sim
