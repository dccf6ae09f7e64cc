// What the .cpp files of net/ share about sockets; not for use outside.
#pragma once

#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <vector>

#include "net/connection.hpp"

namespace ddb::net {

using boost::asio::ip::tcp;

ConnectionPtr make_connection(Loop& loop, tcp::socket socket, const ConnectionOptions& options);

/// "Connection refused", or "closed by the other side" for an end of stream.
std::string reason_of(const boost::system::error_code& error);

/// The endpoints of a numeric host or "localhost"; empty: it must be looked up.
std::vector<tcp::endpoint> literal_endpoints(const Address& address);

}  // namespace ddb::net
