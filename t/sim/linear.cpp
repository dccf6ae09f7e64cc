#include "linear.hpp"

#include <algorithm>
#include <set>

namespace sim {

namespace {

class Search {
 public:
  explicit Search(std::vector<Operation> history) : ops_{std::move(history)} {
    std::sort(ops_.begin(), ops_.end(), [](const Operation& a, const Operation& b) { return a.call < b.call; });
    done_.resize(ops_.size());
    for (const auto& op : ops_) required_ += op.ret != Instant::max();
  }

  bool linearizable() { return step(0, 0); }
  const Operation& stuck() const { return ops_[stuck_]; }

 private:
  static bool fits(const Operation& op, uint64_t value) {
    return op.kind == Operation::Kind::write || op.seen == value;
  }
  static uint64_t after(const Operation& op, uint64_t value) {
    return op.kind == Operation::Kind::read ? value : op.value;
  }

  /// `first`: all operations before it are done. `finished`: how many that returned are.
  bool step(size_t first, size_t finished) {
    if (finished == required_) return true;
    while (first < ops_.size() && done_[first]) ++first;
    if (!visited_.insert({value_, std::vector<bool>{done_.begin() + static_cast<ptrdiff_t>(first), done_.end()}, first}).second) {
      return false;
    }
    // The next to take effect was called before any pending one had returned.
    Instant limit = Instant::max();
    for (size_t i = first; i < ops_.size(); ++i) {
      if (ops_[i].call > limit) break;
      if (!done_[i]) limit = std::min(limit, ops_[i].ret);
    }
    for (size_t i = first; i < ops_.size() && ops_[i].call <= limit; ++i) {
      if (done_[i] || !fits(ops_[i], value_)) continue;
      const uint64_t before = value_;
      done_[i] = true;
      value_ = after(ops_[i], before);
      if (step(first, finished + (ops_[i].ret != Instant::max()))) return true;
      done_[i] = false;
      value_ = before;
    }
    stuck_ = std::max(stuck_, first);
    return false;
  }

  std::vector<Operation> ops_;
  std::vector<bool> done_;
  size_t required_ = 0;
  uint64_t value_ = 0;
  size_t stuck_ = 0;
  std::set<std::tuple<uint64_t, std::vector<bool>, size_t>> visited_;
};

}  // namespace

std::string check_register(std::vector<Operation> history) {
  if (history.empty()) return {};
  Search search{std::move(history)};
  if (search.linearizable()) return {};
  const auto& op = search.stuck();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(op.call.time_since_epoch()).count();
  return "no order explains the operation called at " + std::to_string(millis) + " ms (saw " + std::to_string(op.seen) +
         ", wrote " + std::to_string(op.value) + ")";
}

}  // namespace sim
