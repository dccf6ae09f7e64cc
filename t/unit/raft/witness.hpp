// Watches a whole group and says what must never be seen: the properties of paper figure 3, and B1, B2, L1, A1.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "raft/raft.hpp"

namespace ddb::raft::test {

/// What a crash leaves: state and log, each with its own beginning (I3).
struct Disk {
  HardState hard;
  Base base;
  Config config;
  std::vector<Entry> state;  // everything applied up to base
  Base log_base;
  std::vector<Entry> log;

  bool holds(Base point) const;
  Base last() const { return log.empty() ? log_base : Base{log.back().index, log.back().term}; }
};

struct Node;

class Witness {
 public:
  using Nodes = std::map<ReplicaId, Node>;

  /// After every step of `changed`.
  void check(const Nodes& nodes, ReplicaId changed, LogIndex acknowledged);
  void sent(const Node& node, const RaftMessage& message);
  void applied(const Node& node, const Entry& entry);
  void crashed(ReplicaId id) { commits_.erase(id); }
  void fail(std::string what);

  /// Clocks run apart by more than the stated bound: nothing is promised about leases.
  bool clocks_bounded = true;

  const std::vector<std::string>& failures() const { return failures_; }
  const std::map<LogIndex, Entry>& committed() const { return committed_; }

 private:
  struct Origin {
    Term previous;
    EntryKind kind;
    Bytes data;
    bool operator==(const Origin&) const = default;
  };
  void check_order(const Node& node);
  void check_leader(const Nodes& nodes, const Node& node);
  void check_log(const Node& node);
  void check_commit(const Nodes& nodes, const Node& node);
  void check_leases(const Nodes& nodes, LogIndex acknowledged);

  std::map<Term, ReplicaId> leaders_;
  std::map<std::pair<Term, LogIndex>, Origin> origins_;
  std::map<std::pair<ReplicaId, Term>, ReplicaId> votes_;
  std::map<LogIndex, Entry> committed_;
  std::map<LogIndex, Term> committed_in_;  // the term of the leader that committed it
  std::map<ReplicaId, LogIndex> commits_;
  std::vector<std::string> failures_;
};

}  // namespace ddb::raft::test
