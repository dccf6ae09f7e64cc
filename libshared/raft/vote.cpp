// Elections: thesis 3.4, 3.6.1 (election restriction), 3.8 (persistence), 9.6 (pre-vote), 4.2.3 and L1 (silence).
#include "raft/core.hpp"

namespace ddb::raft {

void Raft::Impl::campaign(Instant now) {
  advance(now);
  if (!lead_ && !must_not_vote(false)) start_election();
}

void Raft::Impl::start_election() {
  if (!may_lead()) return;
  if (!options_.pre_vote) return become_candidate(false);
  // Asks first, so that a member that was cut off does not disturb with ever higher terms.
  leader_ = ReplicaId{};
  change_role(Role::pre_candidate);
  ask_for_votes(hard_.term.next(), true, false);
  record_vote(id(), true);
}

void Raft::Impl::become_candidate(bool transfer) {
  leader_ = ReplicaId{};
  hard_.term = hard_.term.next();
  hard_.vote = id();
  change_role(Role::candidate);
  votes_.emplace_back(id(), true);  // counted by synced()
  ask_for_votes(hard_.term, false, transfer);
}

void Raft::Impl::ask_for_votes(Term term, bool pre, bool transfer) {
  for (const ReplicaId member : members_of(configs_.latest())) {
    if (member == id() || !is_voter(configs_.latest(), member)) continue;
    queue({.from = id(), .to = member, .term = term,
           .body = proto::RequestVote{.pre = pre, .transfer = transfer, .last = log_.last()}},
          pre || term_proven());
  }
}

void Raft::Impl::record_vote(ReplicaId from, bool granted) {
  for (const auto& vote : votes_)
    if (vote.first == from) return;  // the first answer counts
  votes_.emplace_back(from, granted);
  count_votes();
}

// Votes of those that are no voters are recorded, but nobody asks for them.
void Raft::Impl::count_votes() {
  if (role_ == Role::candidate && !vote_proven()) return;  // ours is among them
  const auto ballot_of = [&](ReplicaId voter) {
    for (const auto& [from, granted] : votes_)
      if (from == voter) return granted ? Ballot::granted : Ballot::refused;
    return Ballot::pending;
  };
  switch (quorum_vote(configs_.latest(), ballot_of)) {
    case Verdict::pending: return;
    case Verdict::lost: return become_follower(hard_.term, ReplicaId{});
    case Verdict::won: break;
  }
  role_ == Role::pre_candidate ? become_candidate(false) : become_leader();
}

// L1: a leader that we answered counts on us for an election timeout; after a restart we no longer know whom we
// answered. A leader that hands over has given up its lease: the votes it asks for may be given.
bool Raft::Impl::must_not_vote(bool transfer) const {
  const bool silent = DDB_KEEPS("L1.restart") && now_ < silent_until_;
  return silent || (DDB_KEEPS("L1.votes") && options_.check_quorum && !transfer && leader_alive());
}

// Requests that would raise our term while a leader is alive are not even looked at (thesis 4.2.3), so a removed
// member cannot disturb.
bool Raft::Impl::unheard(const RaftMessage& m) const {
  const auto* request = std::get_if<proto::RequestVote>(&m.body);
  return request && m.term > hard_.term && must_not_vote(request->transfer);
}

void Raft::Impl::on(const RaftMessage& m, const proto::RequestVote& request) {
  const bool up_to_date = !DDB_KEEPS("raft.up-to-date") || request.last.term > log_.last().term ||
                          (request.last.term == log_.last().term && request.last.index >= log_.last().index);
  if (request.pre) {
    const bool granted = m.term > hard_.term && up_to_date;
    const RaftMessage reply{.from = id(), .to = m.from, .term = granted ? m.term : hard_.term,
                            .body = proto::RequestVoteReply{.pre = true, .granted = granted}};
    return queue(reply, granted || term_proven());
  }

  const bool free_to_vote = !DDB_KEEPS("raft.vote-once") || hard_.vote == m.from || (!hard_.vote && !leader_);
  const bool granted = free_to_vote && up_to_date && !must_not_vote(request.transfer);
  if (granted) {
    hard_.vote = m.from;
    arm_election_timer();
  }
  // A granted vote waits for the sync: forgotten in a crash, it could be given twice.
  queue({.from = id(), .to = m.from, .term = hard_.term, .body = proto::RequestVoteReply{.granted = granted}},
        granted ? vote_proven() : term_proven());
}

void Raft::Impl::on(const RaftMessage& m, const proto::RequestVoteReply& reply) {
  const Role asking = reply.pre ? Role::pre_candidate : Role::candidate;
  const Term asked = reply.pre && reply.granted ? hard_.term.next() : hard_.term;
  if (role_ == asking && m.term == asked) record_vote(m.from, reply.granted);
}

}  // namespace ddb::raft
