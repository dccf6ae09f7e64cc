#include "net/socket.hpp"

#include <boost/asio/error.hpp>

namespace ddb::net {

namespace asio = boost::asio;

std::string reason_of(const boost::system::error_code& error) {
  return error == asio::error::eof ? "closed by the other side" : error.message();
}

std::vector<tcp::endpoint> literal_endpoints(const Address& address) {
  if (address.host == "localhost")
    return {{asio::ip::address_v4::loopback(), address.port}, {asio::ip::address_v6::loopback(), address.port}};
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(address.host, error);
  if (error) return {};
  return {{ip, address.port}};
}

}  // namespace ddb::net
