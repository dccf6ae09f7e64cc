#include "slt.hpp"

#include <fmt/core.h>

#include "read_file.hpp"
#include "rpc_client.hpp"
#include "sql.hpp"
#include "sql/schema.hpp"
#include "sql/slt.hpp"

namespace ddb::bench {

namespace {

/// A session that waits for each answer.
class Gateway {
 public:
  Gateway(const net::Address& address, Duration timeout) : client_{loop_, address, timeout} {}

  Result<Rows> run(const std::string& statement) {
    std::optional<Result<Rows>> outcome;
    client_.query(statement, {}, [&](Result<Rows> rows) { outcome = std::move(rows); });
    loop_.run_until([&] { return outcome.has_value(); });
    return *std::move(outcome);
  }

  /// What stands in the way of a file that wants a database of its own; views first, that no table is missed by one.
  Result<Rows> objects() {
    return run("SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'table') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type DESC");
  }

  Result<void> empty() {
    const auto found = objects();
    if (!found) return std::unexpected(found.error());
    for (const auto& row : *found) {
      const auto dropped = run("DROP " + std::get<std::string>(row.at(0)) + " " + sql::quote_name(std::get<std::string>(row.at(1))));
      if (!dropped) return std::unexpected(dropped.error());
    }
    return {};
  }

 private:
  net::Loop loop_;
  RpcClient client_;
};

/// In a session of its own: what a file leaves open is rolled back.
Result<sql::SltReport> run_file(const net::Address& gateway, const SltOptions& options, const std::string& file) {
  const auto text = read_file(file);
  if (!text) return std::unexpected(text.error());
  Gateway session{gateway, options.timeout};
  // The files expect SQLite's default.
  if (const auto set = session.run("PRAGMA foreign_keys=OFF"); !set) return std::unexpected(set.error());
  return sql::run_slt([&](const std::string& statement) { return session.run(statement); }, *text);
}

Result<void> prepare(const net::Address& address, const SltOptions& options) {
  Gateway gateway{address, options.timeout};
  const auto found = gateway.objects();
  if (!found) return std::unexpected(found.error());
  if (found->empty() || options.drop) return gateway.empty();
  return fail(Code::refused, fmt::format("the database holds {} tables and views", found->size()),
              "the files want an empty one: take another cluster, or --drop them all");
}

}  // namespace

Result<void> run_slt(cli::Context& context, const SltOptions& options) {
  const auto gateways = gateway_addresses(options.gateways);
  if (!gateways) return std::unexpected(gateways.error());
  if (auto ready = prepare(gateways->front(), options); !ready) return ready;
  context.out().columns({"file", "records", "failed"});
  sql::SltReport total;
  for (const auto& file : options.files) {
    const auto report = run_file(gateways->front(), options, file);
    if (!report) return std::unexpected(report.error());
    for (const auto& failure : report->failures) context.note(fmt::format("{}: {}", file, failure));
    if (!context.out().row(file, report->records, report->failed)) break;
    (void)context.out().flush();
    total += *report;
    if (auto emptied = Gateway{gateways->front(), options.timeout}.empty(); !emptied) return emptied;
  }
  if (total.failed == 0) return {};
  return fail(Code::failed, fmt::format("{} of {} records failed", total.failed, total.records));
}

}  // namespace ddb::bench
