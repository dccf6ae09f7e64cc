// ddb-split: split ranges, show and compare them. See ddb-split(1).
#include "at.hpp"
#include "check.hpp"
#include "list.hpp"

int main(int argc, char** argv) {
  using namespace ddb;
  cli::Tool tool{"ddb-split", "split ranges, show and compare them"};

  std::chrono::microseconds timeout = std::chrono::seconds{10};
  const auto verb = [&](const char* name, const char* summary) -> cli::Command& {
    return tool.command(name, summary).with_oracle().with_output()
        .option("--timeout", timeout, "of one request to the cluster, as 500ms or 10s");
  };
  const auto with_cluster = [&](auto act) -> cli::Action {
    return [&timeout, act](cli::Context& context) -> Result<void> {
      auto oracles = context.oracles();
      if (!oracles) return std::unexpected(oracles.error());
      split::Session session{context, {.oracles = *std::move(oracles), .timeout = timeout}};
      return act(session);
    };
  };

  split::AtOptions at;
  verb("at", "split where rows with these keys begin")
      .option("table", at.table, "the table; -: lines of table and key from the standard input")
      .option("key", at.keys, "SQL literals, as 17, \"'text'\" or \"(17, 'text')\"; -: lines from the standard input")
      .option("--key", at.hex, "a stored key instead, in hexadecimal; may be repeated")
      .action(with_cluster([&](split::Session& session) { return split::at(session, at); }));

  split::EvenOptions even;
  verb("even", "split a table into ranges of about as many rows each")
      .option("table", even.table, "the table").required()
      .option("ranges", even.ranges, "how many").required().between(1, 100'000)
      .action(with_cluster([&](split::Session& session) { return split::even(session, even); }));

  verb("list", "print a line per range, by key")
      .action(with_cluster([&](split::Session& session) { return split::list(session); }));

  split::CheckOptions check;
  verb("check", "compare what the replicas of ranges hold")
      .option("range", check.ranges, "ids; default: all")
      .option("--wait", check.wait, "for all answers, as 30s or 5m")
      .action(with_cluster([&](split::Session& session) { return split::check(session, check); }));

  split::WhereOptions where;
  verb("where", "print the range that holds a row's key")
      .option("table", where.table, "the table").required()
      .option("key", where.key, "SQL literals").required()
      .action(with_cluster([&](split::Session& session) { return split::where(session, where); }));

  return tool.run(argc, argv);
}
