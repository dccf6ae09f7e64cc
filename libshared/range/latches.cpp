#include "range/latches.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "mvcc/key.hpp"

namespace ddb::range {

namespace {

template <class Slots>
auto span_end(Slots& slots, const env::KeySpan& span) {
  return span.end.empty() ? slots.end() : slots.lower_bound(span.end);
}

template <class Slots, class Visit>
void for_each_in(Slots& slots, const env::KeySpan& span, Visit visit) {
  if (env::is_empty(span)) return;
  const auto end = span_end(slots, span);
  for (auto slot = slots.lower_bound(span.start); slot != end; ++slot) visit(slot->second);
}

}  // namespace

bool Latches::acquire(OwnerId id, Want want) {
  Owner& self = owners_[id];
  self.want = std::move(want);
  block(id, self, all_last_);
  if (self.want.all) {
    for (const auto& [other, owner] : owners_) {
      if (other != id && !owner.reader) block(id, self, other);
    }
    all_last_ = id;
  }
  // Shared first: nobody waits for himself.
  for (const env::KeySpan& span : self.want.shared) queue_shared(id, self, span);
  for (const Bytes& key : self.want.keys) queue_exclusive(id, self, keys_, key);
  for (const Bytes& key : self.want.records) queue_exclusive(id, self, records_, key);
  if (self.blockers > 0) return false;
  hold(id, self);
  return true;
}

bool Latches::wait(OwnerId id, const std::vector<Bytes>& keys, const std::vector<env::KeySpan>& spans) {
  if (owners_.empty()) return true;
  Owner self{.want = {}, .reader = true, .blockers = 0, .blocking = {}};
  block(id, self, all_holder_);
  for (const Bytes& key : keys) {
    if (const auto slot = keys_.find(key); slot != keys_.end()) block(id, self, slot->second.holder);
  }
  for (const env::KeySpan& span : spans) {
    for_each_in(keys_, span, [&](const Slot& slot) { block(id, self, slot.holder); });
  }
  if (self.blockers == 0) return true;
  owners_.emplace(id, std::move(self));
  return false;
}

void Latches::block(OwnerId id, Owner& waiter, OwnerId by) {
  if (by == 0 || by == id) return;
  ++waiter.blockers;
  owners_.at(by).blocking.push_back(id);
}

void Latches::queue_exclusive(OwnerId id, Owner& self, Slots& slots, const Bytes& key) {
  Slot& slot = slots[key];
  for (const OwnerId other : slot.shared) block(id, self, other);
  if (slot.shared.empty()) block(id, self, slot.last);  // else those who share wait for him
  slot.shared.clear();
  slot.last = id;
  if (&slots != &keys_) return;
  for (const auto& [span, other] : spans_) {
    if (env::contains(span, key)) block(id, self, other);
  }
}

void Latches::queue_shared(OwnerId id, Owner& self, const env::KeySpan& span) {
  if (env::is_point(span)) {
    Slot& slot = keys_[span.start];
    block(id, self, slot.last);
    slot.shared.push_back(id);
    return;
  }
  for_each_in(keys_, span, [&](const Slot& slot) { block(id, self, slot.last); });
  spans_.emplace_back(span, id);
}

void Latches::hold(OwnerId id, const Owner& self) {
  for (const Bytes& key : self.want.keys) keys_.at(key).holder = id;
  for (const Bytes& key : self.want.records) records_.at(key).holder = id;
  if (self.want.all) all_holder_ = id;
}

void Latches::release(OwnerId id, std::vector<OwnerId>& ready) {
  const auto owner = owners_.find(id);
  DDB_ASSERT(owner != owners_.end());
  DDB_ASSERT(owner->second.blockers == 0);
  const Owner gone = std::move(owner->second);
  owners_.erase(owner);
  leave(id, gone);

  const size_t first = ready.size();
  for (const OwnerId other : gone.blocking) {
    const auto waiter = owners_.find(other);
    DDB_ASSERT(waiter != owners_.end());
    if (--waiter->second.blockers > 0) continue;
    ready.push_back(other);
    if (waiter->second.reader) {
      owners_.erase(waiter);
    } else {
      hold(other, waiter->second);
    }
  }
  std::sort(ready.begin() + static_cast<std::ptrdiff_t>(first), ready.end());
}

void Latches::leave(OwnerId id, const Owner& self) {
  const auto give_up = [&](Slots& slots, BytesView key) {
    const auto found = slots.find(key);
    if (found == slots.end()) return;  // shared, and somebody came for it exclusively and went
    Slot& slot = found->second;
    if (slot.holder == id) slot.holder = 0;
    if (slot.last == id) slot.last = 0;
    std::erase(slot.shared, id);
    if (slot.last == 0 && slot.shared.empty()) slots.erase(found);
  };
  for (const Bytes& key : self.want.keys) give_up(keys_, key);
  for (const Bytes& key : self.want.records) give_up(records_, key);
  for (const env::KeySpan& span : self.want.shared) {
    if (env::is_point(span)) give_up(keys_, span.start);
  }
  std::erase_if(spans_, [&](const auto& shared) { return shared.second == id; });
  if (all_last_ == id) all_last_ = 0;
  if (all_holder_ == id) all_holder_ = 0;
}

void Latches::clear() { *this = {}; }

}  // namespace ddb::range
