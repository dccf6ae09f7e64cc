// Keys that part a span into pieces of about as many rows each.
#pragma once

#include "session.hpp"

namespace ddb::split {

/// Up to `pieces` - 1 keys of rows, in order; fewer where there are fewer rows. Reads the span, page by page.
Result<std::vector<Bytes>> quantiles(Session& session, env::KeySpan span, uint64_t pieces);

}  // namespace ddb::split
