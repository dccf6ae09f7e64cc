// Reads the last flush, and nothing else (I1).
#pragma once

#include <memory>

#include "lmdb/environment.hpp"
#include "lmdb/store.hpp"

namespace ddb::lmdb {

/// `env` outlives it.
Result<std::unique_ptr<Snapshot>> open_snapshot(const Environment& env);

}  // namespace ddb::lmdb
