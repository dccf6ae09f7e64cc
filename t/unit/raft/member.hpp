// One member alone, for tests that look at a single decision.
#pragma once

#include "raft/raft.hpp"

namespace ddb::raft::test {

using namespace std::chrono_literals;

inline Config voters(std::initializer_list<uint64_t> ids) {
  Config config;
  for (const uint64_t id : ids) config.voters.push_back(ReplicaId{id});
  return config;
}

/// A member whose disk is as fast as the test says; the clock moves by hand.
struct Member {
  Raft raft;
  Instant now{1s};
  BatchNumber batch{};
  Effects last{};

  explicit Member(uint64_t id, Initial initial, Options options = {})
      : raft{(options.id = ReplicaId{id}, options), std::move(initial), Instant{1s}} {}

  /// Everything due, not yet proven.
  Effects take() { return raft.take(batch = batch.next()); }
  /// Everything due, proven at once: all messages, in the order they leave.
  std::vector<RaftMessage> flush() {
    std::vector<RaftMessage> out;
    while (raft.has_effects()) {
      last = take();
      for (auto& message : last.now) out.push_back(std::move(message));
      for (auto& message : last.after_sync) out.push_back(std::move(message));
      raft.synced(batch);
    }
    return out;
  }
  void step(uint64_t from, uint64_t term, proto::RaftBody body) {
    raft.step({ReplicaId{from}, raft.id(), Term{term}, std::move(body)}, now);
  }
  /// Wins the next term with the votes of all.
  void elect() {
    now = std::max(now, raft.next_deadline());
    raft.tick(now);
    for (int phase = 0; phase < 2; ++phase)
      for (const RaftMessage& m : flush())
        if (const auto* request = std::get_if<proto::RequestVote>(&m.body))
          raft.step({m.to, m.from, m.term, proto::RequestVoteReply{.pre = request->pre, .granted = true}}, now);
  }
};

template <class Body>
const Body* find_body(const std::vector<RaftMessage>& messages, uint64_t to = 0) {
  for (const RaftMessage& m : messages)
    if (const Body* body = std::get_if<Body>(&m.body); body && (to == 0 || m.to == ReplicaId{to})) return body;
  return nullptr;
}

/// Entries of these terms, from index 1; what they hold follows from term and index.
inline std::vector<Entry> log_of(const std::vector<uint64_t>& terms) {
  std::vector<Entry> log;
  for (const uint64_t term : terms) {
    const LogIndex index{log.size() + 1};
    log.push_back({Term{term}, index, EntryKind::command, "x" + std::to_string(term)});
  }
  return log;
}

inline std::vector<uint64_t> terms_of(const Raft& raft) {
  std::vector<uint64_t> terms;
  for (LogIndex i = raft.base().index.next(); i <= raft.last().index; i = i.next())
    terms.push_back(raft.term_at(i).value);
  return terms;
}

}  // namespace ddb::raft::test
