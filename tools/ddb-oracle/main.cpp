// ddb-oracle: agree on time and on metadata. See ddb-oracle(1).
#include "metadata.hpp"
#include "serve.hpp"
#include "status.hpp"

int main(int argc, char** argv) {
  using namespace ddb;
  cli::Tool tool{"ddb-oracle", "agree on time and on metadata"};

  oracle::ServeOptions serve;
  tool.command("serve", "run a member of the oracle until SIGTERM")
      .option("-d,--data", serve.server.directory, "data directory; made if it is not there").required()
      .option("-l,--listen", serve.server.listen, "HOST:PORT to listen on; port 0: any")
      .option("--peers", serve.server.peers, "HOST:PORT,HOST:PORT... of all members, the same list on each; default: this one alone")
      .option("--advertise", serve.server.advertise, "HOST:PORT that others reach this member by; default: what it listens on")
      .option("--replicas", serve.server.replicas, "replicas of a new range, when the oracle is founded").between(1, 9)
      .option("--log", serve.log, "log file, reopened on SIGHUP; default: stderr")
      .flag("--insecure", serve.server.insecure, "listen on an address that is not loopback, without TLS")
      .action([&](cli::Context&) { return oracle::serve(serve); });

  oracle::ClientOptions client;
  const auto verb = [&](const char* name, const char* summary) -> cli::Command& {
    return tool.command(name, summary).with_oracle().option("--timeout", client.timeout, "give up after, as 500ms or 10s");
  };
  oracle::KeyOptions keys;
  const auto with_keys = [&](cli::Command& command, oracle::KeyOptions& into) -> cli::Command& {
    return command.option("key", into.key, "the key").required()
        .flag("--prefix", into.prefix, "all keys that begin with it")
        .option("--end", into.end, "all keys from it up to this one, which is left out");
  };
  std::optional<uint64_t> if_revision;

  uint32_t count = 1;
  verb("time", "print fresh timestamps").with_output()
      .option("-n,--count", count, "how many").between(1, 65'536)
      .action([&](cli::Context& context) { return oracle::time(context, client, count); });

  with_keys(verb("get", "print keys of the metadata store"), keys).with_output()
      .action([&](cli::Context& context) { return oracle::get(context, client, keys); });

  oracle::PutOptions put;
  verb("put", "write a key").with_output()
      .option("key", put.key, "the key").required()
      .option("value", put.value, "its value; -: standard input").required()
      .option("--if-revision", if_revision, "only if the key is at this revision; 0: only if there is no such key")
      .option("--lease", put.lease, "the key goes when this lease ends")
      .action([&](cli::Context& context) { return oracle::put(context, client, put, if_revision); });

  with_keys(verb("del", "delete keys"), keys).with_output()
      .option("--if-revision", if_revision, "only if the key is at this revision")
      .action([&](cli::Context& context) { return oracle::del(context, client, keys, if_revision); });

  oracle::WatchOptions watch;
  with_keys(verb("watch", "print changes as they happen"), watch.keys).with_output()
      .option("--from", watch.from, "begin with the changes of this revision; default: from now on")
      .option("-n,--count", watch.count, "end after so many changes")
      .action([&](cli::Context& context) { return oracle::watch(context, client, watch); });

  std::chrono::microseconds ttl{};
  verb("grant", "begin a lease").with_output()
      .option("ttl", ttl, "how long it lives unless it is kept, as 10s").required()
      .action([&](cli::Context& context) { return oracle::grant(context, client, ttl); });

  uint64_t lease = 0;
  verb("keep", "keep a lease alive for another time to live").with_output()
      .option("lease", lease, "its id").required()
      .action([&](cli::Context& context) { return oracle::keep(context, client, lease); });
  verb("revoke", "end a lease; its keys go with it")
      .option("lease", lease, "its id").required()
      .action([&](cli::Context& context) { return oracle::revoke(context, client, lease); });

  verb("status", "print a line per member of the oracle").with_output()
      .action([&](cli::Context& context) { return oracle::status(context, client); });
  verb("stores", "print a line per registered store of a node").with_output()
      .action([&](cli::Context& context) { return oracle::stores(context, client); });

  return tool.run(argc, argv);
}
