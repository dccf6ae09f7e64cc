#include "status.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <list>

#include "cli/text.hpp"
#include "codec/archive.hpp"

namespace ddb::oracle {

namespace {

/// Asks members, each for itself, and those that they know of besides.
class Survey {
 public:
  struct Member {
    net::Address address;
    std::unique_ptr<client::Channel> channel;
    std::optional<Result<proto::OracleStatusReply>> answer;
  };

  explicit Survey(Duration timeout) : timeout_{timeout} {}

  void ask(const net::Address& address) {
    if (std::ranges::find(members, address, &Member::address) != members.end()) return;
    Member& member = members.emplace_back(Member{address, nullptr, std::nullopt});
    member.channel = std::make_unique<client::Channel>(loop_, self_, address);
    member.channel->request(proto::oracle_range, codec::encode(proto::OracleRequest{proto::OracleStatusRequest{}}), timeout_,
                            [this, &member](Result<Bytes> body) { answered(member, std::move(body)); });
  }
  void wait() {
    loop_.run_until([&] { return std::ranges::all_of(members, [](const Member& member) { return member.answer.has_value(); }); });
  }

 private:
  void answered(Member& member, Result<Bytes> body) {
    auto reply = body ? codec::decode<proto::OracleReply>(*body) : std::unexpected(body.error());
    if (!reply) {
      member.answer = std::unexpected(reply.error());
    } else if (const auto* status = std::get_if<proto::OracleStatusReply>(&*reply)) {
      member.answer = *status;
      for (const auto& other : status->members) {
        if (const auto address = net::parse_address(other.address)) ask(*address);
      }
    } else {
      const auto* error = std::get_if<Error>(&*reply);
      member.answer = error != nullptr ? std::unexpected(*error) : fail(Code::bad_data, "it is no oracle");
    }
  }

  const Duration timeout_;
  net::Loop loop_;
  net::Identity self_;

 public:
  std::list<Member> members;  // stable while answers come; their channels go before the loop
};

const char* role_of(const proto::OracleStatusReply& status) {
  return status.leader == 0 ? "unknown" : status.leader == status.self ? "leader" : "follower";
}

}  // namespace

Result<void> time(cli::Context& context, const ClientOptions& client, uint32_t count) {
  auto session = Session::open(context, client);
  if (!session) return std::unexpected(session.error());
  const auto given = (*session)->ask<proto::TimestampReply>(proto::TimestampRequest{count});
  if (!given) return std::unexpected(given.error());
  context.out().columns({"timestamp", "time", "counter"});
  for (uint64_t i = 0; i < count; ++i) {
    const Timestamp ts{given->first.value + i};
    if (!context.out().row(ts, cli::utc(ts.millis()), uint64_t{ts.counter()})) break;
  }
  return {};
}

Result<void> status(cli::Context& context, const ClientOptions& client) {
  const auto addresses = context.oracles();
  if (!addresses) return std::unexpected(addresses.error());
  Survey survey{std::min<Duration>(client.timeout, std::chrono::seconds{2})};
  for (const auto& address : *addresses) survey.ask(address);
  survey.wait();
  survey.members.sort([](const auto& a, const auto& b) { return to_string(a.address) < to_string(b.address); });
  context.out().columns({"member", "address", "role", "leader", "term", "applied", "revision", "cluster"});
  bool silent = false;
  for (const auto& [address, channel, answer] : survey.members) {
    if (!*answer) {
      silent = true;
      context.note(to_string(address) + ": " + to_string(answer->error()));
      continue;
    }
    const auto& said = **answer;
    context.out().row(said.self, to_string(address), role_of(said), said.leader, said.term, said.applied, said.revision,
                      fmt::format("{:016x}", said.cluster));
  }
  if (silent) return fail(Code::unavailable, "not every member answered", "see the lines above");
  return {};
}

Result<void> stores(cli::Context& context, const ClientOptions& client) {
  const auto addresses = context.oracles();
  if (!addresses) return std::unexpected(addresses.error());
  Survey survey{std::min<Duration>(client.timeout, std::chrono::seconds{2})};
  for (const auto& address : *addresses) survey.ask(address);
  survey.wait();
  // A leader that was cut off may still think that it leads: the higher term knows better.
  const proto::OracleStatusReply* leader = nullptr;
  for (const auto& member : survey.members) {
    if (!*member.answer) continue;
    const auto& said = **member.answer;
    if (said.self == said.leader && (leader == nullptr || said.term > leader->term)) leader = &said;
  }
  if (leader == nullptr) return fail(Code::unavailable, "no leader answered", "see ddb-oracle status");
  context.out().columns({"node", "address", "locality", "store", "incarnation", "lease_ms"});
  for (const auto& store : leader->stores) {
    context.out().row(store.node, store.address, store.locality, fmt::format("{:016x}", store.store.value), store.incarnation,
                      store.lease_ms);
  }
  return {};
}

}  // namespace ddb::oracle
