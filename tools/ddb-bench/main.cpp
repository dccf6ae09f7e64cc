// ddb-bench: generate load, measure, record histories. See ddb-bench(1).
#include "check.hpp"
#include "check/check.hpp"
#include "kv.hpp"
#include "slt.hpp"
#include "sql.hpp"
#include "tso.hpp"

namespace {

void add_load(ddb::cli::Command& command, ddb::bench::LoadOptions& load, ddb::Duration& timeout) {
  command.with_output()
      .option("-c,--clients", load.clients, "logical clients, each with one operation under way").between(1, 1'000'000)
      .option("-d,--duration", load.duration, "how long, as 10s")
      .option("-n,--operations", load.operations, "how many instead of how long; 0: no such limit")
      .option("--spin", load.spin, "poll this long before sleeping, as 50us: a core for latency")
      .option("--timeout", timeout, "of one operation over all attempts, as 10s");
}

}  // namespace

int main(int argc, char** argv) {
  using namespace ddb;
  cli::Tool tool{"ddb-bench", "generate load, measure, record histories"};

  bench::KvOptions kv;
  auto& kv_command = tool.command("kv", "write and read rows straight at the nodes");
  add_load(kv_command, kv.load, kv.timeout);
  kv_command.with_oracle()
      .option("-r,--read-percent", kv.read_percent, "share of reads").between(0, 100)
      .option("--cas-percent", kv.cas_percent, "share of compare-and-set transactions").between(0, 100)
      .option("--transfer-percent", kv.transfer_percent, "share of transactions that read rows and write them").between(0, 100)
      .option("--transaction-size", kv.transaction_size, "how many rows").between(1, 100'000)
      .option("-s,--value-bytes", kv.value_bytes, "size of a value").between(1, 1 << 20)
      .option("-k,--keys", kv.keys, "how many different keys").between(1, 1e9)
      .option("--distribution", kv.distribution, "of keys").one_of({"uniform", "zipf", "sequential"})
      .option("--theta", kv.theta, "how uneven zipf is").between(0.01, 0.999)
      .option("--seed", kv.seed, "of keys and kinds of operation")
      .flag("--no-preload", kv.no_preload, "do not write every key once before reading")
      .option("--history", kv.history, "file to record every operation in; see ddb-history(5)")
      .action([&](cli::Context& context) { return bench::run_kv(context, kv); });

  bench::TsoOptions tso;
  auto& tso_command = tool.command("tso", "take timestamps from the oracle");
  add_load(tso_command, tso.load, tso.timeout);
  tso_command.with_oracle()
      .flag("--single", tso.single, "a request for every timestamp, instead of one for all who wait")
      .action([&](cli::Context& context) { return bench::run_tso(context, tso); });

  bench::SqlOptions sql;
  auto& sql_command = tool.command("sql", "run a file of statements at a gateway, over and over");
  add_load(sql_command, sql.load, sql.timeout);
  sql_command.option("file", sql.file, "statements; - is stdin; may use :n, :client and :random").required()
      .option("--rpc", sql.gateways, "HOST:PORT[,HOST:PORT...] of gateways; default: $DDB_RPC")
      .option("-k,--keys", sql.keys, ":random is below this").between(1, 1e18)
      .option("--seed", sql.seed, "of :random")
      .action([&](cli::Context& context) { return bench::run_sql(context, sql); });

  bench::CheckOptions check;
  auto& check_command = tool.command("check", "run workloads and check that the answers fit together");
  check_command.with_output()
      .option("workload", check.workloads, "which; all unless given").one_of(check::workload_names())
      .option("--file", check.file, "check a recorded history instead; - is stdin")
      .option("--via", check.via, "the gateways, or straight to the nodes").one_of({"sql", "kv"})
      .with_oracle()
      .option("--rpc", check.gateways, "HOST:PORT[,HOST:PORT...] of gateways; default: $DDB_RPC")
      .option("-c,--clients", check.clients, "logical clients of each workload").between(1, 1'000)
      .option("-d,--duration", check.duration, "how long, as 10s")
      .option("--timeout", check.timeout, "of one statement over all attempts, as 10s")
      .option("--history", check.history, "file to record every operation in; see ddb-history(5)")
      .option("--seed", check.seed, "of keys and kinds of operation")
      .action([&](cli::Context& context) { return bench::run_check(context, check); });

  bench::SltOptions slt;
  auto& slt_command = tool.command("slt", "run sqllogictest files at a gateway, each in an empty database");
  slt_command.with_output()
      .option("file", slt.files, "of records; - is stdin").required()
      .option("--rpc", slt.gateways, "HOST:PORT of the gateway; default: $DDB_RPC")
      .flag("--drop", slt.drop, "drop what is in the database already")
      .option("--timeout", slt.timeout, "of one statement, as 10s")
      .action([&](cli::Context& context) { return bench::run_slt(context, slt); });

  return tool.run(argc, argv);
}
