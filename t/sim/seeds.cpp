#include "seeds.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <utility>

#include "base/rule.hpp"

namespace sim {

namespace {

constexpr unsigned jobs_max = 64;
constexpr time_t seed_seconds_max = 120;    // of CPU time: a run that takes longer hangs
constexpr uint64_t replay_every = 25;       // one in so many seeds is run twice: it must give the same run

/// In memory that all workers see.
struct Board {
  std::atomic<uint64_t> next;          // seed to be taken
  std::atomic<uint64_t> end;           // none from here on
  std::atomic<uint64_t> first_failed;  // UINT64_MAX: none
  std::atomic<uint64_t> seeds;
  std::atomic<uint64_t> failed;
  std::atomic<uint64_t> reached;
  std::array<std::atomic<uint64_t>, tally_size> tally;
  std::array<std::atomic<uint64_t>, jobs_max> current;  // seed of each worker
};

void lower(std::atomic<uint64_t>& value, uint64_t to) {
  uint64_t known = value;
  while (to < known && !value.compare_exchange_weak(known, to)) {
  }
}

class Seeds {
 public:
  explicit Seeds(const SeedsOptions& options) : options_{options} {
    void* memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    board_ = new (memory) Board{};
    board_->next = options.first;
    board_->end = options.first + options.count;
    board_->first_failed = UINT64_MAX;
  }
  ~Seeds() { munmap(board_, sizeof(Board)); }
  Seeds(const Seeds&) = delete;

  void run_all() {
    std::map<pid_t, size_t> workers;
    for (size_t i = 0; i < std::min(options_.jobs, jobs_max); ++i) workers[spawn(i)] = i;
    while (!workers.empty()) {
      int status = 0;
      const auto worker = workers.extract(wait(&status)).mapped();
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
      failed(board_->current[worker], WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "the run ended early");
      workers[spawn(worker)] = worker;
    }
  }

  SeedsResult result() const {
    SeedsResult out{board_->seeds, board_->failed, board_->first_failed, board_->reached, {}};
    for (size_t i = 0; i < tally_size; ++i) out.tally[i] = board_->tally[i];
    return out;
  }

 private:
  pid_t spawn(size_t worker) {
    std::fflush(stdout);
    const pid_t pid = fork();
    if (pid < 0) std::abort();
    if (pid > 0) return pid;
    work(worker);
    std::fflush(stdout);
    _exit(0);
  }

  void work(size_t worker) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
      const uint64_t seed = board_->next++;
      if (seed >= board_->end) return;
      board_->current[worker] = seed;
      const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = seed_seconds_max, .tv_usec = 0}};
      setitimer(ITIMER_PROF, &limit, nullptr);
      one(seed);
    }
  }

  void one(uint64_t seed) {
    ++board_->seeds;
    RunOptions options = options_.run;
    options.seed = seed;
    const auto result = run(options);
    for (size_t i = 0; i < tally_size; ++i) board_->tally[i] += result.tally[i];
#ifdef DDB_MUTATIONS
    board_->reached += std::exchange(ddb::dropped_rule_reached, 0);
#endif
    if (!result.violation.empty()) return failed(seed, result.violation);
    if (options_.until_found || (seed - options_.first) % replay_every != 0) return;
    if (run(options).digest != result.digest) failed(seed, "a second run of the same seed went another way");
  }

  void failed(uint64_t seed, const std::string& what) {
    ++board_->failed;
    lower(board_->first_failed, seed);
    if (options_.until_found) lower(board_->end, seed);
    std::printf("seed %lu: %s\n", seed, what.c_str());
    if (!options_.until_found) std::printf("replay: build/sim --seed %lu --seconds %d --trace\n", seed, options_.run.seconds);
    std::fflush(stdout);
  }

  const SeedsOptions options_;
  Board* board_;
};

}  // namespace

SeedsResult run_seeds(const SeedsOptions& options) {
  Seeds seeds{options};
  seeds.run_all();
  return seeds.result();
}

}  // namespace sim
