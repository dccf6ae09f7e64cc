#include <fmt/format.h>

#include "unit/raft/script.hpp"

namespace ddb::raft::test {

// expect leader N|any|none; expect error CODE|none; expect client DATA OUTCOME; expect read NAME OUTCOME;
// expect inflight A->B [Type] COUNT; expect same N,N...; expect N property=value ...
void Script::expect(const Words& words) {
  const std::string& what = words.at(1);
  if (what == "leader") return expect_leader(words);
  if (what == "error") return require("error", words.at(2), last_error_);
  if (what == "client") return require("client " + words.at(2), words.at(3), cluster_.proposals().at(words[2]).outcome);
  if (what == "read") return require("read " + words.at(2), words.at(3), cluster_.reads().at(words[2]).outcome);
  if (what == "inflight") {
    const Link which = link({words.begin() + 1, words.end() - 1});
    const auto count = std::count_if(cluster_.packets().begin(), cluster_.packets().end(),
                                     [&](const Packet& packet) { return matches(which, packet.message); });
    return require("inflight", words.back(), std::to_string(count));
  }
  if (what == "same") {
    const auto ids = split(words.at(2), ',');
    for (const std::string& id : ids)
      for (const char* name : {"log", "state", "commit"})
        require(id + " " + name, property(cluster_.node(node(ids.front())), name),
                property(cluster_.node(node(id)), name));
    return;
  }
  expect_node(node(what), words);
}

// The leader of the highest term.
void Script::expect_leader(const Words& words) {
  Term term;
  std::string found = "none";
  for (const auto& [id, n] : cluster_.nodes()) {
    if (!n.raft || n.raft->role() != Role::leader || n.raft->term() < term) continue;
    term = n.raft->term();
    found = std::to_string(id.value);
  }
  require("leader", words.at(2), words[2] == "any" && found != "none" ? "any" : found);
}

void Script::expect_node(ReplicaId id, const Words& words) {
  for (size_t i = 2; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    require(fmt::format("{} {}", id.value, name), words[i].substr(equals + 1), property(cluster_.node(id), name));
  }
}

std::string Script::property(const Node& n, const std::string& name) const {
  if (!n.raft) return n.gone ? "gone" : "down";
  const Raft& r = *n.raft;
  const auto joined = [](auto first, LogIndex last, auto text) {
    std::string out;
    for (; first <= last; first = first.next()) out += (out.empty() ? "" : ",") + text(first);
    return out;
  };
  if (name == "role") return render(r.role());
  if (name == "term") return std::to_string(r.term().value);
  if (name == "vote") return std::to_string(r.hard_state().vote.value);
  if (name == "leader") return std::to_string(r.leader().value);
  if (name == "commit") return std::to_string(r.commit_index().value);
  if (name == "applied") return std::to_string(r.applied_index().value);
  if (name == "durable") return std::to_string(r.durable_index().value);
  if (name == "base") return render(r.base());
  if (name == "last") return render(r.last());
  if (name == "config") return render(r.config());
  if (name == "lease") return r.lease_valid(n.clock) ? "yes" : "no";
  if (name == "serves") return r.in_own_term() ? "yes" : "no";
  if (name == "log")  // the terms of its entries
    return joined(r.base().index.next(), r.last().index, [&](LogIndex i) { return std::to_string(r.term_at(i).value); });
  if (name == "state") {  // the commands applied
    std::string out;
    for (const Entry& entry : n.state)
      if (entry.kind == EntryKind::command) out += (out.empty() ? "" : ",") + entry.data;
    return out;
  }
  throw std::runtime_error("no such property: " + name);
}

void Script::require(const std::string& what, const std::string& wanted, const std::string& found) {
  if (wanted != found) wrong(fmt::format("expected {} to be {}, not {}", what, wanted, found));
}

}  // namespace ddb::raft::test
