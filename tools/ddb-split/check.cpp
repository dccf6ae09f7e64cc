#include "check.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "nodes.hpp"

namespace ddb::split {

namespace {

constexpr Duration poll_interval = std::chrono::milliseconds{250};
constexpr int polls_per_request = 8;  // who leads may have changed

/// A range as the replica of it that has heard most tells.
struct View {
  proto::RangeDescriptor descriptor;
  proto::Health health;
  LogIndex applied;
};
using Views = std::map<RangeId, View>;

Views look(Session& session, const std::vector<proto::NodeInfo>& nodes) {
  Views views;
  for (const auto& node : nodes) {
    const auto status = ask_status(session, node);
    if (!status) continue;  // its replicas will be among the silent
    for (const auto& replica : status->replicas) {
      View& view = views[replica.descriptor.id];
      if (replica.descriptor.id && replica.applied >= view.applied) view = {replica.descriptor, replica.health, replica.applied};
    }
  }
  views.erase(RangeId{});
  return views;
}

/// Those of `wanted` that have no verdict of a check that began after `before`.
std::vector<RangeId> without_verdict(const Views& now, const Views& before, const std::vector<RangeId>& wanted) {
  std::vector<RangeId> left;
  for (const RangeId range : wanted) {
    const auto found = now.find(range), earlier = before.find(range);
    const LogIndex last = earlier == before.end() ? LogIndex{} : earlier->second.health.check;
    const bool done = found != now.end() && found->second.health.concluded && found->second.health.check > last;
    if (!done) left.push_back(range);
  }
  return left;
}

/// In one message per node, whoever leads what.
void request(Session& session, const std::vector<proto::NodeInfo>& nodes, const std::vector<RangeId>& ranges) {
  for (const auto& node : nodes) {
    if (auto begun = ask(session, node, proto::CheckRequest{ranges}); !begun) {
      session.context.note(node.address + ": " + to_string(begun.error()));
    }
  }
}

Result<std::vector<RangeId>> wanted_of(const CheckOptions& options, const Views& known) {
  std::vector<RangeId> wanted;
  for (const std::string& text : options.ranges) {
    RangeId range;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), range.value);
    if (error != std::errc{} || end != text.data() + text.size()) return fail(Code::usage, "not a range's id: " + text, "see ddb-split list");
    if (!known.contains(range)) return fail(Code::not_found, "no node that answers has a replica of range " + text, "see ddb-split list");
    wanted.push_back(range);
  }
  if (wanted.empty()) {
    for (const auto& [range, view] : known) wanted.push_back(range);
  }
  return wanted;
}

/// Returns how many are not sound.
size_t print(cli::Output& out, const Views& views, const std::vector<RangeId>& wanted, const std::vector<RangeId>& left) {
  size_t unsound = 0;
  out.columns({"id", "state", "damaged", "silent", "checked_ms"});
  for (const RangeId range : wanted) {
    const View& view = views.at(range);
    const bool open = std::ranges::find(left, range) != left.end();
    const char* state = view.health.stopped ? "stopped" : !view.health.damaged.empty() ? "damaged" : open ? "unknown" : "ok";
    unsound += view.health.stopped || !view.health.damaged.empty();
    out.row(range, state, nodes_of(view.descriptor, view.health.damaged), nodes_of(view.descriptor, view.health.silent),
            view.health.checked_at.millis());
  }
  return unsound;
}

}  // namespace

Result<void> check(Session& session, const CheckOptions& options) {
  const auto nodes = read_nodes(session);
  if (!nodes) return std::unexpected(nodes.error());
  const Views before = look(session, *nodes);
  const auto wanted = wanted_of(options, before);
  if (!wanted) return std::unexpected(wanted.error());
  const Instant deadline = net::Loop::now() + options.wait;
  Views views = before;
  std::vector<RangeId> left = *wanted;
  for (int polls = 0; !left.empty() && net::Loop::now() < deadline; ++polls) {
    if (polls % polls_per_request == 0) request(session, *nodes, left);
    session.pause(poll_interval);
    for (auto& [range, view] : look(session, *nodes)) views[range] = std::move(view);
    left = without_verdict(views, before, *wanted);
  }
  const size_t unsound = print(session.context.out(), views, *wanted, left);
  if (unsound > 0) return fail(Code::failed, std::to_string(unsound) + " ranges are not sound", "their other replicas serve, unless they have stopped");
  if (!left.empty()) return fail(Code::try_again, std::to_string(left.size()) + " ranges were not compared in time", "see that their nodes are up, and try again");
  return {};
}

}  // namespace ddb::split
