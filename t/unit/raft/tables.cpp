// Decision tables: ${DDB_SHARED:-../shared}/raft/*.jsonl, one decision per line; skipped where they are absent.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "raft/config.hpp"
#include "raft/quorum.hpp"
#include "unit/raft/cluster.hpp"
#include "unit/raft/json.hpp"
#include "unit/raft/member.hpp"

using namespace ddb;
using namespace ddb::raft;
using namespace ddb::raft::test;
using ddb::test::Json;

namespace {

std::vector<Json> table(const std::string& name) {
  const char* shared = std::getenv("DDB_SHARED");
  const std::string path = std::string{shared ? shared : "../shared"} + "/raft/" + name;
  std::ifstream in{path};
  std::vector<Json> rows;
  for (std::string line; std::getline(in, line);) rows.push_back(Json::parse(line));
  if (rows.empty()) MESSAGE("skipped: no " << path);
  return rows;
}

std::vector<uint64_t> numbers(const Json& json) {
  std::vector<uint64_t> out;
  for (const Json& item : json.array) out.push_back(item.number);
  return out;
}

std::vector<ReplicaId> ids(const Json& json) {
  std::vector<ReplicaId> out;
  for (const Json& item : json.array) out.push_back(ReplicaId{item.number});
  std::sort(out.begin(), out.end());
  return out;
}

Config config_of(const Json& json) {
  return {ids(json["voters"]), ids(json["outgoing"]), ids(json["learners"]), ids(json["learners_next"]),
          json["autoleave"].boolean};
}

void check_commit(const Config& config, const Json& row) {
  const uint64_t commit = quorum_value(config, [&](ReplicaId id) {
    const std::string key = std::to_string(id.value);
    return row["match"].has(key) ? row["match"][key].number : 0;
  });
  CHECK(commit == (row["commit"].is_null() ? UINT64_MAX : row["commit"].number));
}

void check_vote(const Config& config, const Json& row) {
  const Verdict verdict = quorum_vote(config, [&](ReplicaId id) {
    const std::string key = std::to_string(id.value);
    if (!row["votes"].has(key) || row["votes"][key].is_null()) return Ballot::pending;
    return row["votes"][key].boolean ? Ballot::granted : Ballot::refused;
  });
  const std::string& result = row["result"].string;
  CHECK(verdict == (result == "won" ? Verdict::won : result == "lost" ? Verdict::lost : Verdict::pending));
}

// "v1": voter, "l1": learner, "r1": remove, "u1": no change.
std::vector<MemberChange> changes_of(const Json& json) {
  std::vector<MemberChange> changes;
  for (const Json& item : json.array) {
    const ReplicaId id{std::stoull(item.string.substr(1))};
    switch (item.string[0]) {
      case 'v': changes.push_back({MemberChange::Op::voter, id}); break;
      case 'l': changes.push_back({MemberChange::Op::learner, id}); break;
      case 'r': changes.push_back({MemberChange::Op::remove, id}); break;
    }
  }
  return changes;
}

Result<Config> changed(const Config& from, const Json& step) {
  const auto changes = changes_of(step["changes"]);
  if (step["op"].string == "simple") return simple_change(from, changes);
  return step["op"].string == "leave-joint" ? leave_joint(from)
                                            : enter_joint(from, step["autoleave"].boolean, changes);
}

Member member_of(const Json& row) {
  Initial initial{.hard = {.term = Term{row["term"].number}, .vote = {}, .commit = {}},
                  .base = {}, .config = voters({1, 2, 9}), .entries = log_of(numbers(row["log"])), .applied = {}};
  if (row.has("voted_for") && !row["voted_for"].is_null()) initial.hard.vote = ReplicaId{row["voted_for"].number};
  if (row.has("commit")) initial.hard.commit = LogIndex{row["commit"].number};
  return Member{9, std::move(initial)};
}

void check_vote_request(const Json& row) {
  Member member = member_of(row);
  const Json& request = row["request"];
  member.step(request["candidate"].number, request["term"].number,
              proto::RequestVote{.last = {LogIndex{request["last_index"].number}, Term{request["last_term"].number}}});
  const auto sent = member.flush();
  REQUIRE(sent.size() == 1);
  CHECK(std::get<proto::RequestVoteReply>(sent[0].body).granted == row["granted"].boolean);
  CHECK(sent[0].term.value == std::max(row["term"].number, request["term"].number));
}

void check_append(const Json& row) {
  Member member = member_of(row);
  const Json& request = row["request"];
  const LogIndex prev{request["prev_index"].number};
  proto::AppendEntries append{.prev = {prev, Term{request["prev_term"].number}},
                              .commit = LogIndex{request["commit"].number}, .round = 1, .entries = {}};
  for (const uint64_t term : numbers(request["entries"]))
    append.entries.push_back({Term{term}, prev.plus(append.entries.size() + 1), EntryKind::command,
                              "x" + std::to_string(term)});
  member.step(1, request["term"].number, append);
  const auto sent = member.flush();
  REQUIRE(sent.size() == 1);
  CHECK(std::get<proto::AppendEntriesReply>(sent[0].body).rejected != row["success"].boolean);
  if (row.has("log_after")) CHECK(terms_of(member.raft) == numbers(row["log_after"]));
  if (row.has("last_index_after")) CHECK(member.raft.last().index.value == row["last_index_after"].number);
  if (row.has("commit_after")) CHECK(member.raft.commit_index().value == row["commit_after"].number);
}

// The leader's entries of its own term come from its election, the others from its disk. Further own entries, which
// the table does not have, are on no disk.
void check_leader_commit(const Json& row) {
  const uint64_t term = row["term"].number;
  const auto match = numbers(row["match"]);
  auto terms = numbers(row["log"]);
  const bool own = terms.back() == term;
  if (own) terms.pop_back();
  Initial initial{.hard = {.term = Term{term - 1}, .vote = {}, .commit = {}}, .base = {}, .config = {},
                  .entries = log_of(terms), .applied = {}};
  for (uint64_t id = 1; id <= match.size(); ++id) initial.config.voters.push_back(ReplicaId{id});
  Member leader{1, std::move(initial)};
  leader.now = leader.raft.next_deadline();
  leader.raft.tick(leader.now);
  for (int phase = 0; leader.raft.role() != Role::leader; ++phase) {
    REQUIRE(phase < 3);
    const Effects effects = leader.take();
    leader.raft.synced(leader.batch);
    for (const auto* messages : {&effects.now, &effects.after_sync})
      for (const RaftMessage& m : *messages)
        leader.raft.step({m.to, m.from, m.term, proto::RequestVoteReply{phase == 0, true}}, leader.now);
  }
  if (own) (void)leader.flush();
  for (uint64_t id = 2; id <= match.size(); ++id)
    leader.step(id, term, proto::AppendEntriesReply{.match = LogIndex{match[id - 1]}, .hint = {}, .round = 1});
  CHECK(leader.raft.commit_index().value == row["commit_after"].number);
}

void check_figure_7(const Json& row) {
  Cluster cluster{[](const std::string&) {}};
  const Config config = voters({1, 2, 3});
  for (const ReplicaId id : config.voters) cluster.spawn(id, config);
  cluster.preload(ReplicaId{1}, numbers(row["leader_log"]), Term{row["leader_term"].number - 1}, {});
  cluster.preload(ReplicaId{2}, numbers(row["follower_log"]), {}, {});
  cluster.timeout(ReplicaId{1});
  while (!cluster.packets().empty()) cluster.deliver(0);
  CHECK(cluster.raft(ReplicaId{1}).role() == Role::leader);
  CHECK(terms_of(cluster.raft(ReplicaId{2})) == numbers(row["follower_log_after"]));
  CHECK(cluster.witness().failures().empty());
}

}  // namespace

