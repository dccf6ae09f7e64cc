// Requests and their replies, to one process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "net/link.hpp"

namespace ddb::client {

/// What asynchronous calls of this layer end with: called once, from the loop, unless the object that it was
/// given to is destroyed first.
template <class T>
using Done = std::move_only_function<void(Result<T>)>;

struct ChannelOptions {
  net::PeerLinkOptions link{};
  size_t waiting_max = 65'536;  // requests without an answer; more get try_again
};

/// Keeps one PeerLink and tells replies apart. Requests that are made while it is down leave once it is up.
/// Errors of requests: unavailable (never sent), unknown_outcome (sent, and no answer), refused or bad_data (a process
/// of another cluster or version), try_again, too_long (a frame cannot hold it).
class Channel {
 public:
  using Stream = std::function<void(Result<Bytes>)>;  // many replies; an error is the last

  Channel(net::Loop& loop, const net::Identity& identity, const net::Address& address,
          std::function<void(const proto::Hello&)> up = {}, const ChannelOptions& options = {});
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Calls back with the body of the reply, or an error after `timeout` at the latest. A process from which nothing
  /// was heard all that time is hung: the connection is given up, and other requests on it fail as well.
  void request(RangeId range, Bytes body, Duration timeout, Done<Bytes> done);

  /// A request with many replies. No time limit. Returns its id, for cancel() and WatchCancelRequest.
  uint64_t open_stream(RangeId range, Bytes body, Stream stream);
  /// Forgets a stream; no more calls.
  void cancel(uint64_t id);

  bool up() const;
  /// False from when it broke, could not be made or was given up as hung, until it is up again.
  bool responsive() const;
  const net::Address& address() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::client
