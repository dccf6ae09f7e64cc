// Raft members on simulated disks, clocks and a simulated network: all that happens is asked for, step by step.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "raft/raft.hpp"
#include "unit/raft/witness.hpp"

namespace ddb::raft::test {

using namespace std::chrono_literals;

/// A message under way; a snapshot travels with the state that it stands for.
struct Packet {
  RaftMessage message;
  std::shared_ptr<const std::vector<Entry>> state;
};

/// One batch under way to the disk.
struct Write {
  BatchNumber batch;
  Effects effects;
  Config config;  // with effects.begin
  std::shared_ptr<const std::vector<Entry>> state;
};

struct Proposal {
  ReplicaId node;
  Base at;
  std::string outcome = "pending";  // ok, lost, unknown
};

struct Read {
  ReplicaId node;
  LogIndex must_see;  // acknowledged before the read began
  LogIndex index;     // zero: not confirmed yet
  std::string outcome = "pending";  // failed, or the last command applied
};

struct Node {
  Options options;
  Disk disk;
  std::optional<Raft> raft;  // none: down
  std::vector<Entry> state;  // everything applied since index 1
  std::vector<Write> writes;
  BatchNumber batch;
  bool holds_writes = false;
  bool holds_apply = false;
  bool gone = false;  // wiped: its store is another one now, and nobody talks to the old
  double clock_rate = 1;
  Instant clock{1s};
  std::shared_ptr<const std::vector<Entry>> arrived;  // state of the snapshot being installed
};

class Cluster {
 public:
  explicit Cluster(std::function<void(const std::string&)> report);

  Options options;  // of nodes that start from now on

  void spawn(ReplicaId id, Config config);
  /// Before anything happened: its log has entries of these terms.
  void preload(ReplicaId id, const std::vector<uint64_t>& terms, Term term, ReplicaId vote);
  bool up(ReplicaId id) const { return nodes_.at(id).raft.has_value(); }
  Raft& raft(ReplicaId id) { return *nodes_.at(id).raft; }
  Node& node(ReplicaId id) { return nodes_.at(id); }
  const std::map<ReplicaId, Node>& nodes() const { return nodes_; }
  Witness& witness() { return witness_; }

  // Time: one for all, read through clocks that may be skewed.
  void pass(Duration time);
  void tick(ReplicaId id);
  bool timeout(ReplicaId id);  // time passes until its election timer fires, and only its own is looked at

  // Inputs.
  void campaign(ReplicaId id);
  Result<LogIndex> propose(ReplicaId id, const std::string& data);
  Result<LogIndex> propose_config(ReplicaId id, const Config& config);
  Result<void> transfer(ReplicaId from, ReplicaId to);
  void read(ReplicaId id, const std::string& name);
  void lease_read(ReplicaId id, const std::string& name);
  void compact(ReplicaId id, LogIndex index);
  void apply(ReplicaId id);

  // Disks.
  void crash(ReplicaId id);
  void restart(ReplicaId id);
  void wipe(ReplicaId id);
  /// The next thing reaches the disk; a snapshot's switch and the batch after it are two. False: nothing waits.
  bool write_one(ReplicaId id);
  void write_all(ReplicaId id);

  // The network.
  std::vector<Packet>& packets() { return packets_; }
  bool cut_between(ReplicaId a, ReplicaId b) const;
  void cut(std::vector<std::set<ReplicaId>> sides) { sides_ = std::move(sides); }
  void cut_way(ReplicaId from, ReplicaId to) { ways_.insert({from, to}); }
  void heal();
  void deliver(size_t position);
  void lose(size_t position);

  const std::map<std::string, Proposal>& proposals() const { return proposals_; }
  const std::map<std::string, Read>& reads() const { return reads_; }

 private:
  void pump(ReplicaId id);
  void absorb(ReplicaId id, Effects effects);
  void send(ReplicaId from, RaftMessage message, std::shared_ptr<const std::vector<Entry>> state);
  void send_snapshot(ReplicaId from, ReplicaId to);
  void apply_committed(ReplicaId id);
  void settle_clients(ReplicaId id);
  void report_changes(ReplicaId id);

  std::function<void(const std::string&)> report_;
  std::map<ReplicaId, Node> nodes_;
  std::vector<Packet> packets_;
  std::vector<std::set<ReplicaId>> sides_;
  std::set<std::pair<ReplicaId, ReplicaId>> ways_;  // cut one way
  std::map<std::string, Proposal> proposals_;
  std::map<std::string, Read> reads_;
  std::vector<std::string> read_names_;  // by context
  std::map<ReplicaId, std::string> last_role_;
  LogIndex acknowledged_;
  Witness witness_;
};

/// "term/index", as in the messages below.
std::string render(Base base);
/// "1,2,3&1,2+4~5 auto": voters, outgoing, learners, learners on leaving.
std::string render(const Config& config);
std::string render(const RaftMessage& message);
/// "leader term=2 vote=1 ...": one line about a member.
std::string render(const Node& node);
/// "leader", "pre-candidate" and so on.
std::string render(Role role);

}  // namespace ddb::raft::test
