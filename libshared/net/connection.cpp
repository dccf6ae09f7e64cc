#include "net/connection.hpp"

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <span>

#include "base/assert.hpp"
#include "codec/frame.hpp"
#include "net/socket.hpp"

namespace ddb::net {

namespace {

constexpr Duration finish_timeout = std::chrono::seconds{2};
constexpr size_t output_kept_max = 256 << 10;  // a larger empty output buffer goes back
constexpr size_t stream_piece_max = 64 << 10;
constexpr size_t output_slack_max = 1 << 20;   // sent bytes at its front before they are cut off

}  // namespace

struct Connection::Impl : std::enable_shared_from_this<Impl> {
  Impl(Loop& the_loop, Stream::socket the_socket, const ConnectionOptions& the_options)
      : loop{the_loop}, socket{std::move(the_socket)}, options{the_options}, reader{options.frame_bytes_max}, linger{loop} {
    boost::system::error_code ignored;  // a socket that is dead already says so when it is read
    socket.non_blocking(true, ignored);
    socket.set_option(tcp::no_delay{true}, ignored);
    peer = to_string(address_of(socket.remote_endpoint(ignored)));
  }

  void read();
  void received(size_t size);
  void flush();
  void wait_writable();
  void flush_soon();
  void broken(Error reason);
  void shut();

  size_t unsent() const { return output.size() - sent; }
  void drop_sent();

  Loop& loop;
  Stream::socket socket;
  ConnectionOptions options;
  std::string peer;
  std::shared_ptr<Events> events;  // null: nobody listens any more. Shared: a callback may end the connection
  codec::FrameReader reader;
  Bytes output;
  size_t sent = 0;             // bytes of `output` that the kernel has taken
  bool flush_queued = false;   // a flush is posted, or waits for the socket to be writable
  Bytes piece;                 // of a stream
  bool open = true;
  bool finishing = false;
  bool paused = false;
  bool reading = false;
  Timer linger;
};

void Connection::Impl::read() {
  if (!options.framed) piece.resize(stream_piece_max);
  const auto room = options.framed ? reader.prepare() : std::span<char>{piece};
  reading = true;
  socket.async_read_some(boost::asio::buffer(room.data(), room.size()),
                         [self = shared_from_this()](const boost::system::error_code& error, size_t size) {
                           self->reading = false;
                           if (!self->open) return;
                           if (error) return self->broken({Code::unavailable, self->peer + ": " + reason_of(error), {}, {}});
                           self->received(size);
                         });
}

void Connection::Impl::received(size_t size) {
  const auto listener = events;
  if (!options.framed) {
    if (listener) listener->frame(BytesView{piece}.substr(0, size));
  } else {
    reader.commit(size);
    while (open && events) {
      const auto payload = reader.next();
      if (!payload) return broken({payload.error().code, peer + ": " + payload.error().message, {}, {}});
      if (!*payload) break;
      listener->frame(**payload);
    }
    if (!events) reader = codec::FrameReader{options.frame_bytes_max};  // finishing: what still comes is thrown away
  }
  if (open && !paused && !reading) read();
}

void Connection::Impl::flush_soon() {
  if (std::exchange(flush_queued, true)) return;
  boost::asio::post(loop.io(), [self = shared_from_this()] {
    self->flush_queued = false;
    self->flush();
  });
}

void Connection::Impl::flush() {
  while (open && unsent() > 0) {
    boost::system::error_code error;
    sent += socket.write_some(boost::asio::buffer(output.data() + sent, unsent()), error);
    if (error == boost::asio::error::would_block) return wait_writable();
    if (error) return broken({Code::unavailable, peer + ": " + reason_of(error), {}, {}});
  }
  drop_sent();
  if (open && finishing) {
    boost::system::error_code ignored;
    socket.shutdown(Stream::socket::shutdown_send, ignored);  // the peer's end of stream closes it: see read()
  }
}

void Connection::Impl::wait_writable() {
  drop_sent();
  flush_queued = true;
  socket.async_wait(Stream::socket::wait_write, [self = shared_from_this()](const boost::system::error_code&) {
    self->flush_queued = false;
    self->flush();
  });
}

void Connection::Impl::drop_sent() {
  if (unsent() == 0) {
    output.clear();
    if (output.capacity() > output_kept_max) output.shrink_to_fit();
    sent = 0;
  } else if (sent > output_slack_max && sent > output.size() / 2) {
    output.erase(0, sent);
    sent = 0;
  }
}

void Connection::Impl::shut() {
  if (!std::exchange(open, false)) return;
  linger.cancel();
  boost::system::error_code ignored;
  socket.close(ignored);
  output = {};
  sent = 0;
}

/// Posted: never from within a call of the owner's.
void Connection::Impl::broken(Error reason) {
  if (!open) return;
  shut();
  boost::asio::post(loop.io(), [self = shared_from_this(), reason = std::move(reason)] {
    if (const auto listener = std::exchange(self->events, nullptr)) listener->closed(reason);
  });
}

ConnectionPtr make_connection(Loop& loop, Stream::socket socket, const ConnectionOptions& options) {
  return std::make_shared<Connection>(std::make_shared<Connection::Impl>(loop, std::move(socket), options));
}

Connection::Connection(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
Connection::~Connection() {
  if (!impl_->finishing) close();
}

void Connection::start(Events events) {
  DDB_ASSERT(!impl_->events);
  impl_->events = std::make_shared<Events>(std::move(events));
  if (impl_->open) impl_->read();
}

void Connection::send(BytesView payload) {
  if (!impl_->open || impl_->finishing) return;
  DDB_ASSERT(payload.size() <= impl_->options.frame_bytes_max);
  if (impl_->unsent() > impl_->options.output_bytes_max)
    return impl_->broken({Code::try_again, impl_->peer + " does not read what it is sent", {}, {}});
  if (impl_->options.framed) codec::append_frame(impl_->output, payload);
  else impl_->output += payload;
  impl_->flush_soon();
}

void Connection::pause(bool paused) {
  impl_->paused = paused;
  if (!paused && impl_->open && impl_->events && !impl_->reading) impl_->read();
}

void Connection::close() {
  impl_->events.reset();
  impl_->shut();
}

void Connection::finish() {
  if (!impl_->open || std::exchange(impl_->finishing, true)) return;
  impl_->paused = false;
  impl_->events.reset();
  impl_->linger.after(finish_timeout, [impl = impl_.get()] { impl->shut(); });
  if (!impl_->reading) impl_->read();
  impl_->flush_soon();
}

bool Connection::open() const { return impl_->open; }
size_t Connection::output_bytes() const { return impl_->unsent(); }
const std::string& Connection::peer() const { return impl_->peer; }

}  // namespace ddb::net
