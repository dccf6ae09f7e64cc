#include "range/reporter.hpp"

#include "base/rule.hpp"
#include "codec/archive.hpp"
#include "mvcc/key.hpp"

namespace ddb::range {

namespace {

constexpr Duration retry_delay = std::chrono::milliseconds{100};

std::string key_of(const proto::RangeInfo& info) {
  return proto::range_prefix + proto::meta_id(info.descriptor.id.value);
}

/// D4.
bool newer(const proto::RangeInfo& mine, const proto::RangeInfo& theirs) {
  if (!DDB_KEEPS("D4")) return true;
  const auto& a = mine.descriptor.epoch;
  const auto& b = theirs.descriptor.epoch;
  if (a.split < b.split || (a.split == b.split && a.conf < b.conf)) return false;
  return a != b || mine.term > theirs.term;
}

/// What the map says of ranges, as it was read.
struct Entry {
  proto::RangeInfo info;
  Revision seen;
};

std::vector<Entry> entries_of(const env::MetaRange& range) {
  std::vector<Entry> entries;
  for (const auto& entry : range.entries) {
    if (const auto info = codec::decode<proto::RangeInfo>(entry.value)) entries.push_back({*info, entry.mod_revision});
  }
  return entries;
}

void add(proto::MetaTxnRequest& request, const proto::RangeInfo& info, Revision seen) {
  request.compares.push_back({key_of(info), seen});
  request.ops.push_back({key_of(info), codec::encode(info), {}, {}});
}

}  // namespace

void Reporter::report(proto::RangeInfo info, std::vector<proto::RangeInfo> others) {
  Pending& pending = pending_[info.descriptor.id];
  pending.info = std::move(info);
  pending.others = std::move(others);
  pending.next = {};
}

void Reporter::tick(Instant now) {
  for (auto& [range, pending] : pending_) {
    if (pending.asking || now < pending.next) continue;
    pending.asking = true;
    pending.next = now + retry_delay;
    ask(pending.info, key_of(pending.info), {});
  }
}

void Reporter::ask(const proto::RangeInfo& info, const Bytes& key, const Bytes& end) {
  calls_.call(proto::MetaRangeRequest{key, end}, [this, info, all = !end.empty()](Result<proto::OracleReply> reply) {
    const auto* got = reply ? std::get_if<env::MetaRange>(&*reply) : nullptr;
    if (got == nullptr) return settled(info, false);
    all ? compare_all(info, *got) : compare(info, *got);
  });
}

/// Mostly a leader of a range that the map knows. Else its keys are, or were, another's: all of the map counts.
void Reporter::compare(const proto::RangeInfo& info, const env::MetaRange& range) {
  const auto entries = entries_of(range);
  const bool known = !entries.empty() && entries.front().info.descriptor.epoch.split >= info.descriptor.epoch.split;
  if (!known) return ask(info, proto::range_prefix, prefix_end(proto::range_prefix));
  if (!newer(info, entries.front().info)) return settled(info, true);
  proto::MetaTxnRequest request;
  add(request, info, entries.front().seen);
  write(info, std::move(request));
}

void Reporter::compare_all(const proto::RangeInfo& info, const env::MetaRange& range) {
  const auto pending = pending_.find(info.descriptor.id);
  if (pending == pending_.end()) return;
  auto mine = pending->second.others;
  mine.insert(mine.begin(), info);
  const auto entries = entries_of(range);
  proto::MetaTxnRequest request;
  for (const auto& half : mine) {
    Revision seen{};
    bool accepted = true;
    for (const auto& entry : entries) {
      const auto& theirs = entry.info.descriptor;
      if (theirs.id == half.descriptor.id) {
        seen = entry.seen;
        accepted &= newer(half, entry.info);
      } else if (env::overlap(theirs.span, half.descriptor.span)) {
        accepted &= theirs.epoch.split < half.descriptor.epoch.split;
      }
    }
    if (accepted) add(request, half, seen);
  }
  if (request.ops.empty()) return settled(info, true);
  write(info, std::move(request));
}

void Reporter::write(const proto::RangeInfo& info, proto::MetaTxnRequest request) {
  calls_.call(std::move(request), [this, info](Result<proto::OracleReply> answer) {
    const auto* result = answer ? std::get_if<env::MetaTxnResult>(&*answer) : nullptr;
    settled(info, result != nullptr && result->succeeded);
  });
}

void Reporter::settled(const proto::RangeInfo& info, bool accepted) {
  const auto found = pending_.find(info.descriptor.id);
  if (found == pending_.end()) return;
  found->second.asking = false;
  if (accepted && found->second.info == info) pending_.erase(found);
}

}  // namespace ddb::range
