#include "misfortune.hpp"

#include <cstdio>

namespace sim {

Misfortune::Misfortune(World& world, Network& network, Directory& directory, Processes& processes, bool trace)
    : world_{world}, network_{network}, directory_{directory}, processes_{processes}, trace_{trace} {
  kinds_ = {{&Misfortune::crash, 4},           {&Misfortune::black_out, 1},      {&Misfortune::partition, 2},
            {&Misfortune::isolate, 2},         {&Misfortune::isolate_one_way, 1}, {&Misfortune::isolate_asleep, 2},
            {&Misfortune::cut_link, 3},        {&Misfortune::hand_over_and_isolate, 2},
            {&Misfortune::cut_off_client, 3},
            {&Misfortune::pause, 2},           {&Misfortune::stall, 2},          {&Misfortune::jump, 1},
            {&Misfortune::fill, 1},            {&Misfortune::hand_over, 4},      {&Misfortune::return_of_the_past, 1}};
  for (Kind& kind : kinds_) kind.weight *= world_.random().below(4);
  kinds_.push_back({&Misfortune::lose_directory, world_.chance(0.1) ? 1u : 0u});
  kinds_.push_back({&Misfortune::crash, 1});  // never nothing
  interval_max_ = world_.chance(0.3) ? 500ms : 3s;
}

void Misfortune::begin() {
  network_.loss = world_.chance(0.5) ? 0.02 : 0;
  network_.duplication = world_.chance(0.5) ? 0.02 : 0;
  network_.slow = world_.chance(0.3) ? 0.1 : 0.01;
  next();
}

void Misfortune::next() {
  world_.after(world_.between(20ms, interval_max_), [this] {
    if (healed_) return;
    strike();
    next();
  });
}

void Misfortune::strike() {
  uint64_t sum = 0;
  for (const Kind& kind : kinds_) sum += kind.weight;
  uint64_t drawn = world_.random().below(sum);
  for (const Kind& kind : kinds_) {
    if (drawn < kind.weight) return (this->*kind.strike)();
    drawn -= kind.weight;
  }
}

void Misfortune::end() {
  healed_ = true;
  network_.heal();
  network_.loss = network_.duplication = 0;
  network_.slow = 0.01;
  for (auto& process : processes_) {
    if (process->is_swapped()) process->swap_in_old_copy();
    process->fill_disk(false);
    process->stall_disk({});
    process->pause({});
    process->delay_timers({});
    process->start();
  }
}

void Misfortune::tell(const std::string& what) {
  ++count_;
  if (!trace_) return;
  const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(world_.now().time_since_epoch()).count();
  std::fprintf(stderr, "%8ld ms  %s\n", static_cast<long>(at), what.c_str());
}

Process& Misfortune::anyone() { return *processes_[world_.random().below(processes_.size())]; }

Process& Misfortune::leader_or_anyone() {
  for (auto& process : processes_) {
    if (process->leads() && world_.chance(0.4)) return *process;
  }
  return anyone();
}

Process& Misfortune::node() {
  for (;;) {
    Process& process = anyone();
    if (!process.is_oracle()) return process;
  }
}

void Misfortune::restart_later(Process& process) {
  world_.after(world_.between(50ms, world_.chance(0.5) ? 500ms : 5s), [&process] { process.start(); });
}

void Misfortune::heal_network_later() {
  world_.after(world_.between(200ms, 6s), [this] { network_.heal(); });
}

void Misfortune::crash() {
  Process& process = leader_or_anyone();
  const bool power_loss = world_.chance(0.5);
  tell((power_loss ? "power loss of " : "kill ") + process.name());
  process.crash(power_loss);
  restart_later(process);
}

void Misfortune::black_out() {
  tell("power loss of everything");
  for (auto& process : processes_) {
    process->crash(true);
    restart_later(*process);
  }
}

void Misfortune::partition() {
  tell("partition");
  std::vector<bool> side;
  for (size_t i = 0; i < processes_.size(); ++i) side.push_back(world_.chance(0.5));
  const bool one_way = world_.chance(0.3);
  for (size_t i = 0; i < processes_.size(); ++i) {
    for (size_t j = 0; j < processes_.size(); ++j) {
      if (side[i] != side[j] && (side[i] || !one_way)) network_.cut(processes_[i]->endpoint(), processes_[j]->endpoint());
    }
  }
  heal_network_later();
}

/// From those of its kind: a node still reaches the oracle, and clients reach everyone.
void Misfortune::cut_off(const Process& process, bool both_ways) {
  for (auto& other : processes_) {
    if (other->is_oracle() != process.is_oracle()) continue;
    network_.cut(process.endpoint(), other->endpoint());
    if (both_ways) network_.cut(other->endpoint(), process.endpoint());
  }
  heal_network_later();
}

void Misfortune::isolate() {
  Process& process = leader_or_anyone();
  tell(process.name() + " is cut off from its peers");
  cut_off(process, true);
}

void Misfortune::isolate_one_way() {
  Process& process = leader_or_anyone();
  tell("nothing that " + process.name() + " says is heard");
  for (auto& other : processes_) network_.cut(process.endpoint(), other->endpoint());
  heal_network_later();
}

/// It answers, but notices nothing by itself: a leader that only its lease keeps from serving.
void Misfortune::isolate_asleep() {
  Process& process = leader_or_anyone();
  tell(process.name() + " is cut off from its peers, and its timers are late");
  process.delay_timers(world_.between(1s, 6s));
  cut_off(process, true);
}

/// The others reach both: one of the two is elected though the other leads.
void Misfortune::cut_link() {
  Process& one = leader_or_anyone();
  Process& other = anyone();
  if (&one == &other || one.is_oracle() != other.is_oracle()) return;
  tell(one.name() + " and " + other.name() + " do not reach each other");
  network_.cut(one.endpoint(), other.endpoint());
  network_.cut(other.endpoint(), one.endpoint());
  heal_network_later();
}

/// It does not hear that it has been succeeded.
void Misfortune::hand_over_and_isolate() {
  Process& process = leader_or_anyone();
  tell(process.name() + " hands its leaderships over and is cut off from its peers");
  process.hand_over();
  cut_off(process, true);
}

/// It hears nothing; what it says may arrive.
void Misfortune::cut_off_client() {
  const Endpoint client = directory_.clients[world_.random().below(directory_.clients.size())];
  tell("client " + std::to_string(client) + " hears nothing");
  for (auto& process : processes_) network_.cut(process->endpoint(), client);
  heal_network_later();
}

void Misfortune::pause() {
  Process& process = leader_or_anyone();
  tell("pause of " + process.name());
  process.pause(world_.between(50ms, 6s));
}

void Misfortune::stall() {
  Process& process = leader_or_anyone();
  tell("disk stall of " + process.name());
  process.stall_disk(world_.between(100ms, world_.chance(0.5) ? 1s : 12s));
}

void Misfortune::jump() {
  Process& process = leader_or_anyone();
  tell("clock jump of " + process.name());
  constexpr int64_t hour = 3'600'000;
  process.jump_wall_clock(static_cast<int64_t>(world_.random().below(2 * hour)) - hour);
}

void Misfortune::fill() {
  Process& process = leader_or_anyone();
  tell("full disk of " + process.name());
  process.fill_disk(true);
  world_.after(world_.between(200ms, 4s), [this, &process] {
    process.fill_disk(false);
    restart_later(process);
  });
}

void Misfortune::hand_over() {
  Process& process = leader_or_anyone();
  tell(process.name() + " hands its leaderships over");
  process.hand_over();
}

/// A6: somebody starts a copy of the directory that is older than the last start.
void Misfortune::return_of_the_past() {
  Process& process = node();
  if (!process.has_old_copy() || process.is_swapped()) return;
  tell("an old copy of the directory of " + process.name());
  process.swap_in_old_copy();
  process.start();
  world_.after(world_.between(500ms, 3s), [this, &process] {
    if (!process.is_swapped()) return;
    process.swap_in_old_copy();
    restart_later(process);
  });
}

void Misfortune::lose_directory() {
  if (std::exchange(lost_, true)) return;
  Process& process = node();
  if (process.is_swapped()) return;
  tell(process.name() + " loses its directory");
  directory_.stores.erase(process.store());
  process.lose_directory();
  directory_.stores[process.store()] = process.endpoint();
  restart_later(process);
}

}  // namespace sim
