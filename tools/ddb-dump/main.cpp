// ddb-dump: one snapshot of the tables, for SQLite or for another cluster. See ddb-dump(1).
#include "dump.hpp"

int main(int argc, char** argv) {
  using namespace ddb;
  cli::Tool tool{"ddb-dump", "write one snapshot of the database as SQL, or into a SQLite file"};

  DumpArguments arguments;
  std::chrono::microseconds timeout = std::chrono::seconds{10};
  tool.with_oracle()
      .option("-t,--table", arguments.tables, "only this table, with its indexes and triggers, or this view; may be repeated")
      .option("--as-of", arguments.as_of, "as it was then: an age as -10s, a date and time in UTC, or a timestamp of the oracle's")
      .option("--sqlite", arguments.sqlite, "write this SQLite database, which appears when it is whole; default: SQL on stdout")
      .option("--timeout", timeout, "of one request to the cluster");
  return tool.run(argc, argv, [&](cli::Context& context) -> Result<void> {
    auto oracles = context.oracles();
    if (!oracles) return std::unexpected(oracles.error());
    return dump(context, {.oracles = *std::move(oracles), .timeout = timeout}, arguments);
  });
}
