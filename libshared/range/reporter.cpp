#include "range/reporter.hpp"

#include "codec/archive.hpp"

namespace ddb::range {

namespace {

constexpr Duration retry_delay = std::chrono::milliseconds{100};

std::string key_of(const proto::RangeInfo& info) {
  return proto::range_prefix + proto::meta_id(info.descriptor.id.value);
}

bool newer(const proto::RangeInfo& mine, const proto::RangeInfo& theirs) {
  const auto& a = mine.descriptor.epoch;
  const auto& b = theirs.descriptor.epoch;
  if (a.split < b.split || (a.split == b.split && a.conf < b.conf)) return false;
  return a != b || mine.term > theirs.term;
}

}  // namespace

void Reporter::report(proto::RangeInfo info) {
  const RangeId range = info.descriptor.id;
  pending_[range].info = std::move(info);
  pending_[range].next = {};
}

void Reporter::tick(Instant now) {
  for (auto& [range, pending] : pending_) {
    if (pending.asking || now < pending.next) continue;
    pending.asking = true;
    pending.next = now + retry_delay;
    calls_.call(proto::MetaRangeRequest{key_of(pending.info), {}},
                [this, info = pending.info](Result<proto::OracleReply> reply) { compare(info, std::move(reply)); });
  }
}

void Reporter::compare(const proto::RangeInfo& info, Result<proto::OracleReply> reply) {
  const auto* got = reply ? std::get_if<env::MetaRange>(&*reply) : nullptr;
  if (got == nullptr) return settled(info, false);
  Revision seen{};
  if (!got->entries.empty()) {
    seen = got->entries.front().mod_revision;
    const auto theirs = codec::decode<proto::RangeInfo>(got->entries.front().value);
    if (theirs && !newer(info, *theirs)) return settled(info, true);
  }
  proto::MetaTxnRequest request;
  request.compares = {{key_of(info), seen}};
  request.ops = {{key_of(info), codec::encode(info), {}, {}}};
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
