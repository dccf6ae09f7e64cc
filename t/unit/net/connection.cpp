#include "net/connection.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>
#include <optional>
#include <vector>

#include "codec/frame.hpp"
#include "env/random.hpp"
#include "loopback.hpp"

using namespace ddb;
using namespace ddb::net;

namespace {

struct Log {
  std::vector<Bytes> frames;
  std::optional<Error> closed;

  Connection::Events events() {
    return {.frame = [this](BytesView payload) { frames.emplace_back(payload); },
            .closed = [this](const Error& reason) {
              CHECK(!closed);
              closed = reason;
            }};
  }
};

/// A peer that writes whatever bytes it likes.
struct RawPeer {
  RawPeer(Loop& loop, const Address& address) : socket{loop.io()} {
    socket.connect({boost::asio::ip::make_address(address.host), address.port});
  }
  void write(BytesView bytes) { boost::asio::write(socket, boost::asio::buffer(bytes)); }
  boost::asio::ip::tcp::socket socket;
};

}  // namespace

TEST_CASE("frames arrive in order, both ways, whatever their size") {
  Loop loop;
  Pair pair{loop};
  Log client, server;
  pair.client->start(client.events());
  pair.server->start(server.events());
  std::vector<Bytes> sent;
  for (const size_t size : {1, 3'000'000, 10, 65'528, 65'536, 200'000}) sent.emplace_back(size, 'x');
  for (const auto& payload : sent) {
    pair.client->send(payload);
    pair.server->send(payload);
  }
  run_until(loop, [&] { return client.frames.size() == sent.size() && server.frames.size() == sent.size(); });
  CHECK(client.frames == sent);
  CHECK(server.frames == sent);
  CHECK(pair.client->output_bytes() == 0);
}

TEST_CASE("garbage closes its connection; the listener and other connections go on") {
  Loop loop;
  std::vector<ConnectionPtr> accepted;
  auto listener = Listener::open(loop, any_port, {}, [&](ConnectionPtr c) { accepted.push_back(std::move(c)); });
  REQUIRE(listener);
  Random random{3};
  for (int round = 0; round < 20; ++round) {
    RawPeer bad{loop, (*listener)->address()};
    RawPeer good{loop, (*listener)->address()};
    run_until(loop, [&] { return accepted.size() == 2; });
    Log bad_log, good_log;
    accepted[0]->start(bad_log.events());
    accepted[1]->start(good_log.events());
    Bytes garbage(100 + random.below(1000), '\0');
    for (char& byte : garbage) byte = static_cast<char>(random.next());
    garbage[3] = '\x7f';  // a length that no frame may have
    bad.write(garbage);
    Bytes frame;
    codec::append_frame(frame, "hello");
    good.write(frame);
    run_until(loop, [&] { return bad_log.closed && !good_log.frames.empty(); });
    CHECK(bad_log.closed->code == Code::bad_data);
    CHECK(!accepted[0]->open());
    CHECK(accepted[1]->open());
    accepted.clear();
  }
}

TEST_CASE("a frame over the limit closes the connection, one at the limit does not") {
  Loop loop;
  Pair pair{loop, {.frame_bytes_max = 1000, .output_bytes_max = 1 << 20}};
  Log server;
  pair.server->start(server.events());
  pair.client->send(Bytes(1000, 'x'));
  run_until(loop, [&] { return server.frames.size() == 1; });

  RawPeer* raw = nullptr;
  ConnectionPtr accepted;
  auto listener = Listener::open(loop, any_port, {.insecure = false, .connection = {.frame_bytes_max = 999}},
                                 [&](ConnectionPtr c) { accepted = std::move(c); });
  RawPeer peer{loop, (*listener)->address()};
  raw = &peer;
  run_until(loop, [&] { return accepted != nullptr; });
  Log log;
  accepted->start(log.events());
  Bytes frame;
  codec::append_frame(frame, Bytes(1000, 'x'));
  raw->write(frame);
  run_until(loop, [&] { return log.closed.has_value(); });
  CHECK(log.closed->code == Code::bad_data);
  CHECK(log.frames.empty());
}

TEST_CASE("a peer that does not read is disconnected at the bound") {
  Loop loop;
  constexpr size_t bound = 1 << 20;
  Pair pair{loop, {.frame_bytes_max = 1 << 20, .output_bytes_max = bound}};
  Log client;
  pair.client->start(client.events());  // the server end never starts to read
  size_t most = 0;
  for (int i = 0; i < 10'000 && !client.closed; ++i) {
    pair.client->send(Bytes(10'000, 'x'));
    most = std::max(most, pair.client->output_bytes());
    if (i % 10 == 0) run_for(loop, Duration{0});
  }
  REQUIRE(client.closed);
  CHECK(client.closed->code == Code::try_again);
  CHECK(most <= bound + 20'000);
  CHECK(pair.client->output_bytes() == 0);
}

TEST_CASE("a slow reader gets everything") {
  Loop loop;
  Pair pair{loop};
  Log client, server;
  pair.client->start(client.events());
  for (int i = 0; i < 2'000; ++i) pair.client->send(Bytes(10'000, static_cast<char>(i)));
  run_for(loop, std::chrono::milliseconds{20});
  CHECK(pair.client->output_bytes() > 0);
  pair.server->start(server.events());
  run_until(loop, [&] { return server.frames.size() == 2'000; });
  for (int i = 0; i < 2'000; ++i) CHECK(server.frames[i][0] == static_cast<char>(i));
}

TEST_CASE("the end of one side is told to the other, once") {
  Loop loop;
  Pair pair{loop};
  Log client, server;
  pair.client->start(client.events());
  pair.server->start(server.events());
  SUBCASE("closed") { pair.client->close(); }
  SUBCASE("destroyed") { pair.client.reset(); }
  SUBCASE("finished") {
    pair.client->send("last words");
    pair.client->finish();
    pair.client.reset();
  }
  run_until(loop, [&] { return server.closed.has_value(); });
  run_for(loop, std::chrono::milliseconds{10});
  CHECK(server.closed->code == Code::unavailable);
  CHECK(!client.closed);
  if (!server.frames.empty()) CHECK(server.frames == std::vector<Bytes>{"last words"});
}

TEST_CASE("finish sends all that is queued, even a lot") {
  Loop loop;
  Pair pair{loop};
  Log server;
  pair.server->start(server.events());
  for (int i = 0; i < 500; ++i) pair.client->send(Bytes(10'000, 'x'));
  pair.server->send("unread");  // must not reset the connection under the queued bytes
  pair.client->finish();
  pair.client.reset();
  run_until(loop, [&] { return server.closed.has_value(); });
  CHECK(server.frames.size() == 500);
}

TEST_CASE("a callback may close or destroy its connection") {
  Loop loop;
  Pair pair{loop};
  int frames = 0;
  pair.server->start({.frame =
                          [&](BytesView) {
                            ++frames;
                            pair.server.reset();
                          },
                      .closed = [&](const Error&) { FAIL("closed by its owner"); }});
  for (int i = 0; i < 3; ++i) pair.client->send("x");
  run_until(loop, [&] { return frames > 0; });
  run_for(loop, std::chrono::milliseconds{10});
  CHECK(frames == 1);
}

TEST_CASE("a listener names a port in use and refuses to be public") {
  Loop loop;
  const auto ignore = [](ConnectionPtr) {};
  auto first = Listener::open(loop, any_port, {}, ignore);
  REQUIRE(first);
  CHECK((*first)->address().port != 0);
  const auto second = Listener::open(loop, (*first)->address(), {}, ignore);
  REQUIRE(!second);
  CHECK(second.error().code == Code::cannot_create);
  CHECK(second.error().message.find(to_string((*first)->address())) != std::string::npos);

  CHECK(Listener::open(loop, {"0.0.0.0", 0}, {}, ignore).error().code == Code::refused);
  CHECK(Listener::open(loop, {"0.0.0.0", 0}, {.insecure = true, .connection = {}}, ignore));

  const Address freed = (*first)->address();
  first->reset();
  CHECK(Listener::open(loop, freed, {}, ignore));
}

TEST_CASE("a failed attempt to connect names the address") {
  Loop loop;
  auto listener = Listener::open(loop, any_port, {}, [](ConnectionPtr) {});
  const Address nobody = (*listener)->address();
  listener->reset();
  std::optional<Error> error;
  Dialer dialer{loop, nobody, std::chrono::seconds{5}, {}, [&](Result<ConnectionPtr> result) { error = result.error(); }};
  run_until(loop, [&] { return error.has_value(); });
  CHECK(error->code == Code::unavailable);
  CHECK(error->message.find(to_string(nobody)) != std::string::npos);
}

TEST_CASE("a stream's bytes pass as they are, and wait while it is paused") {
  Loop loop;
  ConnectionPtr stream;
  auto listener = Listener::open(loop, any_port, {.connection = {.framed = false}}, [&](ConnectionPtr c) { stream = std::move(c); });
  REQUIRE(listener);
  RawPeer peer{loop, (*listener)->address()};
  run_until(loop, [&] { return stream != nullptr; });
  Bytes seen;
  stream->start({.frame =
                     [&](BytesView piece) {
                       seen += piece;
                       stream->pause(true);
                     },
                 .closed = [](const Error&) {}});
  peer.write("abc");
  run_until(loop, [&] { return seen == "abc"; });
  peer.write("def");
  run_for(loop, std::chrono::milliseconds{50});
  CHECK(seen == "abc");
  stream->pause(false);
  run_until(loop, [&] { return seen == "abcdef"; });

  stream->send("ans");
  stream->send("wer");
  char answer[6];
  bool read = false;
  boost::asio::async_read(peer.socket, boost::asio::buffer(answer), [&](const boost::system::error_code& error, size_t) { read = !error; });
  run_until(loop, [&] { return read; });
  CHECK(BytesView{answer, 6} == "answer");
}
