#include "range/snapshot_receiver.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "codec/crc.hpp"

namespace ddb::range {

namespace {

bool holds(const raft::Raft& raft, const proto::Base& point) {
  return point.index >= raft.base().index && point.index <= raft.last().index && raft.term_at(point.index) == point.term;
}

}  // namespace

bool SnapshotReceiver::acceptable(const Replica& replica, const proto::SnapshotChunk& chunk) const {
  const auto& members = chunk.descriptor.replicas;
  const bool lists_me = std::any_of(members.begin(), members.end(),
                                    [&](const proto::ReplicaInfo& member) { return member.id == replica.id(); });
  // I4: newer than what is here, and meant for this replica. A log that reaches it needs no snapshot; a leader, or
  // one that has not heard of the term yet, takes none.
  const auto& raft = replica.raft();
  const bool needed = !DDB_KEEPS("I4") || (chunk.base.index > raft.commit_index() && !holds(raft, chunk.base));
  const bool ready = !replica.installing() && raft.role() != raft::Role::leader && chunk.base.term <= raft.term();
  return lists_me && needed && ready && chunk.descriptor.id == replica.range() && !host_.overlaps(chunk.descriptor) &&
         codec::crc32c(chunk.data) == chunk.crc;
}

void SnapshotReceiver::answer(const Replica& replica, ReplicaId to, uint64_t snapshot, uint64_t offset, bool refused) {
  host_.send(replica, to, proto::SnapshotAck{snapshot, offset, refused});
}

SnapshotReceiver::Incoming& SnapshotReceiver::incoming_of(const Replica& replica, ReplicaId from,
                                                          const proto::SnapshotChunk& chunk) {
  const auto found = incoming_.find(replica.range());
  if (found != incoming_.end()) {
    if (found->second.head.snapshot == chunk.snapshot) return found->second;
    files_.drop(found->second.head.snapshot);
  }
  Incoming fresh{from, chunk, 0, false};
  fresh.head.data.clear();
  fresh.head.crc = codec::crc32c({});
  return incoming_[replica.range()] = std::move(fresh);
}

void SnapshotReceiver::chunk(Replica& replica, ReplicaId from, const proto::SnapshotChunk& chunk) {
  if (!acceptable(replica, chunk)) return answer(replica, from, chunk.snapshot, 0, true);
  Incoming& incoming = incoming_of(replica, from, chunk);
  const bool next = chunk.offset == incoming.received && !chunk.data.empty() &&
                    chunk.data.size() <= incoming.head.size - incoming.received;
  if (!incoming.sealing && next) {
    if (!files_.write(chunk.snapshot, chunk.offset, chunk.data)) {
      incoming_.erase(replica.range());
      files_.drop(chunk.snapshot);
      return answer(replica, from, chunk.snapshot, 0, true);
    }
    incoming.received += chunk.data.size();
  }
  if (incoming.received < incoming.head.size) return answer(replica, from, chunk.snapshot, incoming.received, false);
  // The last byte is acknowledged only once the file is durable.
  if (!std::exchange(incoming.sealing, true)) files_.seal(chunk.snapshot);
}

void SnapshotReceiver::sealed(uint64_t id, const Result<void>& done) {
  const auto found = std::find_if(incoming_.begin(), incoming_.end(),
                                  [&](const auto& entry) { return entry.second.head.snapshot == id; });
  Replica* replica = found == incoming_.end() ? nullptr : host_.find(found->first);
  if (replica == nullptr) return files_.drop(id);
  const Incoming incoming = std::move(found->second);
  incoming_.erase(found);
  const bool good = done && acceptable(*replica, incoming.head);
  answer(*replica, incoming.from, id, good ? incoming.head.size : 0, !good);
  if (!good) return files_.drop(id);
  host_.give_up(*replica, incoming.head.descriptor);
  replica->start_switch(incoming.from, incoming.head);
}

}  // namespace ddb::range
