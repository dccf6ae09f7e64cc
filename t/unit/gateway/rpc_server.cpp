#include "gateway/rpc_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>
#include <sstream>

#include "client/fiber.hpp"
#include "codec/pack.hpp"
#include "gateway/rpc_message.hpp"
#include "memory_gateway.hpp"
#include "unit/net/loopback.hpp"
#define MSGPACK_NO_BOOST
#include <msgpack.hpp>

using namespace ddb;
using boost::asio::ip::tcp;
using codec::Packer;

namespace {

Bytes request(uint32_t id, BytesView method, const std::vector<std::string>& texts = {}, const std::vector<uint64_t>& numbers = {}) {
  Bytes bytes;
  Packer out{bytes};
  out.array(4);
  out.u64(0);
  out.u64(id);
  out.str(method);
  out.array(static_cast<uint32_t>(texts.size() + numbers.size()));
  for (const auto& text : texts) out.str(text);
  for (const uint64_t number : numbers) out.u64(number);
  return bytes;
}

/// A server over memory, on a loop of its own.
struct Served {
  Served() {
    gateway::RpcServerOptions options{.listen = net::any_port,
                                      .insecure = false,
                                      .spawn = [this](std::function<void()> body) { fibers.spawn(std::move(body)); },
                                      .sleep = [this](Duration time) { sleep(time); },
                                      .open_session = [this] { return sql::Session::open(memory.kv, *memory.catalog); },
                                      .figures = [] { return client::Figures{.requests = 17}; }};
    auto opened = gateway::RpcServer::open(loop, std::move(options));
    REQUIRE(opened);
    server = *std::move(opened);
    memory.kv.on_request = [this](const char*) -> Result<void> {
      while (hold && fibers.inside()) sleep(std::chrono::milliseconds{1});
      return {};
    };
  }
  ~Served() {
    hold = false;
    bool stopped = false;
    server->stop([&] { stopped = true; });
    net::run_until(loop, [&] { return stopped && fibers.count() == 0; });
  }

  void sleep(Duration time) {
    const auto parking = std::make_shared<client::Executor::Parking>();
    net::Timer timer{loop};
    timer.after(time, [parking] { parking->wake(); });
    fibers.park(parking);
  }

  net::Loop loop;
  client::Fibers fibers{loop};
  test::MemoryGateway memory;
  std::unique_ptr<gateway::RpcServer> server;
  bool hold = false;  // requests to the key space wait
};

/// A client: writes bytes, reads replies as text.
struct Client {
  explicit Client(Served& the_served) : served{the_served}, socket{served.loop.io()} {
    const auto& address = served.server->address();
    socket.connect({boost::asio::ip::make_address(address.host), address.port});
    read();
  }

  void write(BytesView bytes) { boost::asio::write(socket, boost::asio::buffer(bytes)); }

  void read() {
    unpacker.reserve_buffer(1 << 16);
    socket.async_read_some(boost::asio::buffer(unpacker.buffer(), 1 << 16), [this](const boost::system::error_code& error, size_t size) {
      if (error) {
        closed = true;
        return;
      }
      unpacker.buffer_consumed(size);
      for (msgpack::object_handle handle; unpacker.next(handle);) {
        std::ostringstream text;
        text << handle.get();
        replies.push_back(text.str());
      }
      read();
    });
  }

  std::string next() {
    net::run_until(served.loop, [&] { return !replies.empty(); });
    std::string reply = std::move(replies.front());
    replies.erase(replies.begin());
    return reply;
  }

  std::string ask(BytesView bytes) {
    write(bytes);
    return next();
  }

