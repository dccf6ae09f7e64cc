#include <fmt/format.h>

#include "codec/archive.hpp"
#include "unit/raft/cluster.hpp"

namespace ddb::raft::test {
namespace {

std::string ids_text(const std::vector<ReplicaId>& ids) {
  std::string out;
  for (const ReplicaId id : ids) out += fmt::format("{}{}", out.empty() ? "" : ",", id.value);
  return out;
}

std::string entry_text(const Entry& entry) {
  const std::string at = render(Base{entry.index, entry.term});
  if (entry.kind == EntryKind::noop) return at + " noop";
  if (entry.kind == EntryKind::command) return at + " " + entry.data;
  return at + " config " + render(codec::decode<ConfigChange>(entry.data)->config);
}

std::string body(const proto::RequestVote& m) {
  return fmt::format("RequestVote{}{} last={}", m.pre ? " pre" : "", m.transfer ? " transfer" : "", render(m.last));
}
std::string body(const proto::RequestVoteReply& m) {
  return fmt::format("RequestVoteReply{} {}", m.pre ? " pre" : "", m.granted ? "granted" : "refused");
}
std::string body(const proto::AppendEntries& m) {
  std::string entries;
  for (const Entry& entry : m.entries) entries += (entries.empty() ? "" : ", ") + entry_text(entry);
  return fmt::format("AppendEntries prev={} commit={} round={} [{}]", render(m.prev), m.commit.value, m.round, entries);
}
std::string body(const proto::AppendEntriesReply& m) {
  if (m.rejected)
    return fmt::format("AppendEntriesReply refused={} hint={} round={}", m.match.value, render(m.hint), m.round);
  return fmt::format("AppendEntriesReply match={} round={}", m.match.value, m.round);
}
std::string body(const proto::Heartbeat& m) {
  return fmt::format("Heartbeat commit={} round={}", m.commit.value, m.round);
}
std::string body(const proto::HeartbeatReply& m) { return fmt::format("HeartbeatReply round={}", m.round); }
std::string body(const proto::InstallSnapshot& m) {
  return fmt::format("InstallSnapshot base={} config={}", render(m.base), render(m.config));
}
std::string body(const proto::TimeoutNow&) { return "TimeoutNow"; }

}  // namespace

std::string render(Base base) { return fmt::format("{}/{}", base.term.value, base.index.value); }

std::string render(const Config& config) {
  std::string out = ids_text(config.voters);
  if (!config.outgoing.empty()) out += "&" + ids_text(config.outgoing);
  if (!config.learners.empty()) out += "+" + ids_text(config.learners);
  if (!config.learners_next.empty()) out += "~" + ids_text(config.learners_next);
  return config.auto_leave ? out + "!" : out;
}

std::string render(const RaftMessage& m) {
  const std::string text = std::visit([](const auto& b) { return body(b); }, m.body);
  const size_t name_end = std::min(text.find(' '), text.size());
  return fmt::format("{}->{} {} term={}{}", m.from.value, m.to.value, text.substr(0, name_end), m.term.value,
                     text.substr(name_end));
}

std::string render(Role role) {
  switch (role) {
    case Role::follower: return "follower";
    case Role::pre_candidate: return "pre-candidate";
    case Role::candidate: return "candidate";
    case Role::leader: return "leader";
  }
  return "?";
}

std::string render(const Node& node) {
  if (node.gone) return "gone";
  if (!node.raft) return fmt::format("down term={} vote={} last={}", node.disk.hard.term.value,
                                     node.disk.hard.vote.value, render(node.disk.last()));
  const Raft& raft = *node.raft;
  std::string log;
  for (LogIndex i = raft.base().index.next(); i <= raft.last().index; i = i.next())
    log += (log.empty() ? "" : ", ") + entry_text(raft.entry(i));
  return fmt::format("{} term={} vote={} commit={} durable={} applied={} config={} log={}[{}]", render(raft.role()),
                     raft.term().value, raft.hard_state().vote.value, raft.commit_index().value,
                     raft.durable_index().value, raft.applied_index().value, render(raft.config()),
                     raft.base().index ? "(" + render(raft.base()) + ") " : "", log);
}

}  // namespace ddb::raft::test
