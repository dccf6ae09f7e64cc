// Time, terms and roles: which message settles which term, and what begins and ends with a role.
#include "codec/archive.hpp"
#include "raft/core.hpp"

namespace ddb::raft {
namespace {

Config decode_config(const Entry& entry) {
  const auto change = codec::decode<ConfigChange>(entry.data);
  DDB_ASSERT(change.has_value());  // ours was encoded, a peer's checked before it was appended
  return change->config;
}

// Granted in advance for a term that nobody has entered yet: it settles nothing.
bool is_prospective(const RaftMessage& m) {
  if (const auto* request = std::get_if<proto::RequestVote>(&m.body)) return request->pre;
  if (const auto* reply = std::get_if<proto::RequestVoteReply>(&m.body)) return reply->pre && reply->granted;
  return false;
}

}  // namespace

Raft::Impl::Impl(const Options& options, Initial initial, Instant now)
    : options_{options},
      random_{options.seed},
      now_{now},
      hard_{initial.hard},
      log_{initial.base},
      configs_{initial.base.index, std::move(initial.config)},
      applied_{std::max(initial.applied, initial.base.index)} {
  DDB_ASSERT(options.id);
  DDB_ASSERT(options.heartbeat_interval * 2 <= options.election_timeout);
  DDB_ASSERT(options.clock_drift_max < options.election_timeout);
  for (Entry& entry : initial.entries) {
    if (entry.kind == proto::EntryKind::config) configs_.append(entry.index, decode_config(entry));
    log_.append(std::move(entry));
  }
  hard_.commit = std::max(hard_.commit, applied_);
  DDB_ASSERT(hard_.commit <= log_.last().index);
  DDB_ASSERT(hard_.term >= log_.last().term || !log_.last().index);
  proven_ = handed_ = hard_;
  durable_ = handed_index_ = log_.last().index;

  // L1: in the life before, we may have answered a leader that still relies on it. If we vote alone, and in the
  // last term we knew voted for ourselves, there is none: we answered nobody in that term, earlier leaders'
  // leases had ended when we entered it, and no later one can have been elected without us.
  const bool alone = votes_alone() && hard_.vote == id();
  if (initial.restarted && !alone) silent_until_ = now + options_.election_timeout;
  change_role(Role::follower);
}

void Raft::Impl::advance(Instant now) {
  DDB_ASSERT(now >= now_);
  now_ = now;
}

void Raft::Impl::tick(Instant now) {
  advance(now);
  if (now < next_deadline()) return;
  if (!lead_) return start_election();

  if (lead_->transferee && now >= lead_->transfer_deadline) abort_transfer();
  if (now < lead_->heartbeat_due) return;
  // A leader that a quorum does not answer must not go on as if it led (thesis 6.2).
  if (options_.check_quorum && std::max(quorum_contact(now), lead_->since) + options_.election_timeout <= now)
    return become_follower(hard_.term, ReplicaId{});
  beat();
}

void Raft::Impl::wake(Instant now) {
  advance(now);
  if (!lead_) return arm_election_timer();
  lead_->since = now;  // a quorum has an election timeout to answer
  lead_->heartbeat_due = now;
}

Instant Raft::Impl::next_deadline() const {
  if (!lead_) return may_lead() ? election_deadline_ : Instant::max();
  return lead_->transferee ? std::min(lead_->heartbeat_due, lead_->transfer_deadline) : lead_->heartbeat_due;
}

void Raft::Impl::step(RaftMessage m, Instant now) {
  advance(now);
  if (m.to != id() || m.from == id() || !m.from) return;
  if (unheard(m)) return;
  if (m.term > hard_.term && !is_prospective(m)) become_follower(m.term, ReplicaId{});
  if (m.term < hard_.term) return refuse_stale(m);
  std::visit([&](auto& body) { on(m, body); }, m.body);
}

// A leader or candidate of an old term learns of ours, or it would never rejoin (etcd issue 8243).
void Raft::Impl::refuse_stale(const RaftMessage& m) {
  if (const auto* request = std::get_if<proto::RequestVote>(&m.body)) {
    send(m.from, proto::RequestVoteReply{.pre = request->pre, .granted = false});
  } else if (std::holds_alternative<proto::AppendEntries>(m.body) ||
             std::holds_alternative<proto::Heartbeat>(m.body)) {
    send(m.from, proto::AppendEntriesReply{.rejected = true, .match = {}, .hint = {}});
  } else if (const auto* snapshot = std::get_if<proto::InstallSnapshot>(&m.body)) {
    on(m, *snapshot);  // what was committed stays so in every later term
  }
}

bool Raft::Impl::follow(ReplicaId leader) {
  if (lead_) return false;
  if (role_ != Role::follower || leader_ != leader) become_follower(hard_.term, leader);
  heard_ = now_;
  arm_election_timer();
  return true;
}

void Raft::Impl::become_follower(Term term, ReplicaId leader) {
  DDB_ASSERT(term >= hard_.term);
  if (term > hard_.term) {
    hard_.term = term;
    hard_.vote = ReplicaId{};
  }
  leader_ = leader;
  if (lead_) fail_reads();
  lead_.reset();
  if (role_ != Role::follower) change_role(Role::follower);
}

void Raft::Impl::become_leader() {
  DDB_ASSERT(role_ == Role::candidate);
  DDB_ASSERT(vote_proven());
  change_role(Role::leader);
  leader_ = id();
  lead_.emplace();
  lead_->own = log_.last().index.next();
  lead_->since = now_;
  for (LogIndex i = hard_.commit.next(); i < lead_->own; i = i.next())
    lead_->uncommitted_bytes += size_of(log_.at(i));
  rebuild_followers(lead_->own);
  append_own(proto::EntryKind::noop, {});
  beat();
}

// Timeouts are drawn anew on each change, or the same members would collide again (paper 5.2).
void Raft::Impl::change_role(Role role) {
  role_ = role;
  votes_.clear();
  const auto spread = static_cast<uint64_t>(options_.election_timeout.count());
  election_timeout_ = options_.election_timeout + Duration{static_cast<Duration::rep>(random_.below(spread))};
  arm_election_timer();
}

void Raft::Impl::arm_election_timer() {
  election_deadline_ = now_ + election_timeout_;
  // Nobody else can be elected, so only what we owe to others (L1) is waited for. A candidate waits for its disk.
  if (role_ == Role::follower && votes_alone())
    election_deadline_ = std::max({now_, silent_until_, heard_ + options_.election_timeout});
}

bool Raft::Impl::votes_alone() const {
  const Config& config = configs_.latest();
  return config.voters == std::vector{id()} && !is_joint(config);
}

// Voters; and one whose removal may not be committed: it may be the only one that can get it committed (thesis 4.2.2).
bool Raft::Impl::may_lead() const {
  if (stands_back_ && DDB_KEEPS("H1.campaign")) return false;
  const LogIndex changed = configs_.latest_index();
  return votes_here() || (changed > hard_.commit && is_voter(configs_.at(changed.prev()), id()));
}

}  // namespace ddb::raft
