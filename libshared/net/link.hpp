// Packets over a connection: the Hello exchange, then proto::Packet both ways. PeerLink keeps one up.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/connection.hpp"

namespace ddb::net {

/// Who this process is; read whenever a Hello leaves or arrives, so the owner may fill it in later.
struct Identity {
  uint64_t cluster = 0;  // zero: not known yet
  StoreId store;         // zero: a client
};

/// bad_data: another protocol version. refused: another cluster.
Result<void> check_hello(const proto::Hello& theirs, const Identity& ours);

/// One connection that speaks packets: says Hello first, and hears it first.
/// A malformed packet, a wrong Hello or silence instead of one (10 s) ends it, and nothing else.
class Link {
 public:
  struct Events {
    std::function<void(const proto::Hello&)> hello;   // accepted by check_hello; before any packet
    std::function<void(proto::Packet&&)> packet;      // never a Hello
    std::function<void(const Error& reason)> closed;  // once; not after close()
  };

  /// `identity` must outlive the link. Destruction closes; it may happen within a callback.
  Link(Loop& loop, ConnectionPtr connection, const Identity& identity, Events events);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void send(const proto::Packet& packet);
  void close();
  void finish();  // after what is queued has left
  bool open() const;
  size_t output_bytes() const;
  const std::string& peer() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

struct PeerLinkOptions {
  Duration connect_timeout = std::chrono::seconds{2};
  Duration retry_min = std::chrono::milliseconds{20};  // doubled with every failure
  Duration retry_max = std::chrono::seconds{1};
  ConnectionOptions connection{};
};

/// Keeps one outgoing link to an address: dials, says Hello, dials again with back-off when it breaks.
/// What is sent while it is down is dropped: senders repeat (Raft) or hear `down` (requests).
class PeerLink {
 public:
  struct Events {
    std::function<void(const proto::Hello&)> up;
    std::function<void(const Error& reason)> down;  // after each `up`, and after each failed attempt
    std::function<void(proto::Packet&&)> packet;
  };

  /// Dials at once. `identity` must outlive it. Destruction closes; it may happen within a callback.
  PeerLink(Loop& loop, const Identity& identity, const Address& address, Events events, const PeerLinkOptions& options = {});
  ~PeerLink();
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  bool send(const proto::Packet& packet);  // false: down, dropped
  bool up() const;
  void retry_now();  // skips what is left of a back-off
  void redial();     // gives up the present connection and dials anew, without `down`: the peer is hung
  size_t output_bytes() const;
  const Address& address() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::net
