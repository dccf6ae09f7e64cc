#include "tso.hpp"

#include <utility>
#include <vector>

#include "bench/history.hpp"
#include "client/oracle_client.hpp"
#include "report.hpp"

namespace ddb::bench {

namespace {

class Tso {
 public:
  Tso(const client::OracleClientOptions& oracle, const TsoOptions& options)
      : options_{options}, oracle_{loop_, identity_, oracle}, newest_(options.load.clients) {}

  Result<void> run(cli::Output& out) {
    run_ = std::make_unique<ClosedLoop>(loop_, options_.load, [this](uint32_t client) { start(client); });
    measure_ = std::make_unique<Measure>(run_->begin_ns());
    run_->run();
    measure_->close(run_->end_ns());
    auto reported = report(out, "tso", options_.load.clients, *run_, {{options_.single ? "single" : "batched", measure_.get()}});
    if (reported && backwards_ > 0)
      return fail(Code::failed, std::to_string(backwards_) + " timestamps were not above one that was given before");
    return reported;
  }

 private:
  void start(uint32_t client) {
    auto done = [this, client, begin_ns = now_ns()](Result<Timestamp> ts) { ended(client, begin_ns, ts); };
    if (!options_.single) return oracle_.timestamp(std::move(done));
    oracle_.call(proto::TimestampRequest{1}, [done = std::move(done)](Result<proto::OracleReply> reply) mutable {
      if (!reply) return done(std::unexpected(std::move(reply.error())));
      const auto* given = std::get_if<proto::TimestampReply>(&*reply);
      done(given != nullptr ? Result<Timestamp>{given->first} : fail(Code::bad_data, "the oracle answered something else"));
    });
  }

  void ended(uint32_t client, int64_t begin_ns, const Result<Timestamp>& ts) {
    if (ts && *ts <= newest_[client]) ++backwards_;
    if (ts) newest_[client] = *ts;
    if (run_->measuring()) {
      if (ts) measure_->success(begin_ns, now_ns());
      else measure_->failure(ts.error());
    }
    run_->ended(client, ts.has_value());
  }

  const TsoOptions& options_;
  net::Loop loop_;
  net::Identity identity_;
  client::OracleClient oracle_;
  std::vector<Timestamp> newest_;  // that each client got
  uint64_t backwards_ = 0;
  std::unique_ptr<ClosedLoop> run_;
  std::unique_ptr<Measure> measure_;
};

}  // namespace

Result<void> run_tso(cli::Context& context, const TsoOptions& options) {
  auto oracles = context.oracles();
  if (!oracles) return std::unexpected(oracles.error());
  Tso tso{{.addresses = std::move(*oracles), .timeout = options.timeout}, options};
  return tso.run(context.out());
}

}  // namespace ddb::bench
