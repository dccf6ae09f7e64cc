#include "list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "codec/archive.hpp"
#include "nodes.hpp"
#include "sql/key_literal.hpp"

namespace ddb::split {

namespace {

/// A range as the map and its replicas have it.
struct View {
  proto::RangeDescriptor descriptor;
  NodeId leader;  // zero: unknown
  Term term;      // that it leads in
  uint64_t rows = 0;
  uint64_t bytes = 0;
  double requests = 0;  // per second, of all replicas
  std::string state = "ok";
};
using Views = std::map<RangeId, View>;

bool newer(const proto::Epoch& a, const proto::Epoch& b) { return a.split > b.split || (a.split == b.split && a.conf > b.conf); }

View& view_of(Views& views, const proto::RangeDescriptor& descriptor) {
  View& view = views[descriptor.id];
  if (!view.descriptor.id || newer(descriptor.epoch, view.descriptor.epoch)) view.descriptor = descriptor;
  return view;
}

void add(Views& views, const proto::ReplicaStatus& replica) {
  if (!replica.descriptor.id) return;  // waits for what its range is
  View& view = view_of(views, replica.descriptor);
  view.requests += static_cast<double>(replica.requests_per_1000s) / 1000;
  if (replica.term >= view.term) view.state = state_of(replica.descriptor, replica.health);
  if (replica.leader != replica.replica || replica.term < view.term) return;
  view.leader = node_of(replica.descriptor, replica.replica);
  view.term = replica.term;
  view.rows = replica.rows;
  view.bytes = replica.bytes;
}

Result<Views> read_map(Session& session) {
  client::MetaClient meta{session.cluster.oracle(), session.executor};
  const auto entries = meta.range(proto::range_prefix, prefix_end(proto::range_prefix));
  if (!entries) return std::unexpected(entries.error());
  Views views;
  for (const auto& entry : entries->entries) {
    const auto info = codec::decode<proto::RangeInfo>(entry.value);
    if (!info) return fail(Code::bad_data, "metadata key " + entry.key + " does not hold what it should");
    View& view = view_of(views, info->descriptor);
    view.leader = node_of(info->descriptor, info->leader);
  }
  return views;
}

/// False: a node did not answer, which has been said.
bool ask_all(Session& session, const std::vector<proto::NodeInfo>& nodes, Views& views) {
  bool complete = true;
  for (const auto& node : nodes) {
    const auto status = ask_status(session, node);
    if (status) {
      for (const auto& replica : status->replicas) add(views, replica);
    } else {
      session.context.note(node.address + ": " + to_string(status.error()));
      complete = false;
    }
  }
  return complete;
}

std::string nodes_of(const proto::RangeDescriptor& range) {
  std::string text;
  for (const auto& replica : range.replicas) {
    if (!text.empty()) text += ",";
    text += std::to_string(replica.node.value);
  }
  return text;
}

/// The end of a table's last range is where the next one begins.
std::string end_of(const sql::Schema& schema, const env::KeySpan& span) {
  if (span.end.empty()) return {};
  const auto start = sql::name_of_key(schema, span.start), end = sql::name_of_key(schema, span.end);
  return start.table == end.table ? end.literals : end.table + (end.literals.empty() ? "" : " " + end.literals);
}

std::optional<NodeId> known(NodeId node) { return node ? std::optional{node} : std::nullopt; }

}  // namespace

Result<void> list(Session& session) {
  const auto schema = session.schema();
  if (!schema) return std::unexpected(schema.error());
  auto views = read_map(session);
  if (!views) return std::unexpected(views.error());
  const auto nodes = read_nodes(session);
  if (!nodes) return std::unexpected(nodes.error());
  const bool complete = ask_all(session, *nodes, *views);

  std::vector<const View*> sorted;
  for (const auto& [id, view] : *views) sorted.push_back(&view);
  std::ranges::sort(sorted, {}, [](const View* view) { return view->descriptor.span.start; });
  auto& out = session.context.out();
  out.columns({"id", "table", "start", "end", "replicas", "leader", "epoch", "size", "rows", "requests/s", "state"});
  for (const View* view : sorted) {
    const auto& range = view->descriptor;
    const auto start = range.span.start.empty() ? sql::KeyName{} : sql::name_of_key(**schema, range.span.start);
    out.row(range.id, start.table, start.literals, end_of(**schema, range.span), nodes_of(range), known(view->leader),
            fmt::format("{}.{}", range.epoch.conf, range.epoch.split), view->bytes, view->rows, view->requests,
            view->state);
  }
  if (!complete) return fail(Code::unavailable, "not every node answered", "see the lines above");
  return {};
}

Result<void> where(Session& session, const WhereOptions& options) {
  const auto schema = session.schema();
  const auto table = session.table(options.table);
  if (!table) return std::unexpected(table.error());
  const auto key = sql::key_of_literals(**table, options.key);
  if (!key) return std::unexpected(key.error());
  auto& ranges = session.cluster.ranges();
  const auto loaded = client::await<void>(session.executor, [&](client::Done<void> done) { ranges.load(std::move(done)); });
  if (!loaded) return std::unexpected(loaded.error());
  const auto* route = ranges.map().find(*key);
  if (route == nullptr) return fail(Code::unavailable, "no range holds the key", "start nodes: they form the first range");
  const auto& range = route->descriptor;
  const NodeId leader = node_of(range, route->leader);
  const std::string* address = ranges.map().address(leader);
  auto& out = session.context.out();
  out.columns({"id", "start", "end", "replicas", "leader", "address", "epoch", "key"});
  const auto start = range.span.start.empty() ? sql::KeyName{} : sql::name_of_key(**schema, range.span.start);
  out.row(range.id, start.table + (start.literals.empty() ? "" : " " + start.literals), end_of(**schema, range.span),
          nodes_of(range), known(leader), address != nullptr ? *address : std::string{},
          fmt::format("{}.{}", range.epoch.conf, range.epoch.split), to_hex(*key));
  return {};
}

}  // namespace ddb::split
