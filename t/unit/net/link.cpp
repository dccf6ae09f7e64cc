#include "net/link.hpp"

#include <doctest/doctest.h>
#include <list>
#include <optional>
#include <vector>

#include "codec/archive.hpp"
#include "env/random.hpp"
#include "loopback.hpp"

using namespace ddb;
using namespace ddb::net;

namespace {

proto::ClientRequest request(uint64_t id) { return {.id = id, .range = RangeId{7}, .body = "body"}; }

/// A server that answers each request with its own body.
struct Echo {
  Echo(Loop& the_loop, const Address& address, uint64_t cluster) : loop{the_loop}, identity{cluster, StoreId{5}} {
    auto opened = Listener::open(loop, address, {}, [this](ConnectionPtr c) { accept(std::move(c)); });
    REQUIRE(opened);
    listener = std::move(*opened);
  }

  void accept(ConnectionPtr connection) {
    auto& link = links.emplace_back();
    link = std::make_unique<Link>(loop, std::move(connection), identity,
                                  Link::Events{.hello = [](const proto::Hello&) {},
                                               .packet =
                                                   [&link](proto::Packet&& packet) {
                                                     const auto* got = std::get_if<proto::ClientRequest>(&packet);
                                                     if (got != nullptr) link->send(proto::ClientReply{.id = got->id, .body = got->body});
                                                   },
                                               .closed = [this](const Error& reason) { closed.push_back(reason); }});
  }

  Loop& loop;
  Identity identity;
  std::unique_ptr<Listener> listener;
  std::list<std::unique_ptr<Link>> links;
  std::vector<Error> closed;
};

struct Client {
  Client(Loop& loop, const Address& address, uint64_t cluster)
      : identity{cluster, {}},
        link{loop, identity, address,
             {.up =
                  [this](const proto::Hello& hello) {
                    ++ups;
                    peer = hello;
                  },
              .down = [this](const Error& reason) { downs.push_back(reason); },
              .packet = [this](proto::Packet&& packet) { replies.push_back(std::get<proto::ClientReply>(packet)); }}} {}

  Identity identity;
  int ups = 0;
  std::optional<proto::Hello> peer;
  std::vector<Error> downs;
  std::vector<proto::ClientReply> replies;
  PeerLink link;
};

}  // namespace

TEST_CASE("a link says Hello, then carries packets both ways") {
  Loop loop;
  Echo echo{loop, any_port, 42};
  Client client{loop, echo.listener->address(), 0};
  CHECK(!client.link.send(request(1)));  // not up yet: dropped
  run_until(loop, [&] { return client.link.up(); });
  CHECK(client.peer->cluster == 42);
  CHECK(client.peer->store == StoreId{5});
  CHECK(client.link.send(request(2)));
  run_until(loop, [&] { return client.replies.size() == 1; });
  CHECK(client.replies[0].id == 2);
  CHECK(client.replies[0].body == "body");
}

TEST_CASE("a link to another cluster never comes up, and says so on both sides") {
  Loop loop;
  Echo echo{loop, any_port, 42};
  Client client{loop, echo.listener->address(), 43};
  run_until(loop, [&] { return !client.downs.empty() && !echo.closed.empty(); });
  CHECK(client.downs[0].code == Code::refused);
  CHECK(echo.closed[0].code == Code::refused);
  CHECK(client.ups == 0);
}

TEST_CASE("another protocol version is refused") {
  const Identity ours{.cluster = 1, .store = {}};
  CHECK(check_hello({.version = proto::protocol_version, .cluster = 0, .store = {}}, ours));
  CHECK(check_hello({.version = proto::protocol_version + 1, .cluster = 1, .store = {}}, ours).error().code == Code::bad_data);
}

TEST_CASE("a peer link comes back after its server does") {
  Loop loop;
  std::optional<Echo> echo;
  echo.emplace(loop, any_port, 42);
  const Address address = echo->listener->address();
  Client client{loop, address, 42};
  for (int round = 1; round <= 3; ++round) {
    run_until(loop, [&] { return client.ups == round; });
    echo.reset();
    run_until(loop, [&] { return !client.link.up(); });
    run_for(loop, std::chrono::milliseconds{30});  // attempts fail meanwhile
    echo.emplace(loop, address, 42);
  }
  run_until(loop, [&] { return client.link.up(); });
  client.link.send(request(9));
  run_until(loop, [&] { return client.replies.size() == 1; });
}

