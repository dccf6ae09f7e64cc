#include "proto/within.hpp"

#include <algorithm>

#include "base/overloaded.hpp"
#include "env/span.hpp"

namespace ddb::proto {

namespace {

struct Within {
  const env::KeySpan& range;

  bool operator()(const Bytes& key) const { return env::contains(range, key); }
  bool operator()(const env::Write& write) const { return (*this)(write.key); }
  bool operator()(const env::KeySpan& span) const { return env::is_empty(span) || env::contains(range, span); }
  template <class T>
  bool operator()(const std::vector<T>& all) const {
    return std::ranges::all_of(all, [&](const T& one) { return (*this)(one); });
  }
};

}  // namespace

bool is_within(const RangeRequestBody& body, const env::KeySpan& range) {
  const Within within{range};
  return std::visit(
      Overloaded{[&](const ReadRequest& r) { return within(r.keys) && (!r.scan || within(*r.scan)); },
                 [&](const CommitRequest& r) { return within(r.writes) && within(r.read_spans); },
                 [&](const PrepareRequest& r) {
                   return within(r.writes) && within(r.read_spans) && (r.record == RecordKind::none || within(r.anchor));
                 },
                 [&](const ValidateRequest& r) { return within(r.read_spans); },
                 [&](const DecideRequest& r) { return within(r.anchor) && within(r.keys); },
                 [&](const QueryLocksRequest& r) { return within(r.keys); },
                 [&](const ResolveRequest& r) { return within(r.keys); },
                 [&](const FindLocksRequest& r) { return within(r.span); },
                 [&](const SplitRequest& r) { return within(r.key); },
                 [&](const LeaveRequest& r) { return within(r.key); },
                 [&](const auto& r) { return within(r.anchor); }},
      body);
}

}  // namespace ddb::proto
