// A process that answers requests as its test says; and waiting with a limit.
#pragma once

#include <doctest/doctest.h>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "codec/archive.hpp"
#include "net/link.hpp"

namespace ddb::client {

/// Runs the loop until `done` holds; fails the test after ten seconds.
inline void run_until(net::Loop& loop, const std::function<bool()>& done) {
  net::Timer limit{loop};
  bool late = false;
  limit.after(std::chrono::seconds{10}, [&] { late = true; });
  loop.run_until([&] { return late || done(); });
  REQUIRE(!late);
}

inline void run_for(net::Loop& loop, Duration time) {
  net::Timer timer{loop};
  bool over = false;
  timer.after(time, [&] { over = true; });
  loop.run_until([&] { return over; });
}

/// Waits for one result of an asynchronous call: `get(loop, [&](auto done) { client.timestamp(std::move(done)); })`.
template <class T, class Start>
Result<T> get(net::Loop& loop, Start start) {
  std::optional<Result<T>> result;
  start([&](Result<T> r) { result = std::move(r); });
  run_until(loop, [&] { return result.has_value(); });
  return std::move(*result);
}

/// Request and Reply are the variants of one kind of server.
template <class Request, class Reply>
class FakeServer {
 public:
  struct Call {
    std::weak_ptr<net::Link> link;
    uint64_t id = 0;
    RangeId range;
    Request request;
  };

  FakeServer(net::Loop& loop, uint64_t cluster = 42, net::Address address = {"127.0.0.1", 0})
      : loop_{loop}, identity_{cluster, StoreId{1}}, address_{std::move(address)} {
    start();
  }

  void start() {
    auto opened = net::Listener::open(loop_, address_, {}, [this](net::ConnectionPtr c) { accept(std::move(c)); });
    REQUIRE(opened);
    listener_ = std::move(*opened);
    address_ = listener_->address();
  }
  /// As a killed process: connections break, new ones are refused.
  void stop() {
    listener_.reset();
    links_.clear();
  }
  /// As a suspended process, to which connections may still exist.
  void hang() {
    listener_.reset();
    answer = [](const Call&) { return std::nullopt; };
  }
  void break_connections() { links_.clear(); }

  const net::Address& address() const { return address_; }
  std::string name() const { return to_string(address_); }

  static void reply(const Call& call, const Reply& reply) {
    if (const auto link = call.link.lock()) link->send(proto::ClientReply{.id = call.id, .body = codec::encode(reply)});
  }

  /// What to answer; nullopt: nothing (yet).
  std::function<std::optional<Reply>(const Call&)> answer = [](const Call&) { return std::nullopt; };
  std::vector<Call> calls;  // all that came

 private:
  void accept(net::ConnectionPtr connection) {
    auto slot = std::make_shared<std::weak_ptr<net::Link>>();
    auto link = std::make_shared<net::Link>(
        loop_, std::move(connection), identity_,
        net::Link::Events{.hello = [](const proto::Hello&) {},
                          .packet = [this, slot](proto::Packet&& packet) { received(*slot, std::move(packet)); },
                          .closed = [](const Error&) {}});
    *slot = link;
    links_.push_back(std::move(link));
  }

  void received(std::weak_ptr<net::Link> link, proto::Packet&& packet) {
    auto& request = std::get<proto::ClientRequest>(packet);
    auto body = codec::decode<Request>(request.body);
    REQUIRE(body);
    calls.push_back({std::move(link), request.id, request.range, std::move(*body)});
    const Call call = calls.back();
    if (const auto said = answer(call)) reply(call, *said);
  }

  net::Loop& loop_;
  net::Identity identity_;
  net::Address address_;
  std::unique_ptr<net::Listener> listener_;
  std::list<std::shared_ptr<net::Link>> links_;
};

}  // namespace ddb::client
