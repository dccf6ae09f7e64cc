#include "range/scanner.hpp"

#include "codec/archive.hpp"
#include "env/span.hpp"
#include "range/data_state.hpp"
#include "range/record.hpp"
#include "range/snapshot_sender.hpp"

namespace ddb::range {

proto::CheckAnswer Scanner::ask(const Replica& replica, LogIndex check) {
  const auto known = known_.find(replica.range());
  if (known != known_.end() && known->second.replica == replica.id() && known->second.answer.index == check) return known->second.answer;
  wanted_[replica.range()] = {replica.id(), check};
  start_next();
  return {.index = check, .first = {}};
}

void Scanner::start_next() {
  for (auto at = wanted_.begin(); at != wanted_.end() && !scan_;) {
    const auto& [range, what] = *at;
    const Replica* replica = host_.find(range);
    if (replica == nullptr || replica->id() != what.replica) {
      at = wanted_.erase(at);
      continue;
    }
    if (replica->flushed_applied() >= what.check && !replica->installing()) {
      scan_ = Scan{++last_id_, range, what, replica->descriptor().span};
      auto spans = replica->spans();
      const env::KeySpan record = env::point_span(record_key(range));
      spans.push_back({env::Table::range, record.start, record.end});
      files_.scan(scan_->id, std::move(spans));
    }
    ++at;
  }
}

/// As with a snapshot (F4): the last flush may be of before a split, and so of other rows; or of an installation on its way (I3).
std::optional<proto::CheckAnswer> Scanner::answer_of(const Scan& scan, const RowSum& sum) const {
  const auto decoded = [&]<class T>(const Bytes& key, T) {
    const auto found = sum.records.find(key);
    return codec::decode<T>(found == sum.records.end() ? Bytes{} : found->second);
  };
  const auto replica = decoded(record_key(scan.range), ReplicaRecord{});
  const auto data = decoded(data_record_key(scan.range), DataRecord{});
  if (replica && (replica->install || replica->descriptor.span != scan.span)) return std::nullopt;
  proto::CheckAnswer answer{scan.what.check, true, 0, sum.damaged, sum.first};
  if (!replica || !data) {  // nobody knows what the rows should come to
    ++answer.damaged;
    return answer;
  }
  const auto hash = hash_at_check(*data, sum.hash, scan.what.check);
  if (!hash) return std::nullopt;  // there has been another check since
  answer.hash = *hash;
  return answer;
}

std::optional<std::pair<RangeId, proto::CheckAnswer>> Scanner::scanned(uint64_t id, const Result<RowSum>& sum) {
  if (!scan_ || scan_->id != id) return std::nullopt;
  const Scan scan = *std::exchange(scan_, std::nullopt);
  if (const auto wanted = wanted_.find(scan.range); wanted != wanted_.end() && wanted->second == scan.what) wanted_.erase(wanted);
  auto answer = sum ? answer_of(scan, *sum) : std::nullopt;
  if (answer) known_[scan.range] = {scan.what.replica, *answer};
  start_next();
  if (!answer) return std::nullopt;
  return std::pair{scan.range, *std::move(answer)};
}

}  // namespace ddb::range
