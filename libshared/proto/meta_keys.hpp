// The names in the metadata store, and what stands under them.
#pragma once

#include <string>
#include <tuple>

#include "base/bytes.hpp"
#include "proto/range.hpp"

namespace ddb::proto {

// config/...             settings, as text
// cluster/first_range    RangeDescriptor of the first range: created once, ever (C5)
// cluster/last_range     the last range id given out, as text: ids never return; not there: 1
// node/<id, 20 digits>   NodeInfo, kept by the oracle as stores register
// range/<id, 20 digits>  RangeInfo, reported by leaders (D4)
// schema/...             the SQL schema
// gateway/...            SQL gateways and the schema version each is at
inline constexpr const char* config_prefix = "config/";
inline constexpr const char* config_replicas = "config/replicas";  // of a new range; text; default "3"
inline constexpr const char* first_range_key = "cluster/first_range";
inline constexpr const char* last_range_key = "cluster/last_range";
inline constexpr const char* node_prefix = "node/";
inline constexpr const char* range_prefix = "range/";
inline constexpr const char* schema_prefix = "schema/";
inline constexpr const char* gateway_prefix = "gateway/";

/// Ids as 20 decimal digits, so that they sort as numbers and read as numbers.
inline std::string meta_id(uint64_t id) {
  std::string digits = std::to_string(id);
  return std::string(20 - digits.size(), '0') + digits;
}

struct NodeInfo {
  NodeId node;
  StoreId store;
  Incarnation incarnation;
  std::string address;
  std::string locality;

  bool operator==(const NodeInfo&) const = default;
  static constexpr auto fields() {
    return std::tuple{&NodeInfo::node, &NodeInfo::store, &NodeInfo::incarnation, &NodeInfo::address,
                      &NodeInfo::locality};
  }
};

struct RangeInfo {
  RangeDescriptor descriptor;
  ReplicaId leader;
  Term term;

  bool operator==(const RangeInfo&) const = default;
  static constexpr auto fields() { return std::tuple{&RangeInfo::descriptor, &RangeInfo::leader, &RangeInfo::term}; }
};

}  // namespace ddb::proto
