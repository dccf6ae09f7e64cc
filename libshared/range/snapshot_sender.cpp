#include "range/snapshot_sender.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "codec/archive.hpp"
#include "codec/crc.hpp"

namespace ddb::range {

Replica* SnapshotSender::leader() const {
  Replica* replica = host_.find(transfer_->range);
  const bool leads = replica != nullptr && replica->raft().role() == raft::Role::leader;
  return leads && replica->term() == transfer_->term ? replica : nullptr;
}

void SnapshotSender::want(Replica& replica, ReplicaId to, Instant now) {
  // S4: a follower that has nothing is about to be born by the same split; it would refuse, or soon not need it.
  const bool newborn = replica.begun() && now - *replica.begun() < birth_patience;
  if (transfer_ || replica.installing() || newborn) {
    const bool same = transfer_ && transfer_->range == replica.range() && transfer_->to == to;
    if (!same) replica.raft().snapshot_failed(to);
    return;
  }
  transfer_ = Transfer{.id = random_.next(), .range = replica.range(), .to = to, .term = replica.term(), .span = replica.descriptor().span, .head = {}, .progress = now, .resend = now};
  files_.make(transfer_->id, record_key(replica.range()), replica.spans());
}

void SnapshotSender::made(uint64_t id, Result<env::SnapshotMade> made, Instant now) {
  if (!transfer_ || transfer_->id != id) return files_.drop(id);
  Replica* replica = leader();
  const auto record = made ? codec::decode<ReplicaRecord>(made->record) : std::unexpected(made.error());
  // The flush may be of before the log's base only if the log was cut above it: then it is of no use.
  if (replica == nullptr || !record || record->applied.index < replica->raft().base().index) return end(false);
  // The rows are those of the span as it was when they were asked for (F4): a flush before a split, or after, has others.
  if (record->descriptor.span != transfer_->span && DDB_KEEPS("F4")) return end(false);
  auto& head = transfer_->head;
  head.snapshot = id;
  head.size = made->size;
  head.descriptor = record->descriptor;
  head.base = record->applied;
  head.config = replica->raft().config_at(record->applied.index);
  transfer_->sending = true;
  transfer_->progress = now;
  transfer_->resend = now + resend_after;
  send_more(*replica);
}

void SnapshotSender::send_more(const Replica& replica) {
  while (transfer_->sent < transfer_->head.size && transfer_->sent - transfer_->acked < window_bytes) {
    auto data = files_.read(transfer_->id, transfer_->sent, chunk_bytes);
    if (!data || data->empty()) return end(false);
    proto::SnapshotChunk chunk = transfer_->head;
    chunk.offset = transfer_->sent;
    chunk.crc = codec::crc32c(*data);
    chunk.data = std::move(*data);
    transfer_->sent += chunk.data.size();
    host_.send(replica, transfer_->to, std::move(chunk));
  }
}

void SnapshotSender::acknowledged(const Replica& replica, ReplicaId from, const proto::SnapshotAck& ack, Instant now) {
  if (!transfer_ || !transfer_->sending || transfer_->id != ack.snapshot) return;
  if (transfer_->range != replica.range() || transfer_->to != from || ack.offset > transfer_->sent) return;
  if (ack.refused) return end(false);
  if (ack.offset > transfer_->acked) {
    transfer_->acked = ack.offset;
    transfer_->progress = now;
    transfer_->resend = now + resend_after;
  }
  send_more(replica);
}

void SnapshotSender::tick(Instant now) {
  if (!transfer_) return;
  const Replica* replica = leader();
  if (replica == nullptr || now - transfer_->progress > give_up_after) return end(false);
  if (!transfer_->sending) return;
  if (transfer_->acked == transfer_->head.size && arrived(*replica)) return end(true);
  if (now < transfer_->resend) return;
  transfer_->resend = now + resend_after;
  transfer_->sent = transfer_->acked;  // a message was lost: again from what the receiver holds
  send_more(*replica);
}

/// The two Rafts have agreed on it: an append was accepted.
bool SnapshotSender::arrived(const Replica& replica) const {
  for (const auto& peer : replica.raft().progress()) {
    if (peer.id == transfer_->to) return !peer.snapshot;
  }
  return true;
}

void SnapshotSender::end(bool delivered) {
  if (Replica* replica = leader(); replica != nullptr && !delivered) replica->raft().snapshot_failed(transfer_->to);
  files_.drop(transfer_->id);
  transfer_.reset();
}

std::optional<LogIndex> SnapshotSender::pinned(RangeId range) const {
  if (!transfer_ || !transfer_->sending || transfer_->range != range) return std::nullopt;
  return transfer_->head.base.index;
}

}  // namespace ddb::range
