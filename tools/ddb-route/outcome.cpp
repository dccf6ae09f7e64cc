#include "outcome.hpp"

#include "cli/text.hpp"
#include "client/kv_client.hpp"
#include "gateway/named_txn.hpp"

namespace ddb::route {

namespace {

Result<void> tell(cli::Output& out, env::Kv& kv, const std::string& name) {
  const auto settled = gateway::settle_outcome(kv, name);
  if (!settled) return std::unexpected(settled.error());
  const bool committed = settled->outcome == gateway::Outcome::committed;
  out.columns({"name", "outcome", "time"});
  out.row(name, committed ? "committed" : "aborted", cli::utc(settled->since.millis()));
  return committed ? Result<void>{} : fail(Code::failed, {});
}

}  // namespace

Result<void> outcome(cli::Context& context, std::chrono::microseconds timeout, const OutcomeOptions& options) {
  if (auto checked = gateway::check_txn_name(options.name); !checked) return checked;
  auto oracles = context.oracles();
  if (!oracles) return std::unexpected(oracles.error());
  net::Loop loop;
  client::Cluster cluster{loop, {.oracles = *std::move(oracles), .timeout = timeout}};
  client::LoopExecutor executor{loop};
  client::KvClient kv{cluster, executor};
  return options.forget ? gateway::forget_outcome(kv, options.name) : tell(context.out(), kv, options.name);
}

}  // namespace ddb::route
