// Whether a request lies within one range.
#pragma once

#include "proto/range.hpp"

namespace ddb::proto {

/// Every key that it names and every span that it reads. A span that is empty lies anywhere.
bool is_within(const RangeRequestBody& body, const env::KeySpan& range);

}  // namespace ddb::proto
