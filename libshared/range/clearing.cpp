#include "range/clearing.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "codec/archive.hpp"
#include "mvcc/key.hpp"

namespace ddb::range {

namespace {

/// In table `range`, where replicas' records start with "r" and machines' with "m".
constexpr BytesView job_prefix = "c";

Bytes job_key(BytesView start) { return Bytes{job_prefix}.append(start); }

}  // namespace

size_t clear_rows(env::State& state, std::vector<env::TableSpan>& spans, size_t bytes_max) {
  auto& span = spans.back();
  env::WriteBatch gone;
  size_t bytes = 0;
  const auto cursor = state.cursor(span.table);
  bool on = cursor->seek(span.start);
  for (; on && bytes < bytes_max; on = cursor->next()) {
    if (!span.end.empty() && cursor->key() >= span.end) break;
    bytes += cursor->key().size();
    gone.erase(span.table, Bytes{cursor->key()});
  }
  if (on && bytes >= bytes_max) {
    span.start = gone.ops.back().key;  // erased: the next step finds what follows
  } else {
    spans.pop_back();
  }
  state.apply(gone);
  return bytes;
}

Clearings::Clearings(env::State& state) : state_{state} {
  const auto cursor = state.cursor(env::Table::range);
  for (bool on = cursor->seek(job_prefix); on && cursor->key().starts_with(job_prefix); on = cursor->next()) {
    auto job = codec::decode<Job>(cursor->value());
    DDB_ASSERT(job);  // LMDB gave back what was written, or something worse is wrong
    jobs_.emplace(cursor->key().substr(job_prefix.size()), std::move(*job));
  }
}

void Clearings::add(RangeId range, const env::KeySpan& span, std::vector<env::TableSpan> spans) {
  DDB_ASSERT(!env::is_empty(span));
  Job job{range, span.end, std::move(spans)};
  env::WriteBatch out;
  out.put(env::Table::range, job_key(span.start), codec::encode(job));
  state_.apply(out);
  jobs_.insert_or_assign(span.start, std::move(job));
}

bool Clearings::has(RangeId range) const {
  return std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& job) { return job.second.range == range; });
}

bool Clearings::touches(const env::KeySpan& span) const {
  return std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& entry) {
    return env::overlap(span, {entry.first, entry.second.end});
  });
}

size_t Clearings::step(size_t bytes_max) {
  if (jobs_.empty()) return 0;
  const auto job = jobs_.begin();
  auto& spans = job->second.spans;
  size_t bytes = 0;
  while (!spans.empty() && bytes < bytes_max) bytes += clear_rows(state_, spans, bytes_max - bytes);
  if (!spans.empty()) return bytes;
  env::WriteBatch out;
  out.erase(env::Table::range, job_key(job->first));
  state_.apply(out);
  jobs_.erase(job);
  return bytes;
}

}  // namespace ddb::range
