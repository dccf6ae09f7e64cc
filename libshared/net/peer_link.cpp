#include <algorithm>
#include <optional>
#include <utility>

#include "net/link.hpp"

namespace ddb::net {

// down --dial--> dialing --connected--> greeting --Hello--> up
//   ^---------------+----------------------+---------------'  any failure; dials again after the back-off
struct PeerLink::Impl : std::enable_shared_from_this<Impl> {
  Impl(Loop& the_loop, const Identity& the_identity, const Address& the_address, Events the_events,
       const PeerLinkOptions& the_options)
      : loop{the_loop}, identity{the_identity}, address{the_address}, events{std::move(the_events)},
        options{the_options}, delay{options.retry_min}, retry{loop} {}

  void dial() {
    retry.cancel();
    up = false;
    link.reset();
    dialer.emplace(loop, address, options.connect_timeout, options.connection,
                   [self = shared_from_this()](Result<ConnectionPtr> connection) {
                     if (!connection) return self->failed(connection.error());
                     self->greet(std::move(*connection));
                   });
  }

  void greet(ConnectionPtr connection) {
    link = std::make_unique<Link>(
        loop, std::move(connection), identity,
        Link::Events{.hello = [self = shared_from_this()](const proto::Hello& hello) { self->greeted(hello); },
                     .packet = [self = shared_from_this()](proto::Packet&& packet) { self->events.packet(std::move(packet)); },
                     .closed = [self = shared_from_this()](const Error& reason) { self->failed(reason); }});
  }

  void greeted(const proto::Hello& hello) {
    up = true;
    delay = options.retry_min;
    events.up(hello);
  }

  void failed(const Error& reason) {
    up = false;
    link.reset();
    retry.after(delay, [self = shared_from_this()] { self->dial(); });
    delay = std::min(2 * delay, options.retry_max);
    events.down(reason);
  }

  /// Breaks the cycles through the callbacks above.
  void stop() {
    up = false;
    retry.cancel();
    dialer.reset();
    link.reset();
  }

  Loop& loop;
  const Identity& identity;
  Address address;
  Events events;
  PeerLinkOptions options;
  Duration delay;
  Timer retry;
  std::optional<Dialer> dialer;
  std::unique_ptr<Link> link;
  bool up = false;
};

PeerLink::PeerLink(Loop& loop, const Identity& identity, const Address& address, Events events,
                   const PeerLinkOptions& options)
    : impl_{std::make_shared<Impl>(loop, identity, address, std::move(events), options)} {
  impl_->dial();
}

PeerLink::~PeerLink() { impl_->stop(); }

bool PeerLink::send(const proto::Packet& packet) {
  if (impl_->up) impl_->link->send(packet);
  return impl_->up;
}

bool PeerLink::up() const { return impl_->up; }
void PeerLink::retry_now() {
  if (impl_->retry.pending()) impl_->dial();
}
void PeerLink::redial() { impl_->dial(); }
size_t PeerLink::output_bytes() const { return impl_->link ? impl_->link->output_bytes() : 0; }
const Address& PeerLink::address() const { return impl_->address; }

}  // namespace ddb::net
