#include "router.hpp"

#include "codec/archive.hpp"

namespace sim {

namespace {
constexpr Duration request_timeout = 400ms;
constexpr Duration repeat_delay = 15ms;
constexpr Duration transaction_timeout = 8s;
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
  coordinator_ = std::make_unique<ddb::txn::Coordinator>();
  reads_.clear();
  requests_.clear();
  commit_ = nullptr;
  world_.after(transaction_timeout, [this, alive = alive_, transaction = ++transaction_] {
    if (!*alive || transaction != transaction_ || !coordinator_) return;
    coordinator_->give_up();
    pump();
  });
}

void Client::read(std::vector<ddb::Bytes> keys, ReadDone done) {
  ddb::proto::ReadRequest request;
  request.keys = std::move(keys);
  const ddb::Bytes first = request.keys.front();
  reads_[coordinator_->read(first, std::move(request))] = std::move(done);
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
    if (effects.want_timestamp) {
      oracle_.call(ddb::proto::TimestampRequest{1}, 2s, [this, t = transaction_](ddb::Result<ddb::proto::OracleReply> reply) {
        if (t != transaction_ || !coordinator_) return;
        const auto* got = reply ? std::get_if<ddb::proto::TimestampReply>(&*reply) : nullptr;
        coordinator_->timestamp(got ? ddb::Result<ddb::Timestamp>{got->first}
                                    : ddb::fail(ddb::Code::unavailable, "no timestamp"));
        pump();
      });
    }
    for (const auto& request : effects.sends) send(request);
    const uint64_t transaction = transaction_;
    for (auto& read : effects.reads) {
      const auto done = reads_.extract(read.id);
      if (done) done.mapped()(std::move(read.reply));
      if (transaction != transaction_) return;
    }
    if (effects.outcome && commit_) {
      const auto done = std::exchange(commit_, nullptr);
      coordinator_.reset();
      done(std::move(*effects.outcome));
      return;
    }
  }
}

void Client::send(const ddb::txn::Send& send) {
  const uint64_t id = world_.fresh_id();
  requests_[id] = {send.token, transaction_};
  ddb::proto::RangeRequest request{{1, 1}, *send.body};
  auto go = [this, alive = alive_, id, body = ddb::codec::encode(request)] {
    if (!*alive || !requests_.contains(id)) return;
    network_.send(self_, directory_.nodes[guess_], ddb::proto::ClientRequest{id, ddb::RangeId{1}, body});
    world_.after(request_timeout, [this, alive, id] {
      if (*alive) timed_out(id);
    });
  };
  if (send.repeats == 0) return go();
  world_.after(repeat_delay, std::move(go));
}

void Client::received(const ddb::proto::ClientReply& reply) {
  const Request request = requests_.extract(reply.id).mapped();
  if (request.transaction != transaction_ || !coordinator_) return;
  auto body = ddb::codec::decode<ddb::proto::RangeReply>(reply.body);
  require(body.has_value(), "a range's reply cannot be read");
  if (const auto* redirect = std::get_if<ddb::proto::Redirect>(&*body)) follow(*redirect);
  coordinator_->reply(request.token, std::move(*body));
  pump();
}

void Client::follow(const ddb::proto::Redirect& redirect) {
  guess_ = (guess_ + 1) % directory_.nodes.size();
  if (redirect.descriptors.empty()) return;
  for (const auto& replica : redirect.descriptors.front().replicas) {
    if (replica.id != redirect.leader) continue;
    const auto found = directory_.stores.find(replica.store);
    for (size_t i = 0; found != directory_.stores.end() && i < directory_.nodes.size(); ++i) {
      if (directory_.nodes[i] == found->second) guess_ = i;
    }
  }
}

void Client::timed_out(uint64_t id) {
  const auto request = requests_.extract(id);
  if (!request || request.mapped().transaction != transaction_ || !coordinator_) return;
  guess_ = (guess_ + 1) % directory_.nodes.size();
  coordinator_->no_answer(request.mapped().token, {ddb::Code::unknown_outcome, "no answer", {}, {}});
  pump();
}

}  // namespace sim