TEST_CASE("quorums decide as the table says") {
  for (const Json& row : table("quorum.jsonl")) {
    INFO(row["file"].string << ": " << row["note"].string);
    const Config config{.voters = ids(row["incoming"]), .outgoing = ids(row["outgoing"]), .learners = {},
                        .learners_next = {}};
    row["kind"].string == "commit" ? check_commit(config, row) : check_vote(config, row);
  }
}

TEST_CASE("configurations change as the table says (thesis 4.1, 4.3)") {
  for (const Json& row : table("confchange.jsonl")) {
    Config config;
    for (const Json& step : row["steps"].array) {
      INFO(row["name"].string << ": " << step["op"].string << " " << step["note"].string);
      const auto to = changed(config, step);
      REQUIRE(to.has_value() != step.has("error"));
      if (!to) continue;
      CHECK(*to == config_of(step["config"]));
      if (!config.voters.empty()) CHECK(check_step(config, *to));
      config = *to;
    }
  }
}

TEST_CASE("votes, appends and commits are decided as the table says (paper 5)") {
  for (const Json& row : table("tables.jsonl")) {
    const std::string& kind = row["table"].string;
    INFO(kind << (row.has("note") ? ": " + row["note"].string : ""));
    if (kind.starts_with("vote")) check_vote_request(row);
    else if (kind.starts_with("append")) check_append(row);
    else if (kind == "leader-commit") check_leader_commit(row);
    else if (kind == "figure-7") check_figure_7(row);
    else FAIL("unknown table");
  }
}
