// Fibers: many calls that look synchronous, on one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "client/executor.hpp"

namespace ddb::client {

/// Each fiber has its own stack and runs until it waits; then the loop goes on. Other fibers run only meanwhile.
/// A fiber that waits cannot be thrown away, since C code (SQLite) may be on its stack: stop() makes every wait
/// fail, and the fibers end by themselves.
class Fibers : public Executor {
 public:
  explicit Fibers(net::Loop& loop, size_t stack_bytes = 256 << 10);
  ~Fibers() override;  // none may be left: see stop()

  /// Runs `body` in a new fiber, from the loop, soon. It must not throw.
  void spawn(std::function<void()> body);

  /// Within a fiber: waits. False at once after stop().
  bool park(const std::shared_ptr<Parking>& parking) override;

  /// From now on nobody waits: what is parked resumes and hears so.
  void stop();

  size_t count() const;
  bool inside() const;  // the caller is a fiber

 private:
  struct Fiber;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::client
