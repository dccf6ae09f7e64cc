// Frames over one TCP connection; and how connections come about.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"
#include "proto/wire.hpp"

namespace ddb::net {

struct ConnectionOptions {
  bool framed = true;  // false: a plain stream, for other protocols: pieces come and go as they are
  uint32_t frame_bytes_max = proto::frame_bytes_max;
  /// A peer that leaves more than this unread is disconnected at the next send(): so memory is bounded by this
  /// and one frame.
  size_t output_bytes_max = 64 << 20;
};

/// TCP_NODELAY; what is sent in one turn of the loop leaves in one system call.
/// Callbacks come from the loop, never from within a call to this object; none after close(). They may do
/// anything to the connection, destroy it included.
class Connection {
 public:
  struct Events {
    std::function<void(BytesView payload)> frame;      // `payload` lives until the callback returns; of a stream, a piece
    std::function<void(const Error& reason)> closed;   // once; unavailable: broken, bad_data: garbage arrived,
                                                       // try_again: the peer does not read
  };
  struct Impl;

  explicit Connection(std::shared_ptr<Impl> impl);  // made by Listener and Dialer
  ~Connection();  // closes, unless finish() was called
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Starts reading. To be called once; what arrived before waits.
  void start(Events events);

  /// While paused nothing more is read, so that the peer waits: for those who cannot keep up. What has been read already
  /// may still come, as frames. Broken connections are noticed late.
  void pause(bool paused);

  /// Queues one frame, or a stream's next bytes; without effect once closed. The payload must not be empty nor over frame_bytes_max.
  void send(BytesView payload);

  /// Closes now; what is queued is lost. Callbacks are dropped.
  void close();
  /// Sends what is queued (for at most 2 s), then closes. Callbacks are dropped.
  void finish();

  bool open() const;
  size_t output_bytes() const;      // queued, not yet taken by the kernel: for senders that pace themselves
  const std::string& peer() const;  // "host:port"

 private:
  std::shared_ptr<Impl> impl_;
};

using ConnectionPtr = std::shared_ptr<Connection>;

struct ListenOptions {
  bool insecure = false;  // permits an address that is not loopback: there is no TLS yet
  ConnectionOptions connection{};
};

/// Accepts until destroyed.
class Listener {
 public:
  /// Port 0: the kernel chooses; see address().
  /// refused: not loopback, without `insecure`; or not permitted. cannot_create: port in use, unknown host.
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Address& address, const ListenOptions& options,
                                                std::function<void(ConnectionPtr)> accepted);
  ~Listener();
  const Address& address() const;  // with the real port

 private:
  struct Impl;
  explicit Listener(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

/// One attempt to connect; destruction abandons it.
class Dialer {
 public:
  /// `done` is called once, from the loop. unavailable: names the address and the reason.
  Dialer(Loop& loop, const Address& address, Duration timeout, const ConnectionOptions& options,
         std::function<void(Result<ConnectionPtr>)> done);
  ~Dialer();
  Dialer(Dialer&&) noexcept;
  Dialer& operator=(Dialer&&) noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::net
