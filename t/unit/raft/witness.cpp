#include "unit/raft/witness.hpp"

#include "raft/config.hpp"
#include "raft/quorum.hpp"
#include "unit/raft/cluster.hpp"

namespace ddb::raft::test {
namespace {

std::string name(const Node& node) { return std::to_string(node.options.id.value); }

bool is_prospective(const RaftMessage& m) {
  if (const auto* request = std::get_if<proto::RequestVote>(&m.body)) return request->pre;
  const auto* reply = std::get_if<proto::RequestVoteReply>(&m.body);
  return reply && reply->pre && reply->granted;
}

bool same(const Entry& a, const Entry& b) { return a.term == b.term && a.kind == b.kind && a.data == b.data; }

}  // namespace

bool Disk::holds(Base point) const {
  if (!point.index) return true;
  if (point.index <= base.index) return state[point.index.value - 1].term == point.term;
  for (const Entry& entry : log)
    if (entry.index == point.index) return entry.term == point.term;
  return false;
}

void Witness::fail(std::string what) { failures_.push_back(std::move(what)); }

void Witness::check(const Nodes& nodes, ReplicaId changed, LogIndex acknowledged) {
  const Node& node = nodes.at(changed);
  if (node.raft) {
    check_order(node);
    check_log(node);
    check_leader(nodes, node);
    check_commit(nodes, node);
  }
  check_leases(nodes, acknowledged);
}

void Witness::check_order(const Node& node) {
  const Raft& raft = *node.raft;
  if (raft.base().index > raft.applied_index() || raft.applied_index() > raft.commit_index() ||
      raft.commit_index() > raft.last().index)
    fail(name(node) + ": base <= applied <= commit <= last does not hold");
  if (raft.durable_index() > raft.base().index &&
      !node.disk.holds({raft.durable_index(), raft.term_at(raft.durable_index())}))
    fail("B2: " + name(node) + " takes " + std::to_string(raft.durable_index().value) + " for durable");
}

// Log matching: an entry is made once, by one leader, behind one predecessor.
void Witness::check_log(const Node& node) {
  const Raft& raft = *node.raft;
  Term previous = raft.base().term;
  for (LogIndex i = raft.base().index.next(); i <= raft.last().index; i = i.next()) {
    const Entry& entry = raft.entry(i);
    const auto [known, fresh] = origins_.try_emplace({entry.term, i}, Origin{previous, entry.kind, entry.data});
    if (!fresh && known->second != Origin{previous, entry.kind, entry.data})
      fail("log matching: " + name(node) + " disagrees about " + render(Base{i, entry.term}));
    previous = entry.term;
  }
}

void Witness::check_leader(const Nodes& nodes, const Node& node) {
  const Raft& raft = *node.raft;
  if (raft.role() != Role::leader) return;
  const auto [leader, fresh] = leaders_.try_emplace(raft.term(), raft.id());
  if (leader->second != raft.id())
    fail("two leaders in term " + std::to_string(raft.term().value) + ": " + name(node) + " and " +
         std::to_string(leader->second.value));
  if (fresh) {
    for (const auto& [index, entry] : committed_)
      if (committed_in_[index] < raft.term() && index > raft.base().index &&
          (index > raft.last().index || !same(raft.entry(index), entry)))
        fail("leader completeness: " + name(node) + " leads without committed " + render(Base{index, entry.term}));
  }
  // What it calls committed is on the disks of a quorum (B2).
  const LogIndex commit = raft.commit_index();
  if (commit <= commits_[raft.id()] || commit <= raft.base().index) return;
  const bool durable = quorum_value(raft.config(), [&](ReplicaId voter) -> uint64_t {
    const auto other = nodes.find(voter);
    return other == nodes.end() || other->second.gone || other->second.disk.holds({commit, raft.term_at(commit)});
  });
  if (!durable) fail(name(node) + " commits " + std::to_string(commit.value) + ", not durable on a quorum");
}

void Witness::check_commit(const Nodes&, const Node& node) {
  const Raft& raft = *node.raft;
  LogIndex& seen = commits_[raft.id()];
  if (raft.commit_index() < seen) fail(name(node) + ": the commit index went back");
  for (LogIndex i = std::max(seen, raft.base().index).next(); i <= raft.commit_index(); i = i.next()) {
    const Entry& entry = raft.entry(i);
    const auto [known, fresh] = committed_.try_emplace(i, entry);
    if (fresh) committed_in_[i] = raft.term();
    if (!same(known->second, entry)) fail(name(node) + ": committed " + render(Base{i, entry.term}) + " changed");
  }
  seen = std::max(seen, raft.commit_index());
}

// L1: who holds a lease has every acknowledged write.
void Witness::check_leases(const Nodes& nodes, LogIndex acknowledged) {
  if (!clocks_bounded) return;
  for (const auto& [id, node] : nodes)
    if (node.raft && node.raft->lease_valid(node.clock) && node.raft->in_own_term() &&
        node.state.size() < acknowledged.value)
      fail("L1: " + name(node) + " holds a lease without an acknowledged write");
}

// B1: what a message promises is on the sender's disk.
void Witness::sent(const Node& node, const RaftMessage& m) {
  const Disk& disk = node.disk;
  if (!is_prospective(m) && m.term > disk.hard.term) fail("B1: term not durable in " + render(m));
  const auto* vote = std::get_if<proto::RequestVoteReply>(&m.body);
  const auto* request = std::get_if<proto::RequestVote>(&m.body);
  const bool granted = vote && !vote->pre && vote->granted;
  if (granted || (request && !request->pre)) {
    const ReplicaId to = granted ? m.to : m.from;
    if (disk.hard.term == m.term && disk.hard.vote != to) fail("B1: vote not durable in " + render(m));
    if (votes_.try_emplace({m.from, m.term}, to).first->second != to) fail("second vote in one term: " + render(m));
  }
  const auto* reply = std::get_if<proto::AppendEntriesReply>(&m.body);
  if (reply && !reply->rejected && m.term == disk.hard.term &&
      reply->match > std::max(disk.base.index, disk.last().index))
    fail("B1: entries not durable in " + render(m));
}

void Witness::applied(const Node& node, const Entry& entry) {
  const auto known = committed_.find(entry.index);
  if (known != committed_.end() && !same(known->second, entry))
    fail("state machine safety: " + name(node) + " applies another " + std::to_string(entry.index.value));
  if (!node.disk.holds({entry.index, entry.term}))
    fail("A1: " + name(node) + " applies " + std::to_string(entry.index.value) + " before it is proven");
}

}  // namespace ddb::raft::test
