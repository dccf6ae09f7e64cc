// What waits for which batch: B1 (messages) and B2 (entries).
#include "raft/core.hpp"

namespace ddb::raft {

void Raft::Impl::send(ReplicaId to, proto::RaftBody body) {
  queue({.from = id(), .to = to, .term = hard_.term, .body = std::move(body)}, term_proven());
}

void Raft::Impl::queue(RaftMessage message, bool free) {
  (free || !DDB_KEEPS("B1") ? fx_.now : fx_.after_sync).push_back(std::move(message));
}

void Raft::Impl::truncate_from(LogIndex index) {
  DDB_ASSERT(index > hard_.commit);  // W5
  log_.truncate_from(index);
  configs_.truncate_from(index);
  forget_written_from(index);
}

/// What batches wrote at and above `index` is no longer in the log: their proof must not acknowledge what is (B2).
/// Acknowledgements not handed out yet vouch for entries that never reach a batch.
void Raft::Impl::forget_written_from(LogIndex index) {
  const LogIndex kept = index.prev();
  if (DDB_KEEPS("B2")) {
    for (Batch& batch : batches_) batch.last = std::min(batch.last, kept);
  }
  durable_ = std::min(durable_, kept);
  handed_index_ = std::min(handed_index_, kept);
  std::erase_if(fx_.after_sync, [&](const RaftMessage& message) {
    const auto* reply = std::get_if<proto::AppendEntriesReply>(&message.body);
    return reply && !reply->rejected && reply->match > kept;
  });
}

Effects Raft::Impl::take(BatchNumber batch) {
  DDB_ASSERT(batch >= last_batch_);
  last_batch_ = batch;
  if (lead_) {
    replicate();
    lead_->round_unsent = false;
  }
  if (handed_index_ < log_.last().index) {
    fx_.entries = log_.copy(handed_index_.next(), std::numeric_limits<size_t>::max());
    handed_index_ = log_.last().index;
  }
  // A commit index is only a hint for recovery: it rides along, but is not worth a sync of its own.
  const bool writes = fx_.begin || !fx_.entries.empty();
  if (hard_state_due() || (writes && hard_ != handed_)) fx_.hard_state = handed_ = hard_;
  if (writes || fx_.hard_state) batches_.push_back({batch, handed_index_, handed_});
  return std::exchange(fx_, {});
}

bool Raft::Impl::has_effects() const {
  return hard_state_due() || handed_index_ < log_.last().index || (lead_ && lead_->replicate) || fx_.begin ||
         !fx_.now.empty() || !fx_.after_sync.empty() || !fx_.reads.empty() || !fx_.reads_failed.empty() ||
         !fx_.snapshots_wanted.empty();
}

void Raft::Impl::synced(BatchNumber batch) {
  // Batches are the store's: one that this group had no part in may be the last (W2's cover, other groups).
  last_batch_ = std::max(last_batch_, batch);
  auto under_way = batches_.begin();
  for (; under_way != batches_.end() && under_way->number <= batch; ++under_way) {
    durable_ = std::max(durable_, under_way->last);
    proven_ = under_way->hard;
  }
  batches_.erase(batches_.begin(), under_way);
  if (role_ == Role::candidate) count_votes();
  if (lead_) maybe_commit();
}

}  // namespace ddb::raft
