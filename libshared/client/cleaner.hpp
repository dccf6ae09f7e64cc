// Finds out what became of attempts whose coordinator seems to be gone, and clears their locks away (V4).
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "client/cluster.hpp"

namespace ddb::client {

/// For the ranges of a node, which know of locks but not the way to their anchors. Belongs to the cluster's loop.
class Cleaner {
 public:
  /// `cluster` outlives it.
  explicit Cleaner(Cluster& cluster) : cluster_{cluster} {}
  ~Cleaner();
  Cleaner(const Cleaner&) = delete;
  Cleaner& operator=(const Cleaner&) = delete;

  /// A hint, which may be repeated: what does not succeed within the cluster's timeout, and what is too much at a time, is
  /// forgotten, since it will be found again.
  void clear_away(std::vector<proto::Locked> orphans);

  uint64_t cleared() const { return cleared_; }  // attempts that were seen to, so far

 private:
  struct Job;
  void start(proto::Locked locked);

  Cluster& cluster_;
  std::map<proto::Attempt, std::shared_ptr<Job>> jobs_;
  uint64_t cleared_ = 0;
};

}  // namespace ddb::client
