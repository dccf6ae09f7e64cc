// HOST:PORT as people write it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace ddb::cli {

struct Address {
  std::string host;  // a name or an address; of [::1]:80 the part inside the brackets
  uint16_t port = 0;

  bool operator==(const Address&) const = default;
};

/// "[::1]:80" for IPv6, else "host:80".
std::string to_string(const Address& address);

/// Errors: usage. Port 0 (any free port) is allowed.
Result<Address> parse_address(std::string_view text);

/// "HOST:PORT,HOST:PORT..."; at least one. Errors: usage.
Result<std::vector<Address>> parse_addresses(std::string_view text);

/// The oracles given by --oracle (`option`, may be empty) or else by DDB_ORACLE. Errors: usage.
Result<std::vector<Address>> oracle_addresses(std::string_view option);

/// A daemon listens beyond loopback only when told that nothing protects it. Errors: refused.
Result<void> check_listen(const Address& address, bool insecure);

}  // namespace ddb::cli
