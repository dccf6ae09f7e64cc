#include "metadata.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "cli/text.hpp"

namespace ddb::oracle {

namespace {

struct Span {
  Bytes key;
  Bytes end;
};

Result<Span> span_of(const KeyOptions& keys) {
  if (keys.prefix && !keys.end.empty()) return fail(Code::usage, "--prefix and --end exclude each other");
  if (!keys.end.empty()) return Span{keys.key, keys.end};
  if (!keys.prefix && keys.key.empty()) return fail(Code::usage, "the key is empty", "for all keys, give --prefix too");
  if (!keys.prefix) return Span{keys.key, {}};
  return Span{keys.key, keys.key.empty() ? Bytes{"\xff"} : prefix_end(keys.key)};
}

/// Text as it is; as a blob what is not UTF-8 or holds control characters other than white space.
cli::Cell cell_of(BytesView bytes) {
  const bool controls = std::ranges::any_of(bytes, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  });
  const bool text = !controls && cli::valid_utf8(bytes) == bytes;
  return text ? cli::Cell{std::string_view{bytes}} : cli::Cell{cli::Blob{bytes}};
}

Result<Bytes> read_stdin() {
  Bytes all;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) all.append(buffer, n);
  if (std::ferror(stdin) != 0) return fail(Code::io, "standard input cannot be read");
  return all;
}

/// One operation, if the key is at `if_revision`.
Result<Revision> change(Session& session, env::MetaOp op, std::optional<uint64_t> if_revision) {
  std::vector<env::MetaCompare> compares;
  if (if_revision) compares.push_back({op.key, Revision{*if_revision}});
  const Bytes key = op.key;
  std::optional<Result<env::MetaTxnResult>> result;
  session.oracle.txn(std::move(compares), {std::move(op)}, [&](Result<env::MetaTxnResult> got) { result = std::move(got); });
  session.loop.run_until([&] { return result.has_value(); });
  if (!*result) return std::unexpected(result->error());
  if ((*result)->succeeded) return (*result)->revision;
  return fail(Code::failed, key + " is not at revision " + std::to_string(*if_revision), "see ddb-oracle get " + key);
}

}  // namespace

Result<void> get(cli::Context& context, const ClientOptions& client, const KeyOptions& keys) {
  const auto span = span_of(keys);
  if (!span) return std::unexpected(span.error());
  auto session = Session::open(context, client);
  if (!session) return std::unexpected(session.error());
  const auto range = (*session)->ask<env::MetaRange>(proto::MetaRangeRequest{span->key, span->end});
  if (!range) return std::unexpected(range.error());
  auto& out = context.out();
  out.columns({"key", "value", "revision", "created", "version", "lease"});
  for (const auto& entry : range->entries) {
    if (!out.row(cell_of(entry.key), cell_of(entry.value), entry.mod_revision, entry.create_revision, entry.version,
                 entry.lease)) {
      break;
    }
  }
  if (range->entries.empty() && span->end.empty()) return fail(Code::not_found, "there is no key " + keys.key);
  return {};
}

Result<void> put(cli::Context& context, const ClientOptions& client, const PutOptions& options,
                 std::optional<uint64_t> if_revision) {
  auto value = options.value == "-" ? read_stdin() : Result<Bytes>{options.value};
  if (!value) return std::unexpected(value.error());
  auto session = Session::open(context, client);
  if (!session) return std::unexpected(session.error());
  const auto revision = change(**session, {options.key, std::move(*value), {}, LeaseId{options.lease}}, if_revision);
  if (!revision) return std::unexpected(revision.error());
  context.out().columns({"revision"});
  context.out().row(*revision);
  return {};
}

Result<void> del(cli::Context& context, const ClientOptions& client, const KeyOptions& keys,
                 std::optional<uint64_t> if_revision) {
  auto span = span_of(keys);
  if (!span) return std::unexpected(span.error());
  if (if_revision && !span->end.empty()) return fail(Code::usage, "--if-revision is for a single key");
  auto session = Session::open(context, client);
  if (!session) return std::unexpected(session.error());
  const auto revision = change(**session, {span->key, std::nullopt, span->end, {}}, if_revision);
  if (!revision) return std::unexpected(revision.error());
  context.out().columns({"revision"});
  context.out().row(*revision);
  return {};
}

Result<void> watch(cli::Context& context, const ClientOptions& client, const WatchOptions& options) {
  auto span = span_of(options.keys);
  if (!span) return std::unexpected(span.error());
  auto session = Session::open(context, client);
  if (!session) return std::unexpected(session.error());
  // With nobody to hear from this says so, after the timeout; the watch itself would wait for ever.
  const auto there = (*session)->ask<env::MetaRange>(proto::MetaRangeRequest{span->key, {}});
  if (!there) return std::unexpected(there.error());
  auto& out = context.out();
  out.columns({"revision", "event", "key", "value", "version", "lease"});
  out.flush();
  uint64_t left = options.count;
  bool ended = false;
  std::optional<Error> lost;
  const auto changed = [&](const proto::WatchReply& reply) {
    for (const auto& [deleted, entry] : reply.events) {
      if (ended) return;
      const bool written =
          deleted ? out.row(entry.mod_revision, "delete", cell_of(entry.key), cli::Cell{}, cli::Cell{}, cli::Cell{})
                  : out.row(entry.mod_revision, "put", cell_of(entry.key), cell_of(entry.value), entry.version, entry.lease);
      ended = !written || (options.count != 0 && --left == 0);
    }
    ended = !out.flush() || ended;
  };
  const Revision from = options.from != 0 ? Revision{options.from} : there->revision.next();
  (*session)->loop.on_signal({SIGTERM, SIGINT}, [&](int) { ended = true; });
  (*session)->oracle.watch(span->key, span->end, from, {.changed = changed, .lost = [&](const Error& error) { lost = error; }});
  (*session)->loop.run_until([&] { return ended || lost; });
  if (lost) return std::unexpected(*lost);
  return {};
}

Result<void> grant(cli::Context& context, const ClientOptions& client, std::chrono::microseconds ttl) {
  auto session = Session::open(context, client);
  if (!session) return std::unexpected(session.error());
  const auto ttl_ms = static_cast<uint64_t>(std::max<int64_t>(ttl / std::chrono::milliseconds{1}, 0));
  const auto lease = (*session)->ask<proto::LeaseReply>(proto::LeaseGrantRequest{ttl_ms});
  if (!lease) return std::unexpected(lease.error());
  context.out().columns({"lease", "ttl_ms"});
  context.out().row(lease->lease, lease->ttl_ms);
  return {};
}

Result<void> keep(cli::Context& context, const ClientOptions& client, uint64_t lease) {
  auto session = Session::open(context, client);
  if (!session) return std::unexpected(session.error());
  const auto kept = (*session)->ask<proto::LeaseReply>(proto::LeaseKeepAliveRequest{LeaseId{lease}});
  if (!kept) return std::unexpected(kept.error());
  context.out().columns({"lease", "ttl_ms"});
  context.out().row(kept->lease, kept->ttl_ms);
  return {};
}

Result<void> revoke(cli::Context& context, const ClientOptions& client, uint64_t lease) {
  auto session = Session::open(context, client);
  if (!session) return std::unexpected(session.error());
  const auto done = (*session)->ask<proto::DoneReply>(proto::LeaseRevokeRequest{LeaseId{lease}});
  return done ? Result<void>{} : std::unexpected(done.error());
}

}  // namespace ddb::oracle
