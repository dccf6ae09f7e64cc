// What is asked of the oracle: time, metadata, store registration. Append only: order is a wire number.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "env/meta.hpp"

namespace ddb::proto {

/// `count` timestamps (1 to 65 536).
struct TimestampRequest {
  uint32_t count = 1;

  bool operator==(const TimestampRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&TimestampRequest::count}; }
};

/// first, first + 1, ... first + count - 1: above all given before, and given to nobody else.
struct TimestampReply {
  Timestamp first;

  bool operator==(const TimestampReply&) const = default;
  static constexpr auto fields() { return std::tuple{&TimestampReply::first}; }
};

struct MetaRangeRequest {
  Bytes key;
  Bytes end;  // empty: the one key

  bool operator==(const MetaRangeRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&MetaRangeRequest::key, &MetaRangeRequest::end}; }
};

/// `request_id` (drawn by the client, zero: none) makes a retry find its first outcome.
struct MetaTxnRequest {
  std::vector<env::MetaCompare> compares;
  std::vector<env::MetaOp> ops;
  uint64_t request_id = 0;

  bool operator==(const MetaTxnRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&MetaTxnRequest::compares, &MetaTxnRequest::ops, &MetaTxnRequest::request_id};
  }
};

struct LeaseGrantRequest {
  uint64_t ttl_ms = 0;

  bool operator==(const LeaseGrantRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&LeaseGrantRequest::ttl_ms}; }
};

struct LeaseKeepAliveRequest {
  LeaseId lease;

  bool operator==(const LeaseKeepAliveRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&LeaseKeepAliveRequest::lease}; }
};

struct LeaseRevokeRequest {
  LeaseId lease;

  bool operator==(const LeaseRevokeRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&LeaseRevokeRequest::lease}; }
};

struct LeaseReply {
  LeaseId lease;
  uint64_t ttl_ms = 0;

  bool operator==(const LeaseReply&) const = default;
  static constexpr auto fields() { return std::tuple{&LeaseReply::lease, &LeaseReply::ttl_ms}; }
};

/// Changes to [key, end) from `from` on (zero: from now), pushed as WatchReply until cancelled by closing
/// the connection or by WatchCancelRequest. too_old: `from` was compacted away.
struct WatchRequest {
  Bytes key;
  Bytes end;
  Revision from;

  bool operator==(const WatchRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&WatchRequest::key, &WatchRequest::end, &WatchRequest::from}; }
};

struct WatchCancelRequest {
  uint64_t request = 0;  // the id of the request that opened the watch

  bool operator==(const WatchCancelRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&WatchCancelRequest::request}; }
};

/// All changes up to `revision` that the watch had not yet been sent; may be empty (a progress mark).
struct WatchReply {
  Revision revision;
  std::vector<env::MetaEvent> events;

  bool operator==(const WatchReply&) const = default;
  static constexpr auto fields() { return std::tuple{&WatchReply::revision, &WatchReply::events}; }
};

/// A store makes itself known (A6, Z3): the same store always gets the same node id; the incarnation must
/// be higher than any before, and the last registration be one of its own, but for a retry, told by `boot`.
/// refused: an old copy of the store's directory, or another cluster.
struct RegisterStoreRequest {
  StoreId store;
  Incarnation incarnation;
  std::string address;   // host:port that others reach it by
  std::string locality;  // "region=eu,zone=a"; may be empty
  uint64_t cluster = 0;  // zero: the store is new
  uint64_t boot = 0;     // drawn at each start: tells a retry from a process on a copy of the directory
  std::vector<uint64_t> boots_before;  // of the last registration that the store knows of, and of its starts since

  bool operator==(const RegisterStoreRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&RegisterStoreRequest::store, &RegisterStoreRequest::incarnation,
                      &RegisterStoreRequest::address, &RegisterStoreRequest::locality,
                      &RegisterStoreRequest::cluster, &RegisterStoreRequest::boot,
                      &RegisterStoreRequest::boots_before};
  }
};

struct RegisterStoreReply {
  uint64_t cluster = 0;
  NodeId node;

