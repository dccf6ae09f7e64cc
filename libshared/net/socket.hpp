// What the .cpp files of net/ share about sockets; not for use outside.
#pragma once

#include <utility>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <vector>

#include "net/connection.hpp"

namespace ddb::net {

using boost::asio::ip::tcp;
using Stream = boost::asio::generic::stream_protocol;  // TCP, or a local socket

ConnectionPtr make_connection(Loop& loop, Stream::socket socket, const ConnectionOptions& options);

/// "Connection refused", or "closed by the other side" for an end of stream.
std::string reason_of(const boost::system::error_code& error);

/// The endpoints of a numeric host, "localhost" or a local socket; empty: it must be looked up.
std::vector<Stream::endpoint> literal_endpoints(const Address& address);

/// The inverse, of TCP; a local socket's peer has no name.
Address address_of(const Stream::endpoint& endpoint);

}  // namespace ddb::net
