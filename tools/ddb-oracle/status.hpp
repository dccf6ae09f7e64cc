// ddb-oracle time, status, stores.
#pragma once

#include "session.hpp"

namespace ddb::oracle {

Result<void> time(cli::Context& context, const ClientOptions& client, uint32_t count);
Result<void> status(cli::Context& context, const ClientOptions& client);
Result<void> stores(cli::Context& context, const ClientOptions& client);

}  // namespace ddb::oracle
