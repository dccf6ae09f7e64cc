#include "pg/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include "client/fiber.hpp"
#include "unit/gateway/memory_gateway.hpp"
#include "unit/net/loopback.hpp"
#include "unit/pg/wire.hpp"

using namespace ddb;
using boost::asio::ip::tcp;

namespace {

/// A server over memory, on a loop of its own.
struct Served {
  explicit Served(size_t connections_max = 10) {
    auto opened = pg::Server::open(loop, {.listen = net::any_port,
                                          .insecure = false,
                                          .connections_max = connections_max,
                                          .spawn = [this](std::function<void()> body) { fibers.spawn(std::move(body)); },
                                          .sleep = [this](Duration time) { sleep(time); },
                                          .open_session =
                                              [this](sql::SessionOptions options) {
                                                options.yield = [this] { sleep(Duration{0}); };
                                                return sql::Session::open(memory.kv, *memory.catalog, options);
                                              },
                                          .schema = [this] { return memory.catalog->schema(); },
                                          .random = [] { return 42u; }});
    REQUIRE(opened);
    server = *std::move(opened);
  }
  ~Served() { stop(); }

  void stop() {
    if (std::exchange(stopped, true)) return;
    bool done = false;
    server->stop([&] { done = true; });
    net::run_until(loop, [&] { return done && fibers.count() == 0; });
  }

  void sleep(Duration time) {
    const auto parking = std::make_shared<client::Executor::Parking>();
    net::Timer timer{loop};
    timer.after(time, [parking] { parking->wake(); });
    fibers.park(parking);
  }

  net::Loop loop;
  client::Fibers fibers{loop, 2 << 20};
  test::MemoryGateway memory;
  std::unique_ptr<pg::Server> server;
  bool stopped = false;
};

struct Client {
  explicit Client(Served& the_served, bool started = true) : served{the_served}, socket{served.loop.io()} {
    const auto& address = served.server->address();
    socket.connect({boost::asio::ip::make_address(address.host), address.port});
    read();
    if (!started) return;
    write(pg::startup());
    wait_for("Z I\n");
  }

  void write(BytesView all) { boost::asio::write(socket, boost::asio::buffer(all)); }
  void read() {
    socket.async_read_some(boost::asio::buffer(piece), [this](const boost::system::error_code& error, size_t size) {
      closed = static_cast<bool>(error);
      bytes.append(piece.data(), size);
      if (!closed && reading) read();
    });
  }
  /// All that came since, once it holds `words`.
  std::string wait_for(std::string_view words) {
    net::run_until(served.loop, [&] { return closed || pg::in_words(bytes).contains(words); });
    return pg::in_words(std::exchange(bytes, {}));
  }
  std::string sql(std::string_view text) {
    write(pg::query(text));
    return wait_for("\nZ ");
  }

  Served& served;
  tcp::socket socket;
  std::array<char, 4096> piece{};
  Bytes bytes;
  bool reading = true;
  bool closed = false;
};

}  // namespace

TEST_CASE("clients of the server have sessions of their own") {
  Served served;
  Client a{served};
  Client b{served};
  CHECK(a.sql("CREATE TABLE t (a int); BEGIN; INSERT INTO t VALUES (1)").ends_with("Z T\n"));
  CHECK(b.sql("SELECT count(*) FROM t") == "T count:20\nD 0\nC SELECT 1\nZ I\n");
  CHECK(a.sql("COMMIT") == "C COMMIT\nZ I\n");
  CHECK(b.sql("SELECT count(*) FROM t") == "T count:20\nD 1\nC SELECT 1\nZ I\n");
}

TEST_CASE("a cancel request of the right secret interrupts, of another nothing") {
  constexpr std::string_view endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
  Served served;
  Client client{served};
  client.write(pg::query(endless));
  for (const uint32_t secret : {41u, 42u}) {
    net::run_for(served.loop, std::chrono::milliseconds{20});
    CHECK(client.bytes.empty());
    Client canceller{served, false};
    canceller.write(pg::untyped(pg::number(80877102, 4) + pg::number(1, 4) + pg::number(secret, 4)));
    net::run_until(served.loop, [&] { return canceller.closed; });
  }
  CHECK(client.wait_for("Z I") == "E 57014 canceling statement due to user request\nZ I\n");
}

TEST_CASE("a client that vanishes in a transaction, or in a statement, leaves nothing") {
  Served served;
  Client watcher{served};
  watcher.sql("CREATE TABLE t (a int)");
  {
    Client client{served};
    client.sql("BEGIN");
    client.sql("INSERT INTO t VALUES (1)");
    client.write(pg::query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"));
    net::run_for(served.loop, std::chrono::milliseconds{20});
    CHECK(served.fibers.count() == 1);
    client.socket.close();
    net::run_until(served.loop, [&] { return served.fibers.count() == 0 && client.closed; });
  }
  CHECK(watcher.sql("SELECT count(*) FROM t") == "T count:20\nD 0\nC SELECT 1\nZ I\n");
}

TEST_CASE("a client that stops reading stops its statement, and gets all rows when it reads again") {
  constexpr size_t rows = 600'000;
  Served served;
  Client client{served};
  client.reading = false;
  client.write(pg::query("SELECT value, 'some bytes more' FROM generate_series(1, " + std::to_string(rows) + ") AS value"));
  net::run_for(served.loop, std::chrono::milliseconds{300});
  CHECK(served.fibers.count() == 1);
  Client other{served};
  CHECK(other.sql("SELECT 1") == "T ?column?:23\nD 1\nC SELECT 1\nZ I\n");
  CHECK(served.fibers.count() == 1);
  client.reading = true;
  client.read();
  size_t total = 0;
  const Bytes end = pg::message('C', pg::cstring("SELECT " + std::to_string(rows))) + pg::message('Z', "I");
  net::run_until(served.loop, [&] {
    const bool done = client.bytes.ends_with(end);
    if (client.bytes.size() > (1 << 20)) {
      total += client.bytes.size() - end.size();
      client.bytes.erase(0, client.bytes.size() - end.size());
    }
    return done;
  });
  CHECK(total > rows * 20);
}

TEST_CASE("too many clients are told so, as are those of a server that stops") {
  Served served{1};
  Client client{served};
  Client second{served, false};
  CHECK(second.wait_for("E") == "E 53300 sorry, too many clients already\n");
  served.stop();
  CHECK(client.wait_for("E") == "E 57P01 terminating connection: the gateway is stopping\n");
}

TEST_CASE("garbage closes its own connection only") {
  Served served;
  Client client{served};
  Client garbage{served, false};
  garbage.write("GET / HTTP/1.1\r\n\r\n");
  CHECK(garbage.wait_for("E") == "E 08P01 invalid length of startup packet\n");
  net::run_until(served.loop, [&] { return garbage.closed; });
  client.write("Q" + pg::number(0x7fffffff, 4));
  CHECK(client.wait_for("E") == "E 54000 a message of 2147483643 bytes: the limit is 16777216\n");
  net::run_until(served.loop, [&] { return client.closed; });
}
