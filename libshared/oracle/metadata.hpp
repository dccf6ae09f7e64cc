// The metadata store: an ordered key space with a revision, read and written in the oracle's state.
// etcd's semantics (etcd API reference: KV), on the rows of record.hpp.
#pragma once

#include <vector>

#include "oracle/record.hpp"
#include "proto/oracle.hpp"

namespace ddb::oracle {

/// Longest key: a row of "mk" adds ten bytes, within LMDB's 511. Keys do not begin with byte 0xff, so
/// that "\xff" is an end for all.
constexpr size_t meta_key_bytes_max = 500;
/// Of one transaction: what its Raft entry and its watch event may hold.
constexpr size_t meta_txn_bytes_max = 1 << 20;
constexpr size_t meta_txn_ops_max = 4096;  // operations, and compares
/// Of the answer to one range read.
constexpr size_t meta_range_bytes_max = 32 << 20;

/// usage, too_long: what a transaction may not hold, named.
Result<void> check_txn(const proto::MetaTxnRequest& request);

std::optional<env::MetaEntry> read_entry(env::State& state, BytesView key);
/// [key, end), or the one key. too_long: the answer would be above meta_range_bytes_max.
Result<std::vector<env::MetaEntry>> read_entries(env::State& state, BytesView key, BytesView end);

bool hold(env::State& state, const std::vector<env::MetaCompare>& compares);

/// All of `ops`, in order, at one revision: rows, leases' rows and history go to `out`. The events: one per key
/// that changed, by key; none: the revision is not used.
std::vector<env::MetaEvent> write(env::State& state, const std::vector<env::MetaOp>& ops, Revision revision,
                                  env::WriteBatch& out);

/// Deletes what is under the lease.
std::vector<env::MetaOp> end_of_lease(env::State& state, LeaseId lease);

/// True when `key` is in [start, end), or is `start` if `end` is empty.
bool covers(BytesView start, BytesView end, BytesView key);

}  // namespace ddb::oracle
