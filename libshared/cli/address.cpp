#include "cli/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

namespace ddb::cli {

namespace {

auto malformed(std::string_view text) {
  return fail(Code::usage, fmt::format("\"{}\" is not an address", text),
              "write HOST:PORT, as in 127.0.0.1:7101 or [::1]:7101");
}

bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return host == "::1" || host == "localhost";
}

}  // namespace

std::string to_string(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address.host, address.port) : fmt::format("{}:{}", address.host, address.port);
}

Result<Address> parse_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return malformed(text);

  std::string_view host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos) return malformed(text);  // IPv6 without brackets
  if (host.empty() || host.find_first_of(" \t\n/[]") != std::string_view::npos) return malformed(text);

  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc{} || rest != end) return malformed(text);
  return Address{std::string{host}, port};
}

Result<std::vector<Address>> parse_addresses(std::string_view text) {
  std::vector<Address> addresses;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    auto address = parse_address(text.substr(at, comma - at));
    if (!address) return std::unexpected(address.error());
    addresses.push_back(*std::move(address));
    at = comma + 1;
  }
  return addresses;
}

Result<std::vector<Address>> oracle_addresses(std::string_view option) {
  if (!option.empty()) return parse_addresses(option);
  const char* const variable = std::getenv("DDB_ORACLE");
  if (variable == nullptr || *variable == '\0')
    return fail(Code::usage, "no oracle given", "use --oracle HOST:PORT[,HOST:PORT...] or set DDB_ORACLE");
  auto addresses = parse_addresses(variable);
  if (!addresses) addresses.error().message = "DDB_ORACLE: " + addresses.error().message;
  return addresses;
}

Result<void> check_listen(const Address& address, bool insecure) {
  if (insecure || is_loopback(address.host)) return {};
  return fail(Code::refused, to_string(address) + " can be reached from other machines, and connections have no TLS",
              "listen on 127.0.0.1, or give --insecure");
}

}  // namespace ddb::cli
