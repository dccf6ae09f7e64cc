// What goes wrong in a run, and when.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "directory.hpp"
#include "network.hpp"
#include "process.hpp"

namespace sim {

using Processes = std::vector<std::unique_ptr<Process>>;

/// Every run has its own mix: some kinds of misfortune often, some never, so that none hides what another finds
/// (Groce et al., Swarm Testing, 2012).
class Misfortune {
 public:
  Misfortune(World& world, Network& network, Directory& directory, Processes& processes, bool trace);

  void begin();
  void end();  // everything is healed
  uint64_t count() const { return count_; }

 private:
  struct Kind {
    void (Misfortune::*strike)();
    uint64_t weight;
  };

  void next();
  void strike();
  void tell(const std::string& what);
  Process& anyone();
  Process& leader_or_anyone();
  Process& node();
  void restart_later(Process& process);
  void heal_network_later();
  void cut_off(const Process& process, bool both_ways);

  void crash();
  void black_out();
  void partition();
  void isolate();
  void isolate_one_way();
  void isolate_asleep();
  void cut_link();
  void hand_over_and_isolate();
  void cut_off_client();
  void pause();
  void stall();
  void jump();
  void fill();
  void hand_over();
  void return_of_the_past();
  void lose_directory();

  World& world_;
  Network& network_;
  Directory& directory_;
  Processes& processes_;
  const bool trace_;
  std::vector<Kind> kinds_;
  Duration interval_max_{};
  bool healed_ = false;
  bool lost_ = false;  // a directory: a second one might be the last that holds something
  uint64_t count_ = 0;
};

}  // namespace sim
