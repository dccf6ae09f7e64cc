// How programs split ranges.
#pragma once

#include "client/cluster.hpp"
#include "client/executor.hpp"

namespace ddb::client {

class Splitter {
 public:
  /// Both must outlive it.
  Splitter(Cluster& cluster, Executor& executor) : cluster_{cluster}, executor_{executor} {}

  /// `count` range ids that nobody else gets, from a counter in the metadata. Returns the first.
  Result<RangeId> take_ids(uint64_t count);

  struct Split {
    proto::RangeDescriptor range;  // that begins at the key
    bool existed = false;          // it did already
  };
  /// Repeats the request, which changes nothing once it is done, until it is answered or the cluster's timeout is over.
  Result<Split> at(const Bytes& key, RangeId right);

 private:
  Cluster& cluster_;
  Executor& executor_;
};

}  // namespace ddb::client
