// A store's groups in their sleep: Q1-Q3, L4. See range/quiet.hpp.
#include "range/store.hpp"

#include <algorithm>

#include "base/rule.hpp"

namespace ddb::range {

namespace {

/// A group is quiet after so many heartbeats in which nothing was asked of it: fewer would not be worth the words.
constexpr int idle_heartbeats = 3;
constexpr Duration quiet_leader_tick = std::chrono::seconds{1};  // of its machine: leases, collection

}  // namespace

void Store::tick_replicas(bool stalled) {
  follow_peers();
  raft_due_ = Instant::max();
  // A8: neither heartbeats nor campaigns, so that the others may elect one whose disk answers.
  if (!stalled) {
    for (const RangeId range : quiet_.next_dormant()) wake(*find(range));
    for (const RangeId range : std::set{quiet_.awake()}) {
      Replica* replica = find(range);
      if (retire(*replica)) continue;
      replica->tick();
      note_deadline(*replica);
    }
    tick_quiet_leaders();
  } else {
    raft_due_ = calm_until_;
  }
  if (quiet_.beat_due(now_)) beat();
}

void Store::tick_quiet_leaders() {
  if (now_ < quiet_leaders_due_) return;
  quiet_leaders_due_ = now_ + quiet_leader_tick;
  for (const auto& [range, replica] : replicas_) {
    if (replica->quiet() && replica->leads()) replica->tick();
  }
}

void Store::note_deadline(const Replica& replica) {
  if (!replica.quiet()) raft_due_ = std::min(raft_due_, replica.raft().next_deadline());
}

/// Q2: their leader may be gone. Those it followed may have to tell it who leads.
void Store::follow_peers() {
  for (const StoreId peer : quiet_.fallen_silent(now_)) wake_relying_on(peer);
}

void Store::wake_relying_on(StoreId peer) {
  if (!DDB_KEEPS("Q2")) return;
  for (const auto& [range, replica] : replicas_) {
    if (!replica->quiet()) continue;
    const auto& members = replica->descriptor().replicas;
    const bool leads = replica->raft().role() == raft::Role::leader;
    const bool relies = std::any_of(members.begin(), members.end(), [&](const auto& member) {
      return member.store == peer && (leads || member.id == replica->leader());
    });
    if (relies) wake(*replica);
  }
}

void Store::wake(Replica& replica) {
  replica.wake();
  quiet_.woken(replica.range());
  note_deadline(replica);
}

/// Q1, at a leader, at the moment when it would have to send heartbeats: the last ones have been answered by now.
bool Store::retire(Replica& replica) {
  if (now_ < replica.raft().next_deadline()) return false;
  const auto rest = replica.restful(now_ - idle_heartbeats * options_.raft.heartbeat_interval);
  if (!rest) return false;
  for (const auto& member : replica.descriptor().replicas) {
    if (member.id != replica.id()) send(replica, member.id, *rest);
  }
  replica.sleep();
  quiet_.asleep(replica.range());
  return true;
}

/// Q1, at a follower. One that is behind says so, lest its timer runs out.
void Store::told_to_rest(Replica& replica, const proto::PeerMessage& message, const proto::Rest& rest) {
  if (!replica.agrees(message.from, rest)) return send(replica, message.from, proto::Unrest{});
  replica.sleep();
  quiet_.asleep(replica.range());
}

/// Whether a quiet replica is to take the message in; most wake it.
bool Store::heard_in_sleep(Replica& replica, StoreId from, const proto::PeerMessage& message) {
  const auto* raft = std::get_if<proto::RaftMessage>(&message.body);
  const bool leads = replica.raft().role() == raft::Role::leader;
  // A late answer to a heartbeat of before.
  if (leads && raft != nullptr && std::holds_alternative<proto::HeartbeatReply>(raft->body)) return false;
  if (const auto* rest = std::get_if<proto::Rest>(&message.body); rest != nullptr && replica.agrees(message.from, *rest)) {
    return false;
  }
  // H1: of a check that is over; a leader does not rest before.
  if (std::holds_alternative<proto::CheckQuestion>(message.body) || std::holds_alternative<proto::CheckAnswer>(message.body)) return false;
  const StoreId leader = replica.store_of(replica.leader());
  wake(replica);
  // L4: the leader is woken by the same request, and counts on us.
  const auto* vote = raft != nullptr ? std::get_if<proto::RequestVote>(&raft->body) : nullptr;
  return leads || vote == nullptr || vote->transfer || from == leader || !quiet_.well(leader) || !DDB_KEEPS("L4.votes");
}

void Store::beat() {
  std::set<StoreId> neighbours;
  for (const auto& [range, replica] : replicas_) {
    for (const auto& member : replica->descriptor().replicas) neighbours.insert(member.store);
  }
  neighbours.erase(identity_.store);
  for (const StoreId neighbour : neighbours) batch_to(neighbour);
}

}  // namespace ddb::range
