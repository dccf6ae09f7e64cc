// ddb-oracle get, put, del, watch, grant, keep, revoke: the metadata store by hand and from scripts.
#pragma once

#include <optional>
#include <string>

#include "session.hpp"

namespace ddb::oracle {

/// One key; or all that begin with it; or all from it up to `end`.
struct KeyOptions {
  std::string key;
  std::string end;
  bool prefix = false;
};

struct PutOptions {
  std::string key;
  std::string value;  // "-": standard input
  uint64_t lease = 0;
};

struct WatchOptions {
  KeyOptions keys;
  uint64_t from = 0;
  uint64_t count = 0;  // zero: no end
};

Result<void> get(cli::Context& context, const ClientOptions& client, const KeyOptions& keys);
Result<void> put(cli::Context& context, const ClientOptions& client, const PutOptions& options,
                 std::optional<uint64_t> if_revision);
Result<void> del(cli::Context& context, const ClientOptions& client, const KeyOptions& keys,
                 std::optional<uint64_t> if_revision);
Result<void> watch(cli::Context& context, const ClientOptions& client, const WatchOptions& options);

Result<void> grant(cli::Context& context, const ClientOptions& client, std::chrono::microseconds ttl);
Result<void> keep(cli::Context& context, const ClientOptions& client, uint64_t lease);
Result<void> revoke(cli::Context& context, const ClientOptions& client, uint64_t lease);

}  // namespace ddb::oracle
