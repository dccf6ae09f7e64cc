// ddb-route: run SQL against a cluster. See ddb-route(1).
#include "cluster.hpp"
#include "filter.hpp"
#include "import.hpp"
#include "outcome.hpp"
#include "serve.hpp"
#include "status.hpp"

int main(int argc, char** argv) {
  using namespace ddb;
  cli::Tool tool{"ddb-route", "run SQL against a ddb cluster: from -c, files, the standard input, or for programs with --listen and --pg"};

  route::FilterOptions filter;
  route::ServeOptions serve;
  std::chrono::microseconds timeout = std::chrono::seconds{10};
  std::string directory;
  tool.with_oracle()
      .option("-d,--data", directory, "instead of a cluster: a database in this directory, made if it is not there")
      .option("-c,--command", filter.commands, "run these statements; may be repeated")
      .flag("-k,--keep-going", filter.keep_going, "go on after a failed statement")
      .option("--batch", filter.batch, "for loads: so many statements make a transaction, whatever BEGIN and COMMIT say; 0: no")
      .option("--txn-id", filter.txn_id, "all of it is one transaction of this name, which commits once: see outcome")
      .option("-t,--timeout", timeout, "of one request to the cluster")
      .option("--listen", serve.listen, "serve MessagePack-RPC clients at this address, see ddb-rpc(5); port 0: any")
      .option("--pg", serve.pg, "serve PostgreSQL clients at this address, see ddb-pg(7); port 0: any")
      .option("--log", serve.log, "of a server: log file, reopened on SIGHUP; default: stderr")
      .flag("--insecure", serve.insecure, "of a server: allow an address that is not loopback, without TLS")
      .option("file", filter.files, "SQL to run; -: the standard input")
      .with_output();

  route::OutcomeOptions outcome;
  tool.command("outcome", "say what became of a transaction with a name; from then on that is final")
      .with_oracle()
      .with_output()
      .flag("--forget", outcome.forget, "drop what is kept of the name: as if it had never been used")
      .option("-t,--timeout", timeout, "of one request to the cluster")
      .option("name", outcome.name, "as --txn-id gave it")
      .required()
      .action([&](cli::Context& context) { return route::outcome(context, timeout, outcome); });

  route::ImportArguments import;
  tool.command("import", "put the rows of a CSV, TSV or JSON lines file into a table")
      .with_oracle()
      .flag("--csv", import.csv, "the file is CSV; default: as its name ends, .csv, .tsv, .json, .jsonl or .ndjson")
      .flag("--tsv", import.tsv, "the file is tab-separated, as ddb-route --tsv writes it")
      .flag("--json", import.json, "the file has a JSON object per line")
      .option("--separator", import.separator, "of CSV fields: one character")
      .flag("--no-header", import.no_header, "the first record is data, and fields are in the order of the table's columns")
      .flag("--create", import.create, "the table, if there is none, with text columns of the names in the file")
      .option("--existing", import.existing, "what becomes of a row whose key is there: bad, skip or replace").one_of({"bad", "skip", "replace"})
      .option("--batch", import.batch, "rows to a transaction").between(1, 1'000'000)
      .option("--bad-max", import.bad_max, "so many bad rows are told and left out; one more ends the import")
      .option("--from", import.from_line, "begin at this line of the file, to go on after an error")
      .option("-t,--timeout", timeout, "of one request to the cluster")
      .option("file", import.file, "-: the standard input")
      .required()
      .option("table", import.table, "where the rows go")
      .required()
      .action([&](cli::Context& context) { return route::import(context, timeout, import); });

  std::vector<std::string> gateways;
  tool.command("status", "print a line per gateway: what it did since its start")
      .with_output()
      .option("address", gateways, "HOST:PORT of gateways that serve; default: $DDB_RPC")
      .action([&](cli::Context& context) { return route::status(context, gateways); });

  return tool.run(argc, argv, [&](cli::Context& context) -> Result<void> {
    const bool serves = !serve.listen.host.empty() || !serve.pg.host.empty();
    if (serves && (!filter.commands.empty() || !filter.files.empty() || filter.txn_id))
      return fail(Code::usage, "--listen and --pg serve programs", "leave out -c, --txn-id and files");
    auto cluster = route::Cluster::open(context, {.directory = directory, .timeout = timeout});
    if (!cluster) return std::unexpected(cluster.error());
    return (*cluster)->close(serves ? route::serve(**cluster, serve) : route::filter(context, **cluster, filter));
  });
}
