// What a schema change leaves behind for the stores to clear (H3).
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "base/ids.hpp"
#include "env/kv.hpp"

namespace ddb::env {

/// In the metadata, under this and the first key in hexadecimal digits: table and index ids never return.
inline constexpr const char* dropped_prefix = "collect/dropped/";

struct Dropped {
  std::vector<KeySpan> spans;   // of user keys; what is cleared leaves them
  uint64_t schema_version = 0;  // the first without it: a gateway below this may still read and write there
  Timestamp at{};               // when the last of these was beyond; zero: not yet, as far as anybody knows

  bool operator==(const Dropped&) const = default;
  static constexpr auto fields() { return std::tuple{&Dropped::spans, &Dropped::schema_version, &Dropped::at}; }
};

}  // namespace ddb::env
