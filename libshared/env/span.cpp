#include "env/span.hpp"

#include <algorithm>

namespace ddb::env {

KeySpan point_span(BytesView key) {
  KeySpan span{Bytes{key}, Bytes{key}};
  span.end.push_back('\0');
  return span;
}

bool is_point(const KeySpan& span) {
  return span.end.size() == span.start.size() + 1 && span.end.back() == '\0' && span.end.starts_with(span.start);
}

bool contains(const KeySpan& span, BytesView key) {
  return span.start <= key && (span.end.empty() || key < span.end);
}

bool contains(const KeySpan& outer, const KeySpan& inner) {
  return outer.start <= inner.start && (outer.end.empty() || (!inner.end.empty() && inner.end <= outer.end));
}

bool is_empty(const KeySpan& span) { return !span.end.empty() && span.end <= span.start; }

bool overlap(const KeySpan& a, const KeySpan& b) {
  return (b.end.empty() || a.start < b.end) && (a.end.empty() || b.start < a.end);
}

std::vector<KeySpan> subtract(const KeySpan& a, const KeySpan& b) {
  if (!overlap(a, b)) return {a};
  std::vector<KeySpan> left;
  if (a.start < b.start) left.push_back({a.start, b.start});
  if (!b.end.empty() && (a.end.empty() || b.end < a.end)) left.push_back({b.end, a.end});
  return left;
}

KeySpan intersect(const KeySpan& a, const KeySpan& b) {
  const bool a_ends_first = b.end.empty() || (!a.end.empty() && a.end < b.end);
  return {std::max(a.start, b.start), a_ends_first ? a.end : b.end};
}

}  // namespace ddb::env
