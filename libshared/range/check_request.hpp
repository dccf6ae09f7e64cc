// Refuses requests that make no sense, before they cost anything.
#pragma once

#include <cstddef>

#include "base/result.hpp"
#include "proto/range.hpp"

namespace ddb::range {

/// Errors: usage, too_long. `commit_bytes_max`: of the keys and values of one commit.
Result<void> check_request(const proto::RangeRequestBody& body, size_t commit_bytes_max);

/// The highest timestamp in it: all of them must have come from the oracle.
Timestamp highest_timestamp(const proto::RangeRequestBody& body);

/// What a request that passed check_request was routed by. Refers to it.
BytesView first_key(const proto::RangeRequestBody& body);

}  // namespace ddb::range
