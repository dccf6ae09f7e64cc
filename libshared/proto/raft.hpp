// What Raft groups store and say to each other. Field order and variant order are wire numbers: append only.
#pragma once

#include <cstdint>
#include <tuple>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace ddb::proto {

enum class EntryKind : uint8_t {
  noop = 1,     // a new leader's first entry (thesis 6.4)
  command = 2,  // for the state machine
  config = 3,   // ConfigChange; in force from the moment it is appended (thesis 4.1)
};

struct Entry {
  Term term;
  LogIndex index;
  EntryKind kind = EntryKind::noop;
  Bytes data;

  bool operator==(const Entry&) const = default;
  static constexpr auto fields() { return std::tuple{&Entry::term, &Entry::index, &Entry::kind, &Entry::data}; }
};

struct HardState {
  Term term;
  ReplicaId vote;
  LogIndex commit;

  bool operator==(const HardState&) const = default;
  static constexpr auto fields() { return std::tuple{&HardState::term, &HardState::vote, &HardState::commit}; }
};

/// The (index, term) after which a log starts.
struct Base {
  LogIndex index;
  Term term;

  auto operator<=>(const Base&) const = default;
  static constexpr auto fields() { return std::tuple{&Base::index, &Base::term}; }
};

/// Members of a group. Joint while `outgoing` is not empty: both majorities decide (thesis 4.3).
struct Config {
  std::vector<ReplicaId> voters;         // sorted, as all of these
  std::vector<ReplicaId> outgoing;       // the old voters of a joint configuration
  std::vector<ReplicaId> learners;
  std::vector<ReplicaId> learners_next;  // outgoing voters that become learners on leaving
  bool auto_leave = false;

  bool operator==(const Config&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Config::voters, &Config::outgoing, &Config::learners, &Config::learners_next,
                      &Config::auto_leave};
  }
};

/// The data of a config entry: the whole new configuration, and what the state machine records with it.
struct ConfigChange {
  Config config;
  Bytes payload;

  bool operator==(const ConfigChange&) const = default;
  static constexpr auto fields() { return std::tuple{&ConfigChange::config, &ConfigChange::payload}; }
};

struct RequestVote {
  bool pre = false;       // thesis 9.6
  bool transfer = false;  // the leader asked for it: overrides the lease check (thesis 3.10)
  Base last;

  bool operator==(const RequestVote&) const = default;
  static constexpr auto fields() { return std::tuple{&RequestVote::pre, &RequestVote::transfer, &RequestVote::last}; }
};

struct RequestVoteReply {
  bool pre = false;
  bool granted = false;

  bool operator==(const RequestVoteReply&) const = default;
  static constexpr auto fields() { return std::tuple{&RequestVoteReply::pre, &RequestVoteReply::granted}; }
};

struct AppendEntries {
  Base prev;
  LogIndex commit;
  uint64_t round = 0;  // heartbeat round at the leader; the reply names it (L1)
  std::vector<Entry> entries;

  bool operator==(const AppendEntries&) const = default;
  static constexpr auto fields() {
    return std::tuple{&AppendEntries::prev, &AppendEntries::commit, &AppendEntries::round, &AppendEntries::entries};
  }
};

struct AppendEntriesReply {
  bool rejected = false;
  LogIndex match;  // accepted: the log agrees up to here. Rejected: the prev index that was refused
  Base hint;       // rejected: where to probe next, by term (paper 5.3, end)
  uint64_t round = 0;

  bool operator==(const AppendEntriesReply&) const = default;
  static constexpr auto fields() {
    return std::tuple{&AppendEntriesReply::rejected, &AppendEntriesReply::match, &AppendEntriesReply::hint,
                      &AppendEntriesReply::round};
  }
};

struct Heartbeat {
  LogIndex commit;  // never above what the receiver is known to hold
  uint64_t round = 0;

  bool operator==(const Heartbeat&) const = default;
  static constexpr auto fields() { return std::tuple{&Heartbeat::commit, &Heartbeat::round}; }
};

struct HeartbeatReply {
  uint64_t round = 0;

  bool operator==(const HeartbeatReply&) const = default;
  static constexpr auto fields() { return std::tuple{&HeartbeatReply::round}; }
};

/// Told to the receiver's Raft by its own store once the snapshot's file is complete and checked (I3).
struct InstallSnapshot {
  Base base;
  Config config;

  bool operator==(const InstallSnapshot&) const = default;
  static constexpr auto fields() { return std::tuple{&InstallSnapshot::base, &InstallSnapshot::config}; }
};

struct TimeoutNow {
  bool operator==(const TimeoutNow&) const = default;
  static constexpr auto fields() { return std::tuple{}; }
};

using RaftBody = std::variant<RequestVote, RequestVoteReply, AppendEntries, AppendEntriesReply, Heartbeat,
                              HeartbeatReply, InstallSnapshot, TimeoutNow>;

struct RaftMessage {
  ReplicaId from;
  ReplicaId to;
  Term term;
  RaftBody body;

  bool operator==(const RaftMessage&) const = default;
  static constexpr auto fields() {
    return std::tuple{&RaftMessage::from, &RaftMessage::to, &RaftMessage::term, &RaftMessage::body};
  }
};

}  // namespace ddb::proto