  bool operator==(const RegisterStoreReply&) const = default;
  static constexpr auto fields() { return std::tuple{&RegisterStoreReply::cluster, &RegisterStoreReply::node}; }
};

/// Renews the store's lease (D5): valid for store_lease_ms from the moment the request was sent.
struct StoreHeartbeatRequest {
  StoreId store;
  Incarnation incarnation;

  bool operator==(const StoreHeartbeatRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&StoreHeartbeatRequest::store, &StoreHeartbeatRequest::incarnation};
  }
};

constexpr uint64_t store_lease_ms = 30'000;

struct DoneReply {
  bool operator==(const DoneReply&) const = default;
  static constexpr auto fields() { return std::tuple{}; }
};

struct OracleStatusRequest {
  bool operator==(const OracleStatusRequest&) const = default;
  static constexpr auto fields() { return std::tuple{}; }
};

struct OracleMember {
  uint64_t id = 0;  // replica id
  std::string address;

  bool operator==(const OracleMember&) const = default;
  static constexpr auto fields() { return std::tuple{&OracleMember::id, &OracleMember::address}; }
};

/// A registered store as the oracle's leader sees it.
struct StoreStatus {
  NodeId node;
  StoreId store;
  Incarnation incarnation;
  std::string address;
  std::string locality;
  uint64_t lease_ms = 0;  // what is left of its lease (D5); zero: it has run out

  bool operator==(const StoreStatus&) const = default;
  static constexpr auto fields() {
    return std::tuple{&StoreStatus::node,    &StoreStatus::store,    &StoreStatus::incarnation,
                      &StoreStatus::address, &StoreStatus::locality, &StoreStatus::lease_ms};
  }
};

/// A member of the oracle itself, as a store does: after each start, once it knows a leader (Z1).
/// refused: no such member, or not its store, or a lower incarnation.
struct RegisterMemberRequest {
  uint64_t member = 0;  // replica id
  StoreId store;
  Incarnation incarnation;
  std::string address;
  uint64_t boot = 0;

  bool operator==(const RegisterMemberRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&RegisterMemberRequest::member, &RegisterMemberRequest::store,
                      &RegisterMemberRequest::incarnation, &RegisterMemberRequest::address,
                      &RegisterMemberRequest::boot};
  }
};

struct OracleStatusReply {
  uint64_t cluster = 0;
  uint64_t self = 0;    // replica id of the answering member
  uint64_t leader = 0;  // zero: unknown
  uint64_t term = 0;
  uint64_t commit = 0;
  uint64_t applied = 0;
  Revision revision;
  std::vector<OracleMember> members;
  std::vector<StoreStatus> stores;  // by node id; from the leader alone, else empty

  bool operator==(const OracleStatusReply&) const = default;
  static constexpr auto fields() {
    return std::tuple{&OracleStatusReply::cluster, &OracleStatusReply::self,    &OracleStatusReply::leader,
                      &OracleStatusReply::term,    &OracleStatusReply::commit,  &OracleStatusReply::applied,
                      &OracleStatusReply::revision, &OracleStatusReply::members,
                      &OracleStatusReply::stores};
  }
};

using OracleRequest =
    std::variant<TimestampRequest, MetaRangeRequest, MetaTxnRequest, LeaseGrantRequest, LeaseKeepAliveRequest,
                 LeaseRevokeRequest, WatchRequest, WatchCancelRequest, RegisterStoreRequest, StoreHeartbeatRequest,
                 OracleStatusRequest, RegisterMemberRequest>;

/// Not the leader: ask there. Empty: unknown, try the others.
struct OracleRedirect {
  std::string leader;  // address

  bool operator==(const OracleRedirect&) const = default;
  static constexpr auto fields() { return std::tuple{&OracleRedirect::leader}; }
};

using OracleReply = std::variant<Error, OracleRedirect, TimestampReply, env::MetaRange, env::MetaTxnResult,
                                 LeaseReply, WatchReply, RegisterStoreReply, DoneReply, OracleStatusReply>;

}  // namespace ddb::proto
