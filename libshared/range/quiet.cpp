#include "range/quiet.hpp"

namespace ddb::range {

namespace {

constexpr int beats_per_silence = 3;

}  // namespace

Quiet::News Quiet::heard(const proto::PeerBatch& batch, Instant now) {
  Peer& peer = peers_[batch.from];
  if (batch.incarnation < peer.incarnation) return News::stale;
  const bool changed = batch.incarnation != peer.incarnation || (batch.ailing && !peer.ailing);
  peer = {batch.incarnation, now, batch.ailing, false};
  return changed ? News::changed : News::none;
}

void Quiet::lost(StoreId peer) { peers_[peer].silent = true; }

bool Quiet::well(StoreId peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && !found->second.silent && !found->second.ailing;
}

std::vector<StoreId> Quiet::fallen_silent(Instant now) {
  std::vector<StoreId> out;
  // Who stood still itself has heard nobody, and must not blame others for it.
  const bool stood_still = now - last_look_ >= silence_;
  last_look_ = now;
  for (auto& [store, peer] : peers_) {
    if (stood_still) peer.heard = now;
    if (peer.silent || now - peer.heard < silence_) continue;
    peer.silent = true;
    out.push_back(store);
  }
  return out;
}

bool Quiet::beat_due(Instant now) {
  if (now < next_beat_) return false;
  next_beat_ = now + silence_ / beats_per_silence;
  return true;
}

void Quiet::woken(RangeId range) {
  awake_.insert(range);
  dormant_.erase(range);
}

void Quiet::gone(RangeId range) {
  awake_.erase(range);
  dormant_.erase(range);
}

std::vector<RangeId> Quiet::next_dormant() const {
  std::vector<RangeId> out;
  for (auto range = dormant_.begin(); range != dormant_.end() && out.size() < wakes_per_tick; ++range) out.push_back(*range);
  return out;
}

}  // namespace ddb::range
