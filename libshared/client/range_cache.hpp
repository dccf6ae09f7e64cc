// The map of ranges and nodes, read from the metadata and kept fresh by watching it.
#pragma once

#include <memory>

#include "client/oracle_client.hpp"
#include "client/range_map.hpp"

namespace ddb::client {

/// Read at the first load(), watched from then on; read anew when nothing was heard for 60 s.
class RangeCache {
 public:
  explicit RangeCache(OracleClient& oracle);
  ~RangeCache();
  RangeCache(const RangeCache&) = delete;
  RangeCache& operator=(const RangeCache&) = delete;

  RangeMap& map();

  /// Calls back once the map was read after this call. Many calls share a reading. Errors: as OracleClient.
  void load(Done<void> done);
  bool loaded() const;  // at least once

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::client
