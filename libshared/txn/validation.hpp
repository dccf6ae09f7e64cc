// Whether what a transaction has read is still so at a later time: P4 of many spans, over all their ranges.
#pragma once

#include <functional>
#include <vector>

#include "txn/calls.hpp"
#include "txn/ranges.hpp"

namespace ddb::txn {

struct Validation {
  proto::Attempt attempt;  // whose own locks are no conflict
  Timestamp read_ts;
  Timestamp at;
  std::vector<env::KeySpan> spans;
};

/// One of the first two is called, once; a failed validation may leave requests under way.
struct ValidationEvents {
  std::function<void()> passed;  // all of it, its floor raised to `at`
  std::function<void(Error)> failed;
  /// Another's lock is in the way; `again` asks anew.
  std::function<void(const proto::Locked& locked, std::function<void()> again)> met;
};

/// All ranges are asked at the same time, piece by piece where one has been split. No spans: passed at once.
void validate(Calls& calls, const Ranges& ranges, Validation what, ValidationEvents events);

}  // namespace ddb::txn