  Served& served;
  tcp::socket socket;
  msgpack::unpacker unpacker;
  std::vector<std::string> replies;
  bool closed = false;
};

bool has(const std::string& reply, std::string_view part) { return reply.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("statements of a connection are one session, in order") {
  Served served;
  Client client{served};
  client.write(request(1, "execute", {"CREATE TABLE t (a INTEGER PRIMARY KEY, b)"}) + request(2, "execute", {"BEGIN"}) +
               request(3, "execute", {"INSERT INTO t VALUES (1, 'x')"}) + request(4, "execute", {"COMMIT"}) +
               request(5, "execute", {"SELECT * FROM t"}));
  for (int id = 1; id <= 4; ++id) CHECK(has(client.next(), "[1,"  + std::to_string(id) + ",null,"));
  const std::string rows = client.next();
  CHECK(has(rows, "\"columns\":[\"a\",\"b\"]"));
  CHECK(has(rows, "\"rows\":[[1,\"x\"]]"));
}

TEST_CASE("a failed statement is answered, and the session goes on") {
  Served served;
  Client client{served};
  const std::string error = client.ask(request(1, "execute", {"SELECT 1,\n  nonsense"}));
  CHECK(has(error, "no such column: nonsense"));
  CHECK(has(error, "\"line\":2,\"column\":3"));
  CHECK(has(client.ask(request(2, "execute", {"SELECT 1"})), "\"rows\":[[1]]"));
  CHECK(has(client.ask(request(3, "nonsense")), "\"code\":\"usage\""));
}

TEST_CASE("a closed connection rolls its transaction back") {
  Served served;
  Client keeper{served};
  keeper.ask(request(1, "execute", {"CREATE TABLE t (a INTEGER PRIMARY KEY)"}));
  {
    Client client{served};
    client.ask(request(1, "execute", {"BEGIN"}));
    client.ask(request(2, "execute", {"INSERT INTO t VALUES (1)"}));
  }
  CHECK(has(keeper.ask(request(2, "execute", {"SELECT count(*) FROM t"})), "\"rows\":[[0]]"));
  net::run_until(served.loop, [&] { return has(keeper.ask(request(3, "status")), "\"connections\":1"); });
  CHECK(has(keeper.ask(request(4, "status")), "\"requests\":17"));
}

TEST_CASE("ping is answered while a statement runs; cancel ends it, or takes it out of the queue") {
  Served served;
  Client client{served};
  client.ask(request(0, "execute", {"CREATE TABLE t (a INTEGER PRIMARY KEY)"}));
  client.ask(request(1, "execute", {"INSERT INTO t VALUES (1), (2), (3)"}));
  served.hold = true;
  client.write(request(2, "execute", {"SELECT * FROM t"}) + request(3, "execute", {"SELECT 3"}));
  CHECK(client.ask(request(4, "ping")) == "[1,4,null,true]");
  client.write(request(5, "cancel", {}, {3}));
  CHECK(has(client.next(), "[1,3,{\"code\":\"failed\",\"message\":\"interrupted\""));
  CHECK(client.next() == "[1,5,null,true]");
  CHECK(client.ask(request(6, "cancel", {}, {2})) == "[1,6,null,true]");
  CHECK(client.ask(request(7, "cancel", {}, {99})) == "[1,7,null,false]");
  served.hold = false;
  CHECK(has(client.next(), "[1,2,{\"code\":\"failed\""));
  CHECK(has(client.ask(request(8, "execute", {"SELECT 8"})), "\"rows\":[[8]]"));
}

TEST_CASE("garbage closes its connection and no other") {
  Served served;
  Client good{served};
  Client bad{served};
  bad.write("GET / HTTP/1.1\r\n\r\n");
  net::run_until(served.loop, [&] { return bad.closed; });
  CHECK(good.ask(request(1, "ping")) == "[1,1,null,true]");
}

TEST_CASE("more requests than may wait are answered all the same") {
  Served served;
  Client client{served};
  client.ask(request(0, "execute", {"CREATE TABLE t (a INTEGER PRIMARY KEY)"}));
  served.hold = true;
  constexpr uint32_t count = 3 * gateway::requests_waiting_max;
  Bytes many;
  for (uint32_t id = 1; id <= count; ++id) many += request(id, "execute", {id == 1 ? "SELECT * FROM t" : "SELECT 1"});
  client.write(many);
  net::run_for(served.loop, std::chrono::milliseconds{20});
  served.hold = false;
  net::run_until(served.loop, [&] { return client.replies.size() == count; });
  CHECK(has(client.replies.back(), "[1," + std::to_string(count) + ","));
}

TEST_CASE("a stopping server answers what runs, and closes") {
  auto served = std::make_unique<Served>();
  Client client{*served};
  client.ask(request(0, "execute", {"CREATE TABLE t (a INTEGER PRIMARY KEY)"}));
  client.ask(request(1, "execute", {"INSERT INTO t VALUES (1), (2), (3)"}));
  served->hold = true;
  client.write(request(2, "execute", {"SELECT * FROM t"}));
  net::run_for(served->loop, std::chrono::milliseconds{10});
  bool stopped = false;
  served->server->stop([&] { stopped = true; });
  served->hold = false;
  net::run_until(served->loop, [&] { return stopped && client.closed; });
  REQUIRE(client.replies.size() == 1);
  CHECK(has(client.replies[0], "[1,2,{\"code\""));
}
