// A generation as a file, DIR/flush: what a crash between two slices of its flush is repaired from (A2).
//
// Applying the log anew would not do: entries that look at the state (collection, resolving a lock) would find there
// what came after them. Writing the same rows anew changes nothing.
#pragma once

#include <cstdint>
#include <string>

#include "env/fs.hpp"
#include "lmdb/environment.hpp"
#include "lmdb/generation.hpp"

namespace ddb::lmdb {

/// Makes the file and its name durable. Returns its size in bytes. store_full: there is no file then.
Result<uint64_t> write_flush_image(env::FileSystem& files, const std::string& directory, const Generation& generation);

/// Writes what the image of `bytes` holds to `env`, in bounded synced transactions. May be stopped and repeated.
/// bad_data: damaged, or not the one that was written.
Result<void> replay_flush_image(env::FileSystem& files, const std::string& directory, uint64_t bytes, const Environment& env);

/// Of no more use, or never finished.
void remove_flush_image(env::FileSystem& files, const std::string& directory);

}  // namespace ddb::lmdb
