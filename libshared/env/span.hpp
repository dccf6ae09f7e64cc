// What spans of keys have to do with each other. An empty end lies above every key.
#pragma once

#include <vector>

#include "env/kv.hpp"

namespace ddb::env {

/// The span of one key, and whether a span is one.
KeySpan point_span(BytesView key);
bool is_point(const KeySpan& span);

bool contains(const KeySpan& span, BytesView key);
bool contains(const KeySpan& outer, const KeySpan& inner);
bool is_empty(const KeySpan& span);
bool overlap(const KeySpan& a, const KeySpan& b);
/// What `b` leaves of `a`: at most two spans.
std::vector<KeySpan> subtract(const KeySpan& a, const KeySpan& b);
/// What lies in both.
KeySpan intersect(const KeySpan& a, const KeySpan& b);

}  // namespace ddb::env
