// Rows that belong to no replica any more, and go in pieces (C3, S2).
#pragma once

#include <map>
#include <vector>

#include "env/kv.hpp"
#include "env/state.hpp"

namespace ddb::range {

/// Erases what the last of `spans` holds, about `bytes_max` bytes of keys; what is done leaves `spans`. Returns the
/// bytes of the keys erased. May be done again from an earlier point.
size_t clear_rows(env::State& state, std::vector<env::TableSpan>& spans, size_t bytes_max);

/// The clearing jobs of a store, kept in table `range` under "c" + the first key, so that they outlive a crash. Nothing
/// may be put into such a span until it is clear, and no replica of such a range be created.
class Clearings {
 public:
  /// Goes on with the jobs that the state holds.
  explicit Clearings(env::State& state);

  /// `spans` hold the rows of the keys of `span`.
  void add(RangeId range, const env::KeySpan& span, std::vector<env::TableSpan> spans);

  bool empty() const { return jobs_.empty(); }
  bool has(RangeId range) const;
  bool touches(const env::KeySpan& span) const;

  /// The next piece, about `bytes_max` bytes of keys. Returns how many.
  size_t step(size_t bytes_max);

 private:
  struct Job {
    RangeId range;
    Bytes end;
    std::vector<env::TableSpan> spans;  // what is left of them

    static constexpr auto fields() { return std::tuple{&Job::range, &Job::end, &Job::spans}; }
  };

  env::State& state_;
  std::map<Bytes, Job> jobs_;  // by first key; disjoint
};

}  // namespace ddb::range
