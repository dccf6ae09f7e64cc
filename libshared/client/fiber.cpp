#include "client/fiber.hpp"

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <map>
#include <utility>
#include <vector>

#include "base/assert.hpp"

namespace ddb::client {

namespace context = boost::context;

namespace {

constexpr size_t idle_stacks_max = 16;

/// Stacks of fibers that have ended, for the next ones: a fiber per request would spend more on mapping its stack, and on
/// faulting in its pages, than on the request.
class Stacks {
 public:
  explicit Stacks(size_t bytes) : source_{bytes} { idle_.reserve(idle_stacks_max); }
  ~Stacks() {
    for (auto& stack : idle_) source_.deallocate(stack);
  }
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  context::stack_context take() {
    if (idle_.empty()) return source_.allocate();
    const context::stack_context stack = idle_.back();
    idle_.pop_back();
    return stack;
  }

  void give_back(context::stack_context& stack) {
    if (idle_.size() < idle_stacks_max) return idle_.push_back(stack);
    source_.deallocate(stack);
  }

 private:
  context::protected_fixedsize_stack source_;  // the guard page below a stack turns an overflow into a crash instead of damage
  std::vector<context::stack_context> idle_;   // the last to come back is the first to go out: its pages are warm
};

/// As Boost.Context wants to see them.
struct StackAllocator {
  Stacks* stacks;
  context::stack_context allocate() { return stacks->take(); }
  void deallocate(context::stack_context& stack) noexcept { stacks->give_back(stack); }
};

}  // namespace

struct Fibers::Fiber {
  context::fiber self;    // where it goes on; empty while it runs and once it has ended
  context::fiber caller;  // while it runs: who resumed it
  std::shared_ptr<Parking> parking;  // what it waits for
};

struct Fibers::Impl : std::enable_shared_from_this<Impl> {
  Impl(net::Loop& the_loop, size_t stack_bytes) : loop{the_loop}, stacks{stack_bytes} {}

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
  Stacks stacks;  // outlives the fibers
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
  fiber.self = context::fiber{std::allocator_arg, StackAllocator{&impl_->stacks},
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
