// What the oracle's log says: the commands that its machine applies. On disk: append only.
#pragma once

#include <tuple>
#include <variant>

#include "proto/oracle.hpp"

namespace ddb::oracle {

/// Timestamps below `mark` may be given out from now on (O1). It is also the log's own notion of time.
struct RaiseMark {
  Timestamp mark;
  static constexpr auto fields() { return std::tuple{&RaiseMark::mark}; }
};

/// The lease is over, and the keys under it go: it ran out, or was revoked.
struct EndLease {
  LeaseId lease;
  static constexpr auto fields() { return std::tuple{&EndLease::lease}; }
};

/// History at and below `revision` may be forgotten.
struct Compact {
  Revision revision;
  static constexpr auto fields() { return std::tuple{&Compact::revision}; }
};

using Command = std::variant<RaiseMark, proto::MetaTxnRequest, proto::LeaseGrantRequest, EndLease, Compact,
                             proto::RegisterStoreRequest, proto::RegisterMemberRequest>;

}  // namespace ddb::oracle
