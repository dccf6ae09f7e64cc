// The language of the recorded interaction scripts in t/raft; its commands are listed in t/raft/README.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "unit/raft/cluster.hpp"

namespace ddb::raft::test {

class Script {
 public:
  Script();

  /// The whole text again, with what really happened under each "----".
  std::string run(const std::string& text);
  /// Expectations not met, properties violated, commands not understood.
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  using Words = std::vector<std::string>;
  using Command = void (Script::*)(const Words&);
  struct Link {  // which messages: zero and empty match all
    ReplicaId from, to;
    std::string type;
    size_t count = SIZE_MAX;
  };

  void run_block(const std::vector<std::string>& commands, std::string& out);
  void run_line(const std::string& line);
  void say(const std::string& line);
  void wrong(const std::string& what);
  ReplicaId node(const std::string& word) const;
  Link link(const Words& words) const;
  bool matches(const Link& link, const RaftMessage& message) const;
  void deliver(size_t position);
  template <class T>
  void outcome(const Result<T>& result);

  void options(const Words& words);
  void nodes(const Words& words);
  void spawn(const Words& words);
  void log(const Words& words);
  void tick(const Words& words);
  void pass(const Words& words);
  void run_time(const Words& words);
  void timeout(const Words& words);
  void campaign(const Words& words);
  void skew(const Words& words);
  void propose(const Words& words);
  void fill(const Words& words);
  void read(const Words& words);
  void lease_read(const Words& words);
  void conf(const Words& words);
  void transfer(const Words& words);
  void compact(const Words& words);
  void unreachable(const Words& words);
  void deliver(const Words& words);
  void drop(const Words& words);
  void dup(const Words& words);
  void reorder(const Words& words);
  void settle(const Words& words);
  void network(const Words& words);
  void cut(const Words& words);
  void cut_way(const Words& words);
  void cut_link(const Words& words);
  void heal(const Words& words);
  void crash(const Words& words);
  void restart(const Words& words);
  void wipe(const Words& words);
  void nofsync(const Words& words);
  void fsync(const Words& words);
  void noapply(const Words& words);
  void apply(const Words& words);
  void show(const Words& words);
  void quiet(const Words& words);

  // script_expect.cpp
  void expect(const Words& words);
  void expect_leader(const Words& words);
  void expect_node(ReplicaId id, const Words& words);
  std::string property(const Node& node, const std::string& name) const;
  void require(const std::string& what, const std::string& wanted, const std::string& found);

  static const std::map<std::string, Command>& commands();

  Cluster cluster_;
  std::string output_;
  bool quiet_ = false;
  std::string last_error_ = "none";
  std::vector<std::string> failures_;
};

std::vector<std::string> split(const std::string& text, char separator);
/// "1,2,3&1,2+4~5!", as render() writes it.
Config parse_config(const std::string& text);

}  // namespace ddb::raft::test
