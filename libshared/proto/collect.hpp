// How stores, readers and schema changes agree on what may be collected, through the oracle's log (F3, H2, H3).
//
//   metadata key              value
//   config/collect_age        how long what was overwritten is kept, in seconds, as text
//   collect/allowed           the highest threshold that a range may have, as text: it only rises
//   collect/guard             the last timestamp protected: it changes with every protection
//   collect/reader/<lease>    the lowest timestamp that somebody reads at, as text; under his lease, and gone with it
//   collect/dropped/<key>     env::Dropped: written by the schema change, cleared by the leaders of its ranges
//
// Who protects compares `allowed` and changes `guard`; who raises `allowed` compares `guard`. So of two at the same time
// one is told to look again, and either the protection stands and nobody collects above it, or it is refused.
#pragma once

#include <optional>

#include "env/clock.hpp"
#include "env/dropped.hpp"
#include "proto/oracle.hpp"

namespace ddb::proto {

inline constexpr const char* config_collect_age = "config/collect_age";
inline constexpr const char* collect_prefix = "collect/";

/// Long enough for everybody to ask for protection in time; what the setting says below that counts as this.
constexpr Duration collect_age_min = std::chrono::seconds{5};

/// H1: how long after its last check a range is checked again, in seconds, as text; 0: never by itself.
inline constexpr const char* config_check_interval = "config/check_interval";
inline constexpr Duration check_interval_min = std::chrono::seconds{10};
std::optional<Duration> read_check_interval(const env::MetaRange& range);

/// The setting; nullopt: it is not there, or says nothing sensible.
std::optional<Duration> read_collect_age(const env::MetaRange& range);

struct DroppedEntry {
  Bytes key;  // in the metadata
  Revision seen;
  env::Dropped what;
};

/// What stands under collect_prefix, at one revision.
struct CollectState {
  Timestamp allowed;
  Timestamp lowest_reader{UINT64_MAX};  // that is protected
  Revision allowed_seen;
  Revision guard_seen;
  std::vector<DroppedEntry> dropped;
};

/// bad_data: something there cannot be read; nothing may be collected then, nor protected.
Result<CollectState> read_collect_state(const env::MetaRange& range);

/// Raises `allowed` to `to`, or to the lowest reader; nullopt: it is there already.
struct Raise {
  Timestamp to;
  MetaTxnRequest request;
};
std::optional<Raise> raise_allowed(const CollectState& state, Timestamp to);

/// Protects what is read at `ts` and above, under `lease`, in place of what it protected; nullopt: refused, ranges may have
/// collected above `ts`.
std::optional<MetaTxnRequest> protect_reader(const CollectState& state, Timestamp ts, LeaseId lease);

/// The lowest schema version that a living gateway is at, `otherwise` where there is none. Zero: one cannot be read.
uint64_t lowest_gateway(const env::MetaRange& gateways, uint64_t otherwise);

/// `entry`, as it becomes: without what is `cleared`, and gone with its last span; at `now` out of everybody's use, unless
/// it was before, and if all gateways are at `lowest_gateway`. nullopt: it stays as it is.
std::optional<MetaTxnRequest> update_dropped(const DroppedEntry& entry, const std::vector<env::KeySpan>& cleared,
                                             uint64_t lowest_gateway, Timestamp now);

}  // namespace ddb::proto
