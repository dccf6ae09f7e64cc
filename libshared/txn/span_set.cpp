#include "txn/span_set.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace ddb::txn {

namespace {

/// An empty end lies above every key.
bool reaches(const env::KeySpan& span, const Bytes& key) { return span.end.empty() || key <= span.end; }

void extend(env::KeySpan& span, const Bytes& end) {
  if (span.end.empty()) return;
  if (end.empty() || span.end < end) span.end = end;
}

}  // namespace

env::KeySpan span_of(BytesView key) { return {Bytes{key}, Bytes{key} + '\0'}; }

void SpanSet::add(env::KeySpan span) {
  DDB_ASSERT(span.end.empty() || span.start < span.end);
  normal_ = spans_.empty();
  spans_.push_back(std::move(span));
  if (spans_.size() <= 2 * spans_max_) return;  // seldom: a scan of many pages adds neighbours
  normalize();
  if (spans_.size() > spans_max_) join_neighbours();
}

bool SpanSet::covers(BytesView key) const {
  return std::ranges::any_of(spans_, [&](const env::KeySpan& span) { return span.start <= key && (span.end.empty() || key < span.end); });
}

const std::vector<env::KeySpan>& SpanSet::spans() {
  normalize();
  if (spans_.size() > spans_max_) join_neighbours();
  return spans_;
}

void SpanSet::normalize() {
  if (normal_) return;
  std::ranges::sort(spans_, {}, &env::KeySpan::start);
  std::vector<env::KeySpan> united;
  for (auto& span : spans_) {
    if (!united.empty() && reaches(united.back(), span.start)) {
      extend(united.back(), span.end);
    } else {
      united.push_back(std::move(span));
    }
  }
  spans_ = std::move(united);
  normal_ = true;
}

/// Halves their number, so that it stays rare.
void SpanSet::join_neighbours() {
  DDB_ASSERT(normal_);
  while (spans_.size() > std::max<size_t>(spans_max_ / 2, 1)) {
    std::vector<env::KeySpan> joined;
    for (size_t i = 0; i < spans_.size(); i += 2) {
      joined.push_back(std::move(spans_[i]));
      if (i + 1 < spans_.size()) joined.back().end = std::move(spans_[i + 1].end);
    }
    spans_ = std::move(joined);
  }
}

}  // namespace ddb::txn
