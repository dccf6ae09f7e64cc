// Where a program listens: host:port, or unix:/path for programs of the same machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace ddb::net {

/// An IPv6 host is written in brackets: [::1]:7001.
struct Address {
  std::string host;   // of a local socket: its absolute path
  uint16_t port = 0;  // of a local socket: zero

  bool is_local() const { return host.starts_with('/'); }
  bool operator==(const Address&) const = default;
};

constexpr size_t local_path_max = 107;  // bytes, of sockaddr_un

/// usage: not host:port with a port of 0 to 65535, nor unix:/path of at most local_path_max bytes.
Result<Address> parse_address(std::string_view text);

/// One or more, with commas between them; usage: as above, or none.
Result<std::vector<Address>> parse_addresses(std::string_view text);

std::string to_string(const Address& address);

/// 127.0.0.0/8, ::1, "localhost" or a local socket.
bool is_loopback(const Address& address);

}  // namespace ddb::net
