// What travels in a frame between programs. Append only: order is a wire number.
//
// A frame is: length of the payload (4 bytes, little-endian), its CRC32C (4 bytes), the payload: one Packet.
#pragma once

#include <cstdint>
#include <tuple>
#include <variant>
#include <vector>

#include "proto/founding.hpp"
#include "proto/oracle.hpp"
#include "proto/raft.hpp"
#include "proto/range.hpp"

namespace ddb::proto {

constexpr uint32_t frame_bytes_max = 64 << 20;
constexpr uint32_t protocol_version = 1;

/// The Raft group of an oracle, in its own store.
constexpr RangeId oracle_range{1};

/// First packet of either side. A mismatch of version or cluster (both non-zero) closes the connection.
struct Hello {
  uint32_t version = protocol_version;
  uint64_t cluster = 0;
  StoreId store;  // zero: a client

  bool operator==(const Hello&) const = default;
  static constexpr auto fields() { return std::tuple{&Hello::version, &Hello::cluster, &Hello::store}; }
};

/// `body` is an encoded RangeRequest for a range, OracleRequest for oracle_range at an oracle, and
/// AdminRequest for range zero.
struct ClientRequest {
  uint64_t id = 0;  // unique on its connection
  RangeId range;
  Bytes body;

  bool operator==(const ClientRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&ClientRequest::id, &ClientRequest::range, &ClientRequest::body}; }
};

/// `body` is the matching RangeReply, OracleReply or AdminReply. A watch has many replies to one request.
struct ClientReply {
  uint64_t id = 0;
  Bytes body;

  bool operator==(const ClientReply&) const = default;
  static constexpr auto fields() { return std::tuple{&ClientReply::id, &ClientReply::body}; }
};

/// One piece of a snapshot file, from the leader's store to a lagging or new replica (I1).
struct SnapshotChunk {
  uint64_t snapshot = 0;  // drawn by the sender; tells transfers apart
  uint64_t offset = 0;    // of `data` in the file
  uint64_t size = 0;      // of the whole file
  uint32_t crc = 0;       // CRC32C of `data`
  RangeDescriptor descriptor;  // lists the receiver
  Base base;
  Config config;
  Bytes data;

  bool operator==(const SnapshotChunk&) const = default;
  static constexpr auto fields() {
    return std::tuple{&SnapshotChunk::snapshot, &SnapshotChunk::offset,     &SnapshotChunk::size,
                      &SnapshotChunk::crc,      &SnapshotChunk::descriptor, &SnapshotChunk::base,
                      &SnapshotChunk::config,   &SnapshotChunk::data};
  }
};

/// The receiver holds the file up to `offset`; refused: it will not take this snapshot.
struct SnapshotAck {
  uint64_t snapshot = 0;
  uint64_t offset = 0;
  bool refused = false;

  bool operator==(const SnapshotAck&) const = default;
  static constexpr auto fields() { return std::tuple{&SnapshotAck::snapshot, &SnapshotAck::offset, &SnapshotAck::refused}; }
};

/// The sender is not what the receiver knows (D3): the newest descriptor it has.
struct Mismatch {
  RangeDescriptor descriptor;

  bool operator==(const Mismatch&) const = default;
  static constexpr auto fields() { return std::tuple{&Mismatch::descriptor}; }
};

/// From a leader: the group is quiet from here on (Q1). `last` is applied by all, for all the leader knows.
struct Rest {
  Term term;
  Base last;

  bool operator==(const Rest&) const = default;
  static constexpr auto fields() { return std::tuple{&Rest::term, &Rest::last}; }
};

/// The answer of a replica that does not agree: let the leader go on.
struct Unrest {
  bool operator==(const Unrest&) const = default;
  static constexpr auto fields() { return std::tuple{}; }
};

/// H1, from a leader: what has the check whose entry is at `index` come to at the receiver? Asked until it is answered.
struct CheckQuestion {
  LogIndex index;

  bool operator==(const CheckQuestion&) const = default;
  static constexpr auto fields() { return std::tuple{&CheckQuestion::index}; }
};

/// What a replica found in its rows, as of that index.
struct CheckAnswer {
  LogIndex index;
  bool done = false;     // false: it is at work on it, and the rest is zero
  uint64_t hash = 0;     // that a scan of all rows would have had at `index`
  uint64_t damaged = 0;  // rows whose checksum does not fit
  Bytes first;           // damaged row's stored key

  bool operator==(const CheckAnswer&) const = default;
  static constexpr auto fields() {
    return std::tuple{&CheckAnswer::index, &CheckAnswer::done, &CheckAnswer::hash, &CheckAnswer::damaged, &CheckAnswer::first};
  }
};

using PeerBody = std::variant<RaftMessage, SnapshotChunk, SnapshotAck, Mismatch, Rest, Unrest, CheckQuestion, CheckAnswer>;

/// From a replica to a replica of the same range on another store (D3).
struct PeerMessage {
  RangeId range;
  ReplicaId from;
  ReplicaId to;
  Epoch epoch;
  PeerBody body;

  bool operator==(const PeerMessage&) const = default;
  static constexpr auto fields() {
    return std::tuple{&PeerMessage::range, &PeerMessage::from, &PeerMessage::to, &PeerMessage::epoch, &PeerMessage::body};
  }
};

/// All that one store had to say to another in one turn; without messages, that it lives (Q2).
struct PeerBatch {
  uint64_t cluster = 0;
  StoreId from;
  StoreId to;
  Incarnation incarnation;  // of the sender; a receiver drops lower ones (A6)
  std::vector<PeerMessage> messages;
  bool ailing = false;  // its disk does not answer (A8): whoever it leads should look for another leader

  bool operator==(const PeerBatch&) const = default;
  static constexpr auto fields() {
    return std::tuple{&PeerBatch::cluster, &PeerBatch::from, &PeerBatch::to, &PeerBatch::incarnation,
                      &PeerBatch::messages, &PeerBatch::ailing};
  }
};

using Packet = std::variant<Hello, ClientRequest, ClientReply, PeerBatch, FoundingMessage>;

}  // namespace ddb::proto
