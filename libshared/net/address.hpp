// Where a program listens: host:port.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace ddb::net {

/// An IPv6 host is written in brackets: [::1]:7001.
struct Address {
  std::string host;
  uint16_t port = 0;

  bool operator==(const Address&) const = default;
};

/// usage: not host:port with a port of 0 to 65535.
Result<Address> parse_address(std::string_view text);

/// host:port[,host:port...]; usage: as above, or none.
Result<std::vector<Address>> parse_addresses(std::string_view text);

std::string to_string(const Address& address);

/// 127.0.0.0/8, ::1 or "localhost".
bool is_loopback(const Address& address);

}  // namespace ddb::net
