#include "range/timestamps.hpp"

#include <algorithm>

namespace ddb::range {

namespace {
constexpr size_t batch_max = 1024;
constexpr Duration retry_delay = std::chrono::milliseconds{20};
}  // namespace

void TimestampQueue::pump(Instant now) {
  now_ = now;
  if (in_flight_ || queued_.empty() || now < not_before_) return;
  const size_t count = std::min(queued_.size(), batch_max);
  std::vector<Done> waiters{std::make_move_iterator(queued_.begin()),
                            std::make_move_iterator(queued_.begin() + static_cast<ptrdiff_t>(count))};
  queued_.erase(queued_.begin(), queued_.begin() + static_cast<ptrdiff_t>(count));
  in_flight_ = true;
  calls_.call(proto::TimestampRequest{static_cast<uint32_t>(count)},
              [this, held = std::move(waiters)](Result<proto::OracleReply> reply) mutable {
                answered(std::move(held), std::move(reply));
              });
}

void TimestampQueue::answered(std::vector<Done> waiters, Result<proto::OracleReply> reply) {
  in_flight_ = false;
  const auto* got = reply ? std::get_if<proto::TimestampReply>(&*reply) : nullptr;
  if (got == nullptr) {
    queued_.insert(queued_.begin(), std::make_move_iterator(waiters.begin()), std::make_move_iterator(waiters.end()));
    not_before_ = now_ + retry_delay;
    return;
  }
  Timestamp next = got->first;
  for (const Done& done : waiters) {
    done(next);
    next = next.next();
  }
}

}  // namespace ddb::range
