#include "net/address.hpp"

#include <charconv>

namespace ddb::net {

namespace {

std::unexpected<Error> bad_address(std::string_view text) {
  return fail(Code::usage, "'" + std::string{text} + "' is no address", "write host:port, as in 127.0.0.1:7001");
}

constexpr std::string_view local_scheme = "unix:";

bool parse_port(std::string_view text, uint16_t& port) {
  const auto [end, error] = std::from_chars(text.begin(), text.end(), port);
  return error == std::errc{} && end == text.end() && !text.empty();
}

bool bracketed(std::string_view host) { return host.size() > 2 && host.front() == '[' && host.back() == ']'; }

}  // namespace

Result<Address> parse_address(std::string_view text) {
  if (text.starts_with("unix:/")) {
    const std::string_view path = text.substr(local_scheme.size());
    if (path.size() <= local_path_max) return Address{.host = std::string{path}, .port = 0};
    return fail(Code::usage, "'" + std::string{text} + "' is too long for a local socket",
                "choose a path of at most " + std::to_string(local_path_max) + " bytes");
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_address(text);
  std::string_view host = text.substr(0, colon);
  if (bracketed(host)) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return bad_address(text);
  }
  Address address{.host = std::string{host}, .port = 0};
  if (host.empty() || !parse_port(text.substr(colon + 1), address.port)) return bad_address(text);
  return address;
}

Result<std::vector<Address>> parse_addresses(std::string_view text) {
  std::vector<Address> addresses;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    auto address = parse_address(text.substr(begin, end - begin));
    if (!address) return std::unexpected(address.error());
    addresses.push_back(std::move(*address));
    begin = end + 1;
  }
  return addresses;
}

std::string to_string(const Address& address) {
  if (address.is_local()) return local_scheme.data() + address.host;
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool is_loopback(const Address& address) {
  // A name such as 127.evil.example is no number: only digits and dots may follow.
  const bool v4 = address.host.starts_with("127.") && address.host.find_first_not_of("0123456789.") == std::string::npos;
  return v4 || address.is_local() || address.host == "::1" || address.host == "localhost";
}

}  // namespace ddb::net
