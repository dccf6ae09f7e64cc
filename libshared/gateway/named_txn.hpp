// Transactions that a client gives a name: each commits at most once, and its outcome can be asked for (V6).
//
// A name's marker is a key beside the tables. The transaction inserts it with what it writes; who asks for the outcome and
// finds no marker inserts one that says aborted. Of two inserts of a key only one commits, so that:
//
//   no marker --the transaction commits--> committed
//       '-----outcome()------------------> aborted, and the transaction, wherever it is, can no longer commit
//
// A marker stays until forget().
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/ids.hpp"
#include "env/kv.hpp"

namespace ddb::gateway {

constexpr size_t txn_name_bytes_max = 128;

enum class Outcome : uint8_t { committed = 1, aborted = 2 };  // on disk: never reuse

struct KnownOutcome {
  Outcome outcome = Outcome::committed;
  Timestamp since;  // a little before it was decided
};

/// usage: empty, or longer than txn_name_bytes_max.
Result<void> check_txn_name(std::string_view name);

struct NameLookup {
  std::optional<KnownOutcome> known;  // nullopt: nothing is decided
  Timestamp read_ts;                  // when that was so
};
// The errors of these: of env::KvTxn. Names were checked.

/// Changes nothing.
Result<NameLookup> find_outcome(env::Kv& kv, std::string_view name);
/// Decides, where nothing was: aborted.
Result<KnownOutcome> settle_outcome(env::Kv& kv, std::string_view name);
/// From now on the name is as if it had never been used.
Result<void> forget_outcome(env::Kv& kv, std::string_view name);

/// A key space whose transactions all commit under one name: so at most one of them does.
class NamedKv final : public env::Kv {
 public:
  /// `kv` must outlive it. `since`: see KnownOutcome.
  NamedKv(env::Kv& kv, std::string_view name, Timestamp since);

  /// Errors of its commit: of env::KvTxn, and refused: the name has an outcome already, and nothing was done.
  Result<std::unique_ptr<env::KvTxn>> begin(const env::TxnOptions& options) override;
  Result<Timestamp> now() override { return kv_.now(); }
  Result<std::vector<env::RangePlace>> places(const env::KeySpan& span) override { return kv_.places(span); }

  /// Nothing is left to do under the name: it counts as committed, if no transaction was worth a commit.
  Result<void> finish();

 private:
  class Txn;
  env::Kv& kv_;
  const std::string name_;
  const env::Write marker_;
  bool committed_ = false;
};

}  // namespace ddb::gateway
