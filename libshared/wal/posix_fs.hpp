// env::FileSystem on the machine's own files.
#pragma once

#include "env/fs.hpp"

namespace ddb::wal {

/// Without state: one for the process.
env::FileSystem& posix_files();

/// What `error` (an errno) means for `what`: store_full, not_found or io.
std::unexpected<Error> file_error(const std::string& what, const std::string& path, int error);

}  // namespace ddb::wal
