#include "client/fiber.hpp"

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <map>
#include <utility>

#include "base/assert.hpp"

namespace ddb::client {

namespace context = boost::context;

struct Fibers::Fiber {
  context::fiber self;    // where it goes on; empty while it runs and once it has ended
  context::fiber caller;  // while it runs: who resumed it
  std::shared_ptr<Parking> parking;  // what it waits for
};

struct Fibers::Impl : std::enable_shared_from_this<Impl> {
  Impl(net::Loop& the_loop, size_t the_stack_bytes) : loop{the_loop}, stack_bytes{the_stack_bytes} {}

  /// From the loop: a fiber resumed within another's callback would run on that one's stack.
  void resume_soon(uint64_t id) {
    loop.post([self = shared_from_this(), id] { self->resume(id); });
  }

  void resume(uint64_t id) {
    const auto found = fibers.find(id);
    if (found == fibers.end()) return;
    DDB_ASSERT(running == 0);
    running = id;
    Fiber& fiber = found->second;
    fiber.self = std::move(fiber.self).resume();
    running = 0;
    if (!fiber.self) fibers.erase(found);
  }

  net::Loop& loop;
  size_t stack_bytes;
  bool stopping = false;
  uint64_t last_id = 0;
  uint64_t running = 0;  // zero: the loop
  std::map<uint64_t, Fiber> fibers;
};

Fibers::Fibers(net::Loop& loop, size_t stack_bytes) : impl_{std::make_shared<Impl>(loop, stack_bytes)} {}
Fibers::~Fibers() { DDB_ASSERT(impl_->fibers.empty()); }

void Fibers::spawn(std::function<void()> body) {
  const uint64_t id = ++impl_->last_id;
  Fiber& fiber = impl_->fibers[id];
  // The guard page below the stack turns an overflow into a crash instead of damage.
  fiber.self = context::fiber{std::allocator_arg, context::protected_fixedsize_stack{impl_->stack_bytes},
                              [&fiber, run = std::move(body)](context::fiber&& caller) {
                                fiber.caller = std::move(caller);
                                run();
                                return std::move(fiber.caller);
                              }};
  impl_->resume_soon(id);
}

bool Fibers::park(const std::shared_ptr<Parking>& parking) {
  DDB_ASSERT(impl_->running != 0);
  if (impl_->stopping) return parking->woken;
  const uint64_t id = impl_->running;
  Fiber& fiber = impl_->fibers.at(id);
  fiber.parking = parking;
  parking->resume = [impl = impl_.get(), id] { impl->resume_soon(id); };
  fiber.caller = std::move(fiber.caller).resume();
  parking->resume = nullptr;
  fiber.parking.reset();
  return parking->woken;
}

void Fibers::stop() {
  if (std::exchange(impl_->stopping, true)) return;
  for (auto& [id, fiber] : impl_->fibers)
    if (fiber.parking && !fiber.parking->woken) impl_->resume_soon(id);
}

size_t Fibers::count() const { return impl_->fibers.size(); }
bool Fibers::inside() const { return impl_->running != 0; }

}  // namespace ddb::client
