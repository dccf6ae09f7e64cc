// What must be gone once everything has come to rest.
#pragma once

#include <string>

#include "env/state.hpp"
#include "env/kv.hpp"

namespace sim {

/// Names the first of: a lock; a transaction record that is undecided, or waits to be resolved (V4, P9). Empty: there is none.
std::string left_by_transactions(ddb::env::State& rows);

/// Whether anything is left of the span: a version, or a lock (H3).
bool is_left(ddb::env::State& rows, const ddb::env::KeySpan& span);

}  // namespace sim
