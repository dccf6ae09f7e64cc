#include "net/socket.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>

namespace ddb::net {

namespace asio = boost::asio;

std::string reason_of(const boost::system::error_code& error) {
  return error == asio::error::eof ? "closed by the other side" : error.message();
}

std::vector<Stream::endpoint> literal_endpoints(const Address& address) {
  if (address.is_local()) return {asio::local::stream_protocol::endpoint{address.host}};
  if (address.host == "localhost") {
    return {tcp::endpoint{asio::ip::address_v4::loopback(), address.port},
            tcp::endpoint{asio::ip::address_v6::loopback(), address.port}};
  }
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(address.host, error);
  if (error) return {};
  return {tcp::endpoint{ip, address.port}};
}

Address address_of(const Stream::endpoint& endpoint) {
  if (endpoint.protocol().family() == AF_UNIX) return {.host = "/", .port = 0};
  tcp::endpoint tcp;
  std::memcpy(tcp.data(), endpoint.data(), std::min(endpoint.size(), tcp.capacity()));
  return {.host = tcp.address().to_string(), .port = tcp.port()};
}

}  // namespace ddb::net
