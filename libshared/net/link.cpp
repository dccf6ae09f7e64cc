#include "net/link.hpp"

#include <utility>

#include "codec/archive.hpp"

namespace ddb::net {

namespace {

constexpr Duration hello_timeout = std::chrono::seconds{10};

}  // namespace

Result<void> check_hello(const proto::Hello& theirs, const Identity& ours) {
  if (theirs.version != proto::protocol_version)
    return fail(Code::bad_data,
                "the other side speaks protocol version " + std::to_string(theirs.version) + ", this program " +
                    std::to_string(proto::protocol_version),
                "use programs of one release");
  if (theirs.cluster != 0 && ours.cluster != 0 && theirs.cluster != ours.cluster)
    return fail(Code::refused, "the other side belongs to another cluster", "check the addresses given");
  return {};
}

struct Link::Impl : std::enable_shared_from_this<Impl> {
  Impl(Loop& loop, ConnectionPtr the_connection, const Identity& the_identity, Events the_events)
      : connection{std::move(the_connection)}, identity{the_identity}, events{std::move(the_events)}, silence{loop} {}

  void start() {
    send(proto::Hello{.version = proto::protocol_version, .cluster = identity.cluster, .store = identity.store});
    silence.after(hello_timeout, [this] { end({Code::bad_data, connection->peer() + " does not say Hello", {}, {}}); });
    connection->start({.frame = [self = shared_from_this()](BytesView payload) { self->received(payload); },
                       .closed = [self = shared_from_this()](const Error& reason) { self->ended(reason); }});
  }

  void send(const proto::Packet& packet) { connection->send(codec::encode(packet)); }

  void received(BytesView payload) {
    auto packet = codec::decode<proto::Packet>(payload);
    if (!packet) return end({packet.error().code, connection->peer() + ": " + packet.error().message, {}, {}});
    const auto* hello = std::get_if<proto::Hello>(&*packet);
    if ((hello != nullptr) == greeted) return end({Code::bad_data, connection->peer() + ": a packet out of order", {}, {}});
    if (hello != nullptr) return greet(*hello);
    events.packet(std::move(*packet));
  }

  void greet(const proto::Hello& hello) {
    if (auto fits = check_hello(hello, identity); !fits) return end(fits.error());
    greeted = true;
    silence.cancel();
    events.hello(hello);
  }

  /// Our Hello still leaves: the other side then sees for itself what is wrong.
  void end(Error reason) {
    const auto self = shared_from_this();
    connection->finish();
    ended(reason);
  }

  void ended(const Error& reason) {
    silence.cancel();
    if (!std::exchange(closed, true)) events.closed(reason);
  }

  void close() {
    closed = true;
    silence.cancel();
    connection->close();
  }

  ConnectionPtr connection;
  const Identity& identity;
  Events events;
  Timer silence;
  bool greeted = false;
  bool closed = false;
};

Link::Link(Loop& loop, ConnectionPtr connection, const Identity& identity, Events events)
    : impl_{std::make_shared<Impl>(loop, std::move(connection), identity, std::move(events))} {
  impl_->start();
}

Link::~Link() {
  if (!impl_->closed) close();
}

void Link::send(const proto::Packet& packet) { impl_->send(packet); }
void Link::close() { impl_->close(); }
void Link::finish() {
  impl_->closed = true;
  impl_->silence.cancel();
  impl_->connection->finish();
}
bool Link::open() const { return !impl_->closed && impl_->connection->open(); }
size_t Link::output_bytes() const { return impl_->connection->output_bytes(); }
const std::string& Link::peer() const { return impl_->connection->peer(); }

}  // namespace ddb::net
