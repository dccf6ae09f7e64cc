// What the client verbs share: the oracle, asked and waited for.
#pragma once

#include <optional>
#include <utility>

#include "cli/tool.hpp"
#include "client/oracle_client.hpp"

namespace ddb::oracle {

struct ClientOptions {
  std::chrono::microseconds timeout = std::chrono::seconds{10};
};

class Session {
 public:
  /// Errors: usage, when no oracle is named.
  static Result<std::unique_ptr<Session>> open(cli::Context& context, const ClientOptions& options) {
    auto addresses = context.oracles();
    if (!addresses) return std::unexpected(addresses.error());
    client::OracleClientOptions client_options;
    client_options.addresses = std::move(*addresses);
    client_options.timeout = options.timeout;
    return std::make_unique<Session>(std::move(client_options));
  }
  explicit Session(client::OracleClientOptions options) : oracle{loop, identity, std::move(options)} {}

  /// Sends one request and waits for its reply.
  template <class Reply>
  Result<Reply> ask(proto::OracleRequest request) {
    std::optional<Result<proto::OracleReply>> reply;
    oracle.call(std::move(request), [&](Result<proto::OracleReply> got) { reply = std::move(got); });
    loop.run_until([&] { return reply.has_value(); });
    if (!*reply) return std::unexpected((*reply).error());
    if (auto* expected = std::get_if<Reply>(&**reply)) return std::move(*expected);
    return fail(Code::internal, "the oracle answered something else");
  }

  net::Loop loop;
  net::Identity identity;
  client::OracleClient oracle;
};

}  // namespace ddb::oracle
