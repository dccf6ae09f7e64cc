// What the split of a range means for its store: births, and rows that nobody is to have (A5, C1, C2, C3, S1, S2, S3).
#include <algorithm>

#include "base/assert.hpp"
#include "base/rule.hpp"
#include "codec/archive.hpp"
#include "mvcc/key.hpp"
#include "range/store.hpp"

namespace ddb::range {

namespace {

constexpr size_t clear_bytes_per_turn = 64 << 10;  // of keys: each is a row that goes

/// Where the rows are, but for what the machine says of itself.
std::vector<env::TableSpan> row_spans(const Replica& replica, proto::RangeDescriptor descriptor, const env::KeySpan& span) {
  descriptor.span = span;
  auto spans = replica.spans(descriptor);
  std::erase_if(spans, [](const env::TableSpan& one) { return one.table == env::Table::range; });
  return spans;
}

}  // namespace

/// The split has just been applied by `left`, and its writes are in the generation that the next flush takes whole (A2):
/// from here on both halves live, or after a crash neither.
void Store::bear(Replica& left, const proto::RangeDescriptor& right) {
  const auto self = std::find_if(right.replicas.begin(), right.replicas.end(),
                                 [&](const proto::ReplicaInfo& member) { return member.store == identity_.store; });
  if (self == right.replicas.end() || must_not_live({right.id, self->id})) {
    clearings_.add(right.id, right.span, row_spans(left, right, right.span));
    unborn_.erase(right.id);
    return;
  }
  // A5: that the split is committed goes into the batch that the right's first record goes into, or one before.
  gather(left);
  proto::LogRecord committed{{left.range(), left.id()}, {}, {}, left.raft().hard_state()};
  DDB_ASSERT(committed.hard_state->commit >= left.raft().applied_index());
  if (DDB_KEEPS("A5.commit")) add_record(std::move(committed));

  const ReplicaRecord record = initial_record(right, self->id);
  if (auto logged = unborn_.extract(right.id)) {
    start_replica(right.id, record,
                  {.hard = logged.mapped().hard,
                   .base = record.base,
                   .config = record.base_config,
                   .entries = std::move(logged.mapped().entries),
                   .applied = record.base.index,
                   .restarted = true});
  } else {
    if (find(right.id) == nullptr) {
      ReplicaRecord nothing;
      nothing.replica = self->id;
      start_replica(right.id, nothing, {});
    }
    find(right.id)->begin(right, record.base, record.base_config);
  }
  // S3. Its floor is a fresh timestamp, as every leader's is (L2): that is at or above the left's.
  if (left.leads() && DDB_KEEPS("S3")) find(right.id)->raft().campaign(now_);
}

/// S2: replicas with this id or a higher one of the range have been here.
bool Store::must_not_live(const proto::ReplicaKey& key) {
  if (const Replica* living = find(key.range)) {
    DDB_ASSERT(living->id() != key.replica || !living->initialised());  // C2: it would have overlapped with the left
    return living->id() > key.replica && DDB_KEEPS("S2");
  }
  const auto trace = state_.get(env::Table::range, record_key(key.range));
  if (!trace) return false;
  const auto record = codec::decode<ReplicaRecord>(*trace);
  DDB_ASSERT(record);
  return record->tombstone >= key.replica;
}

/// D4: what borders on it here and came from the same split. Who leads there is for others to say.
std::vector<proto::RangeInfo> Store::other_halves(const proto::RangeDescriptor& half) const {
  std::vector<proto::RangeInfo> others;
  for (const auto& [range, replica] : replicas_) {
    const auto& other = replica->descriptor();
    const bool borders = other.id && ((!half.span.end.empty() && other.span.start == half.span.end) ||
                                      (!other.span.end.empty() && other.span.end == half.span.start));
    if (borders && other.epoch.split == half.epoch.split) others.push_back({other, {}, {}});
  }
  return others;
}

/// C2: what lives here, what is on its way to (a first range until its flush, a snapshot until its switch), and what of
/// others has yet to be cleared (C3).
bool Store::overlaps(const proto::RangeDescriptor& descriptor) const {
  if (!DDB_KEEPS("C2")) return false;
  const auto holds = [&](const proto::RangeDescriptor& other) {
    return other.id && other.id != descriptor.id && env::overlap(other.span, descriptor.span);
  };
  const auto lives = [&](const auto& entry) { return holds(entry.second->descriptor()) || holds(entry.second->switching_to()); };
  const auto comes = [&](const ReplicaRecord& born) { return holds(born.descriptor); };
  return clearings_.touches(descriptor.span) || std::any_of(replicas_.begin(), replicas_.end(), lives) ||
         std::any_of(births_.begin(), births_.end(), comes);
}

void Store::give_up(const Replica& replica, const proto::RangeDescriptor& next) {
  const auto& old = replica.descriptor();
  if (!old.id || !DDB_KEEPS("C3")) return;
  for (const env::KeySpan& gone : env::subtract(old.span, next.span)) {
    clearings_.add(old.id, gone, row_spans(replica, old, gone));
  }
}

/// A bounded piece, as install() does, and from the same budget.
void Store::clear() {
  if (clearings_.empty() || install_budget_ == 0) return;
  unflushed_ = true;
  install_budget_ -= std::min(install_budget_, clearings_.step(clear_bytes_per_turn));
  wants_flush_ |= install_budget_ == 0;
}

bool Store::has_trace(RangeId range) const {
  return replicas_.contains(range) || unborn_.contains(range) || clearings_.has(range) ||
         state_.get(env::Table::range, record_key(range)).has_value();
}

const proto::RangeDescriptor* Store::holder_of(BytesView key) const {
  for (const auto& [range, replica] : replicas_) {
    const auto& descriptor = replica->descriptor();
    if (descriptor.id && env::contains(descriptor.span, key)) return &descriptor;
  }
  return nullptr;
}

}  // namespace ddb::range