TEST_CASE("redial leaves a hung server without a word") {
  Loop loop;
  Echo echo{loop, any_port, 42};
  Client client{loop, echo.listener->address(), 42};
  run_until(loop, [&] { return client.ups == 1; });
  client.link.redial();
  CHECK(!client.link.up());
  run_until(loop, [&] { return client.ups == 2; });
  CHECK(client.downs.empty());
}

TEST_CASE("a packet before Hello, a second Hello, or no packet at all ends the link") {
  Loop loop;
  Echo echo{loop, any_port, 42};
  const auto hello = codec::encode(proto::Packet{proto::Hello{}});
  const std::vector<std::vector<Bytes>> streams{
      {codec::encode(proto::Packet{request(1)})}, {hello, hello}, {"\xc1"}, {hello, "\x93\x01\x02\x03"}};
  for (const auto& stream : streams) {
    echo.closed.clear();
    ConnectionPtr raw;
    Dialer dialer{loop, echo.listener->address(), std::chrono::seconds{5}, {}, [&](Result<ConnectionPtr> c) {
                    raw = std::move(*c);
                    for (const auto& payload : stream) raw->send(payload);
                  }};
    run_until(loop, [&] { return !echo.closed.empty(); });
    CHECK(echo.closed[0].code == Code::bad_data);
  }
}

TEST_CASE("packets with any bytes wrong end their own link at most") {
  Loop loop;
  Echo echo{loop, any_port, 42};
  Client good{loop, echo.listener->address(), 42};
  run_until(loop, [&] { return good.link.up(); });
  Random random{8};
  const Bytes hello = codec::encode(proto::Packet{proto::Hello{}});
  const Bytes valid = codec::encode(proto::Packet{proto::PeerBatch{
      .cluster = 42, .from = {}, .to = {}, .incarnation = {}, .messages = {{RangeId{1}, ReplicaId{1}, ReplicaId{2}, {}, proto::RaftMessage{}}}}});
  for (int round = 0; round < 300; ++round) {
    Bytes bad = round % 2 == 0 ? valid : codec::encode(proto::Packet{request(1)});
    for (uint64_t i = 1 + random.below(4); i > 0; --i) bad[random.below(bad.size())] = static_cast<char>(random.next());
    if (random.one_in(4)) bad.resize(1 + random.below(bad.size()));
    ConnectionPtr raw;
    bool sent = false;
    Dialer dialer{loop, echo.listener->address(), std::chrono::seconds{5}, {}, [&](Result<ConnectionPtr> c) {
                    raw = std::move(*c);
                    raw->send(hello);
                    raw->send(bad);
                    raw->finish();
                    sent = true;
                  }};
    run_until(loop, [&] { return sent; });
  }
  CHECK(good.link.send(request(5)));
  run_until(loop, [&] { return good.replies.size() == 1; });
  CHECK(good.downs.empty());
}

TEST_CASE("a link may be destroyed within any of its callbacks") {
  Loop loop;
  Echo echo{loop, any_port, 42};
  const Identity identity{};
  for (const char* where : {"up", "packet", "down"}) {
    std::unique_ptr<PeerLink> link;
    bool done = false;
    const auto destroy_in = [&](const char* here) {
      if (std::string_view{here} != where) return;
      link.reset();
      done = true;
    };
    link = std::make_unique<PeerLink>(loop, identity, echo.listener->address(),
                                      PeerLink::Events{.up =
                                                           [&](const proto::Hello&) {
                                                             link->send(request(1));
                                                             destroy_in("up");
                                                           },
                                                       .down = [&](const Error&) { destroy_in("down"); },
                                                       .packet =
                                                           [&](proto::Packet&&) {
                                                             for (auto& served : echo.links) served->close();
                                                             destroy_in("packet");
                                                           }});
    run_until(loop, [&] { return done; });
    run_for(loop, std::chrono::milliseconds{5});
  }
}
