// A follower's log: thesis 3.5 (consistency check, merging), W5 (what is there is not written again).
#include "codec/archive.hpp"
#include "raft/core.hpp"

namespace ddb::raft {
namespace {

// A peer's words are refused, not asserted.
bool well_formed(const proto::AppendEntries& append, Term term) {
  Base before = append.prev;
  for (const Entry& entry : append.entries) {
    if (entry.index != before.index.next() || entry.term < before.term || entry.term > term) return false;
    if (entry.kind == proto::EntryKind::config) {
      const auto change = codec::decode<ConfigChange>(entry.data);
      if (!change || !check_config(change->config)) return false;
    }
    before = Base{entry.index, entry.term};
  }
  return true;
}

}  // namespace

void Raft::Impl::on(const RaftMessage& m, proto::AppendEntries& append) {
  if (!follow(m.from) || !well_formed(append, m.term)) return;
  const LogIndex prev = append.prev.index;
  if (DDB_KEEPS("raft.log-match") && prev > hard_.commit && !log_.holds(append.prev)) return refuse_append(m, append);
  // Up to the commit index all logs agree; a leader that says otherwise would change what was acknowledged (W5).
  DDB_ASSERT(!log_.holds(prev) || log_.holds(append.prev));

  // A commit index counts no further than this message vouches for: what the log has behind that may be an old
  // leader's (paper figure 2, AppendEntries 5).
  const LogIndex vouched = prev.plus(append.entries.size());
  accept_entries(std::move(append.entries));
  const LogIndex known = DDB_KEEPS("raft.vouched") ? vouched : log_.last().index;
  hard_.commit = std::max(hard_.commit, std::min(append.commit, known));
  acknowledge(m.from, std::max(vouched, hard_.commit), append.round);
}

void Raft::Impl::accept_entries(std::vector<Entry> entries) {
  for (Entry& entry : entries) {
    const bool known = DDB_KEEPS("raft.late-append") && log_.holds(Base{entry.index, entry.term});
    if (entry.index <= hard_.commit || known) continue;
    // A late, shorter append must not cut what follows it: only a conflict does.
    if (log_.holds(entry.index)) truncate_from(entry.index);
    if (entry.kind == proto::EntryKind::config)
      configs_.append(entry.index, codec::decode<ConfigChange>(entry.data)->config);
    log_.append(std::move(entry));
  }
}

// Names the last point where the logs may agree, so that a leader skips a whole term per probe (paper 5.3, end).
void Raft::Impl::refuse_append(const RaftMessage& m, const proto::AppendEntries& append) {
  const LogIndex candidate = log_.agreement(std::min(append.prev.index, log_.last().index), append.prev.term);
  const LogIndex hint = std::max(candidate, log_.base().index);
  send(m.from, proto::AppendEntriesReply{.rejected = true,
                                         .match = append.prev.index,
                                         .hint = {hint, log_.term_at(hint)},
                                         .round = append.round});
}

// Waits for the batch unless everything it vouches for is durable (B1). One answer per leader and batch is enough.
void Raft::Impl::acknowledge(ReplicaId to, LogIndex match, uint64_t round) {
  const bool free = match <= durable_ && term_proven();
  if (!free && !fx_.after_sync.empty()) {
    RaftMessage& queued = fx_.after_sync.back();
    auto* reply = std::get_if<proto::AppendEntriesReply>(&queued.body);
    if (reply && !reply->rejected && queued.to == to && queued.term == hard_.term) {
      reply->match = std::max(reply->match, match);
      reply->round = std::max(reply->round, round);
      return;
    }
  }
  queue({.from = id(), .to = to, .term = hard_.term,
         .body = proto::AppendEntriesReply{.match = match, .hint = {}, .round = round}},
        free);
}

void Raft::Impl::on(const RaftMessage& m, const proto::Heartbeat& heartbeat) {
  if (!follow(m.from)) return;
  if (heartbeat.commit <= log_.last().index) hard_.commit = std::max(hard_.commit, heartbeat.commit);
  if (heartbeat.round != 0) send(m.from, proto::HeartbeatReply{.round = heartbeat.round});
}

}  // namespace ddb::raft
