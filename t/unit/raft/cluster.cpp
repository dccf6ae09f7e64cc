#include "unit/raft/cluster.hpp"

#include <fmt/format.h>

#include "raft/config.hpp"

namespace ddb::raft::test {
namespace {

// I3: recovery keeps the entries behind the state's base only where the log passes through it.
void recover(Disk& disk) {
  if (disk.log_base != disk.base) {
    std::vector<Entry> kept;
    const bool passes = std::any_of(disk.log.begin(), disk.log.end(), [&](const Entry& entry) {
      return Base{entry.index, entry.term} == disk.base;
    });
    for (Entry& entry : disk.log)
      if (passes && entry.index > disk.base.index) kept.push_back(std::move(entry));
    disk.log = std::move(kept);
    disk.log_base = disk.base;
  }
}

void write_entries(Disk& disk, const std::vector<Entry>& entries) {
  if (entries.empty()) return;
  std::erase_if(disk.log, [&](const Entry& entry) { return entry.index >= entries.front().index; });  // W5
  disk.log.insert(disk.log.end(), entries.begin(), entries.end());
}

}  // namespace

Cluster::Cluster(std::function<void(const std::string&)> report) : report_{std::move(report)} {}

void Cluster::spawn(ReplicaId id, Config config) {
  Node& node = nodes_[id];
  node.options = options;
  node.options.id = id;
  node.disk.config = std::move(config);
  if (nodes_.size() > 1) node.clock = nodes_.begin()->second.clock;
  preload(id, {}, Term{}, ReplicaId{});
}

void Cluster::preload(ReplicaId id, const std::vector<uint64_t>& terms, Term term, ReplicaId vote) {
  Node& node = nodes_.at(id);
  Disk& disk = node.disk;
  disk.log.clear();
  for (const uint64_t t : terms) {
    const LogIndex index = disk.last().index.next();
    disk.log.push_back({Term{t}, index, EntryKind::command, fmt::format("x{}.{}", t, index.value)});
  }
  disk.hard = {.term = std::max(term, disk.last().term), .vote = vote, .commit = {}};
  node.options.seed = id.value;
  node.raft.emplace(node.options, Initial{disk.hard, disk.base, disk.config, disk.log, {}, false}, node.clock);
}

void Cluster::pass(Duration time) {
  for (auto& [id, node] : nodes_)
    node.clock += Duration{static_cast<Duration::rep>(static_cast<double>(time.count()) * node.clock_rate)};
}

void Cluster::tick(ReplicaId id) {
  if (!up(id)) return;
  raft(id).tick(node(id).clock);
  pump(id);
}

bool Cluster::timeout(ReplicaId id) {
  const Instant deadline = raft(id).next_deadline();
  if (raft(id).role() == Role::leader || deadline == Instant::max()) return false;
  if (deadline > node(id).clock) pass(deadline - node(id).clock);
  tick(id);
  return true;
}

void Cluster::campaign(ReplicaId id) {
  raft(id).campaign(node(id).clock);
  pump(id);
}

Result<LogIndex> Cluster::propose(ReplicaId id, const std::string& data) {
  const auto index = raft(id).propose(data, node(id).clock);
  if (index) proposals_[data] = Proposal{id, {*index, raft(id).term()}};
  pump(id);
  return index;
}

Result<LogIndex> Cluster::propose_config(ReplicaId id, const Config& config) {
  const auto index = raft(id).propose_config({config, {}}, node(id).clock);
  pump(id);
  return index;
}

Result<void> Cluster::transfer(ReplicaId from, ReplicaId to) {
  const auto done = raft(from).transfer(to, node(from).clock);
  pump(from);
  return done;
}

void Cluster::read(ReplicaId id, const std::string& name) {
  reads_[name] = Read{id, acknowledged_, {}};
  read_names_.push_back(name);
  raft(id).read_index(read_names_.size() - 1, node(id).clock);
  pump(id);
}

void Cluster::lease_read(ReplicaId id, const std::string& name) {
  Read& read = reads_[name] = Read{id, acknowledged_, {}};
  Node& n = node(id);
  if (raft(id).lease_valid(n.clock) && raft(id).in_own_term()) {
    read.index = LogIndex{n.state.size()};
    settle_clients(id);
  } else {
    read.outcome = "refused";
  }
}

void Cluster::compact(ReplicaId id, LogIndex index) {
  Node& n = node(id);
  if (index <= n.raft->base().index) return n.raft->compact(index);
  n.disk.config = n.raft->config_at(index);
  n.disk.base = {index, n.raft->term_at(index)};
  n.disk.state.assign(n.state.begin(), n.state.begin() + static_cast<std::ptrdiff_t>(index.value));
  recover(n.disk);
  n.raft->compact(index);
  pump(id);
}

void Cluster::crash(ReplicaId id) {
  Node& n = node(id);
  n.raft.reset();
  n.writes.clear();
  n.state.clear();
  witness_.crashed(id);
  last_role_.erase(id);
  for (auto& [name, proposal] : proposals_)
    if (proposal.node == id && proposal.outcome == "pending") proposal.outcome = "unknown";
  for (auto& [name, read] : reads_)
    if (read.node == id && read.outcome == "pending") read.outcome = "failed";
  for (auto& [other, peer] : nodes_) {
    if (!peer.raft) continue;
    peer.raft->unreachable(id);
    peer.raft->snapshot_failed(id);
  }
}

void Cluster::restart(ReplicaId id) {
  Node& n = node(id);
  recover(n.disk);
  n.state = n.disk.state;
  n.holds_writes = n.holds_apply = false;
  n.options = options;
  n.options.id = id;
  n.options.seed = id.value + 1000 * n.batch.value;
  n.raft.emplace(n.options, Initial{n.disk.hard, n.disk.base, n.disk.config, n.disk.log, n.disk.base.index, true},
                 n.clock);
  pump(id);
}

void Cluster::wipe(ReplicaId id) {
  if (up(id)) crash(id);
  node(id).gone = true;
  std::erase_if(packets_, [&](const Packet& p) { return p.message.from == id || p.message.to == id; });
}

// Effects, until there are none.
void Cluster::pump(ReplicaId id) {
  Node& n = node(id);
  while (n.raft->has_effects()) {
    n.batch = n.batch.next();
    absorb(id, n.raft->take(n.batch));
  }
  apply(id);
  report_changes(id);
  witness_.check(nodes_, id, acknowledged_);
}

void Cluster::absorb(ReplicaId id, Effects effects) {
  Node& n = node(id);
  for (RaftMessage& message : effects.now) send(id, std::move(message), nullptr);
  for (const ReplicaId to : effects.snapshots_wanted) send_snapshot(id, to);
  for (const ReadReady& ready : effects.reads) reads_[read_names_[ready.context]].index = ready.index;
  for (const uint64_t context : effects.reads_failed) reads_[read_names_[context]].outcome = "failed";
  if (effects.begin) n.state = *n.arrived;
  if (!effects.must_sync()) return;
  n.writes.push_back({n.batch, std::move(effects), n.raft->config_at(n.raft->base().index), n.arrived});
  if (!n.holds_writes) write_all(id);
}

void Cluster::write_all(ReplicaId id) {
  while (write_one(id)) {
  }
}

bool Cluster::write_one(ReplicaId id) {
  Node& n = node(id);
  if (n.writes.empty()) return false;
  Write& next = n.writes.front();
  if (next.effects.begin && n.disk.base != *next.effects.begin) {  // the switch
    n.disk.base = *next.effects.begin;
    n.disk.config = next.config;
    n.disk.state = *next.state;
    return true;
  }
  const Write write = std::move(next);
  n.writes.erase(n.writes.begin());
  if (write.effects.begin) {  // BEGIN
    n.disk.log_base = n.disk.base;
    n.disk.log.clear();
  }
  write_entries(n.disk, write.effects.entries);
  if (write.effects.hard_state) n.disk.hard = *write.effects.hard_state;
  for (const RaftMessage& message : write.effects.after_sync) send(id, message, nullptr);
  n.raft->synced(write.batch);
  pump(id);
  return true;
}

void Cluster::apply(ReplicaId id) {
  Node& n = node(id);
  if (n.holds_apply) return;
  while (n.raft->applied_index() < n.raft->applicable()) {
    const Entry& entry = n.raft->entry(n.raft->applied_index().next());
    witness_.applied(n, entry);
    n.state.push_back(entry);
    if (entry.kind == EntryKind::command) report_(fmt::format("{} applies {} {}", id.value, render(Base{entry.index, entry.term}), entry.data));
    n.raft->applied(entry.index);
  }
  settle_clients(id);
}

void Cluster::settle_clients(ReplicaId id) {
  const Node& n = node(id);
  for (auto& [data, proposal] : proposals_) {
    const LogIndex index = proposal.at.index;
    if (proposal.node != id || proposal.outcome != "pending" || n.state.size() < index.value) continue;
    proposal.outcome = n.state[index.value - 1].term == proposal.at.term ? "ok" : "lost";
    if (proposal.outcome == "ok") acknowledged_ = std::max(acknowledged_, index);
  }
  for (auto& [name, read] : reads_) {
    if (read.node != id || read.outcome != "pending" || !read.index || n.state.size() < read.index.value) continue;
    read.outcome = "nothing";
    for (const Entry& entry : n.state)
      if (entry.kind == EntryKind::command) read.outcome = entry.data;
    if (read.index < read.must_see) witness_.fail("stale read: " + name);
  }
}

void Cluster::report_changes(ReplicaId id) {
  const Raft& r = raft(id);
  const std::string role = render(r.role());
  std::string& last = last_role_.try_emplace(id, render(Role::follower)).first->second;
  if (role == last) return;
  last = role;
  report_(fmt::format("{} is {}, term {}", id.value, role, r.term().value));
}

bool Cluster::cut_between(ReplicaId a, ReplicaId b) const {
  if (nodes_.at(a).gone || nodes_.at(b).gone || ways_.contains({a, b})) return true;
  if (sides_.empty()) return false;
  return std::none_of(sides_.begin(), sides_.end(),
                      [&](const std::set<ReplicaId>& side) { return side.contains(a) && side.contains(b); });
}

void Cluster::heal() {
  sides_.clear();
  ways_.clear();
}

void Cluster::send(ReplicaId from, RaftMessage message, std::shared_ptr<const std::vector<Entry>> state) {
  witness_.sent(node(from), message);
  if (!nodes_.contains(message.to)) return;
  packets_.push_back({std::move(message), std::move(state)});
  const RaftMessage& sent = packets_.back().message;
  if (cut_between(sent.from, sent.to)) lose(packets_.size() - 1);
}

// Of all that is applied here (I1).
void Cluster::send_snapshot(ReplicaId from, ReplicaId to) {
  const Raft& r = raft(from);
  const LogIndex index = r.applied_index();
  proto::InstallSnapshot snapshot{.base = {index, r.term_at(index)}, .config = r.config_at(index)};
  send(from, {.from = from, .to = to, .term = r.term(), .body = std::move(snapshot)},
       std::make_shared<const std::vector<Entry>>(node(from).state));
}

void Cluster::lose(size_t position) {
  const RaftMessage message = packets_[position].message;
  packets_.erase(packets_.begin() + static_cast<std::ptrdiff_t>(position));
  if (std::holds_alternative<proto::InstallSnapshot>(message.body) && up(message.from))
    raft(message.from).snapshot_failed(message.to);
}

void Cluster::deliver(size_t position) {
  const ReplicaId to = packets_[position].message.to;
  if (!up(to)) return lose(position);
  Packet packet = std::move(packets_[position]);
  packets_.erase(packets_.begin() + static_cast<std::ptrdiff_t>(position));
  Node& n = node(to);
  if (packet.state) n.arrived = packet.state;
  n.raft->step(std::move(packet.message), n.clock);
  pump(to);
}

}  // namespace ddb::raft::test
