// How a call that looks synchronous waits for an asynchronous one: by running the loop, or by suspending its fiber.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "client/channel.hpp"

namespace ddb::client {

class Executor {
 public:
  /// Where one call waits. Woken once, by what it waits for; maybe before it parks.
  struct Parking {
    bool woken = false;
    std::function<void()> resume;  // set while parked
    void wake() {
      woken = true;
      if (resume) resume();
    }
  };

  virtual ~Executor() = default;
  /// Returns when `parking` is woken; false: the program is stopping, do not wait.
  virtual bool park(const std::shared_ptr<Parking>& parking) = 0;
};

/// Runs the loop meanwhile: for programs that do one thing at a time. Not to be used within the loop's own callbacks.
class LoopExecutor : public Executor {
 public:
  explicit LoopExecutor(net::Loop& loop) : loop_{loop} {}
  bool park(const std::shared_ptr<Parking>& parking) override {
    loop_.run_until([&] { return parking->woken; });
    return parking->woken;
  }

 private:
  net::Loop& loop_;
};

/// await<Timestamp>(executor, [&](Done<Timestamp> done) { oracle.timestamp(std::move(done)); })
/// unknown_outcome: the program is stopping, and did not wait for the answer.
template <class T, class Start>
Result<T> await(Executor& executor, Start start) {
  struct Slot {
    std::optional<Result<T>> result;
    std::shared_ptr<Executor::Parking> parking = std::make_shared<Executor::Parking>();
  };
  auto slot = std::make_shared<Slot>();
  start(Done<T>{[slot](Result<T> result) {
    slot->result = std::move(result);
    slot->parking->wake();
  }});
  if (!slot->result && !executor.park(slot->parking)) return fail(Code::unknown_outcome, "the program is stopping");
  return std::move(*slot->result);
}

}  // namespace ddb::client
