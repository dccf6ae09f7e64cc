#include "sql/reader.hpp"

#include <algorithm>
#include <utility>

namespace ddb::sql {

namespace {

constexpr size_t prefetched_bytes_max = 16u << 20;

/// What the page covers of the span it was asked for.
env::KeySpan covered(const env::ScanRequest& request, const env::ScanPage& page) {
  if (!page.rest) return request.span;
  if (request.reverse) return {page.rest->end, request.span.end};
  return {request.span.start, page.rest->start};
}

/// Merges own writes into snapshot rows, both in scan order.
template <class Iterator, class Before>
std::vector<env::KeyValue> overlay(std::vector<env::KeyValue> rows, Iterator own, Iterator end, Before before) {
  std::vector<env::KeyValue> merged;
  merged.reserve(rows.size());
  auto row = rows.begin();
  for (; own != end; ++own) {
    while (row != rows.end() && before(row->key, own->first)) merged.push_back(std::move(*row++));
    if (row != rows.end() && row->key == own->first) ++row;
    if (own->second.kind != env::WriteKind::erase) merged.push_back({own->first, own->second.value});
  }
  std::move(row, rows.end(), std::back_inserter(merged));
  return merged;
}

/// The most own writes that one page takes.
size_t own_writes_max(const env::ScanRequest& request) { return std::max<size_t>(request.rows_max, 256); }

/// A page takes so many own writes at most: the rest of the span is for the next one, snapshot rows included.
void merge_up(const env::ScanRequest& request, const env::KeySpan& span, const WriteBuffer& own, env::ScanPage& page) {
  const auto begin = own.lower_bound(span.start);
  auto end = begin;
  size_t taken = 0;
  const auto inside = [&] { return end != own.entries().end() && (span.end.empty() || end->first < span.end); };
  while (inside() && taken < own_writes_max(request)) ++end, ++taken;
  if (taken == 0) return;
  if (inside()) {
    page.rest = env::KeySpan{end->first, request.span.end};
    std::erase_if(page.rows, [&](const env::KeyValue& row) { return row.key >= end->first; });
  }
  page.rows = overlay(std::move(page.rows), begin, end, std::less<>{});
}

void merge_down(const env::ScanRequest& request, const env::KeySpan& span, const WriteBuffer& own, env::ScanPage& page) {
  const auto last = span.end.empty() ? own.entries().end() : own.lower_bound(span.end);
  auto first = last;
  size_t taken = 0;
  const auto inside = [&] { return first != own.entries().begin() && std::prev(first)->first >= span.start; };
  while (inside() && taken < own_writes_max(request)) --first, ++taken;
  if (taken == 0) return;
  if (inside()) {
    page.rest = env::KeySpan{request.span.start, first->first};
    std::erase_if(page.rows, [&](const env::KeyValue& row) { return row.key < first->first; });
  }
  page.rows = overlay(std::move(page.rows), std::make_reverse_iterator(last), std::make_reverse_iterator(first),
                      std::greater<>{});
}

}  // namespace

Result<std::vector<std::optional<Bytes>>> Reader::get(std::span<const Bytes> keys) {
  std::vector<std::optional<Bytes>> values(keys.size());
  std::vector<Bytes> unknown;
  std::vector<size_t> where;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (const auto* own = own_.find(keys[i])) {
      if (own->kind != env::WriteKind::erase) values[i] = own->value;
    } else if (const auto at = prefetched_.find(keys[i]); at != prefetched_.end()) {
      values[i] = at->second;
    } else {
      unknown.push_back(keys[i]);
      where.push_back(i);
    }
  }
  if (unknown.empty()) return values;
  auto fetched = fetch(unknown);
  if (!fetched) return std::unexpected(fetched.error());
  for (size_t i = 0; i < where.size(); ++i) values[where[i]] = std::move((*fetched)[i]);
  return values;
}

Result<std::optional<Bytes>> Reader::get(const Bytes& key) {
  auto values = get(std::span{&key, 1});
  if (!values) return std::unexpected(values.error());
  return std::move(values->front());
}

Result<std::optional<Bytes>> Reader::get_for_update(const Bytes& key) {
  if (knows(key)) return get(key);
  ++requests_;
  return txn_.get_for_update(key);
}

Result<env::ScanPage> Reader::scan(env::ScanRequest request) {
  ++requests_;
  if (!own_.empty()) request.ahead = 0;
  auto page = txn_.scan(request);
  if (!page || own_.empty()) return page;
  const env::KeySpan span = covered(request, *page);
  if (!span.end.empty() && span.end <= span.start) return page;
  if (request.reverse) {
    merge_down(request, span, own_, *page);
  } else {
    merge_up(request, span, own_, *page);
  }
  return page;
}

Result<void> Reader::prefetch(std::span<const Bytes> keys) {
  std::vector<Bytes> unknown;
  for (const auto& key : keys)
    if (own_.find(key) == nullptr && !prefetched_.contains(key)) unknown.push_back(key);
  std::ranges::sort(unknown);
  unknown.erase(std::ranges::unique(unknown).begin(), unknown.end());
  if (unknown.empty()) return {};
  auto fetched = fetch(unknown);
  if (!fetched) return std::unexpected(fetched.error());
  if (prefetched_bytes_ > prefetched_bytes_max) drop_prefetched();
  for (size_t i = 0; i < unknown.size(); ++i) {
    prefetched_bytes_ += unknown[i].size() + ((*fetched)[i] ? (*fetched)[i]->size() : 0);
    prefetched_.emplace(std::move(unknown[i]), std::move((*fetched)[i]));
  }
  return {};
}

Result<std::vector<std::optional<Bytes>>> Reader::fetch(std::span<const Bytes> keys) {
  ++requests_;
  auto values = txn_.get(keys);
  if (values && values->size() != keys.size()) return fail(Code::internal, "a multi-get gave too few answers");
  return values;
}

}  // namespace ddb::sql
