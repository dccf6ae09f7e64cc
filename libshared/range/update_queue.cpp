#include "range/update_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ddb::range {

namespace {

void append(std::vector<uint64_t>& to, std::vector<uint64_t>&& more) { to.insert(to.end(), more.begin(), more.end()); }

}  // namespace

void UpdateQueue::Changes::operator+=(Changes&& more) {
  append(granted, std::move(more.granted));
  append(impatient, std::move(more.impatient));
  append(gone, std::move(more.gone));
}

UpdateQueue::Turn UpdateQueue::ask(const Bytes& key, Timestamp id, ConnectionId from, TaskId task, Instant now) {
  const auto found = queues_.find(key);
  const size_t length = found == queues_.end() ? 0 : found->second.size();
  auto place = length == 0 ? Queue::iterator{} : std::ranges::find(found->second, id, &Place::id);
  if (length == 0 || place == found->second.end()) {
    if (length >= options_.length_max || places_ >= options_.places_max) return Turn::full;
    ++places_;
    keys_[id].insert(key);
    Queue& queue = queues_[key];
    place = queue.insert(queue.end(), Place{.id = id, .from = from, .tasks = {}, .until = {}});
  }
  place->from = from;
  if (place == queues_[key].begin()) {
    grant(*place, now);
    return Turn::now;
  }
  place->tasks.push_back(task);
  place->until = now + options_.patience;
  return Turn::later;
}

/// Asking again does not make a slot last longer.
void UpdateQueue::grant(Place& first, Instant now) {
  if (!std::exchange(first.granted, true)) first.until = now + options_.time_to_live;
}

/// Whose turn it is now. An absent one has what is left of its time to come back and take it.
void UpdateQueue::next(Queues::iterator queue, Instant now, Changes& out) {
  if (queue->second.empty()) {
    queues_.erase(queue);
    return;
  }
  Place& first = queue->second.front();
  if (first.tasks.empty()) return;
  append(out.granted, std::exchange(first.tasks, {}));
  grant(first, now);
}

void UpdateQueue::drop(Queues::iterator queue, Queue::iterator place, std::vector<TaskId>& waiters) {
  append(waiters, std::move(place->tasks));
  const auto keys = keys_.find(place->id);
  keys->second.erase(queue->first);
  if (keys->second.empty()) keys_.erase(keys);
  queue->second.erase(place);
  --places_;
}

/// Drops the places of one queue that `unwanted` says yes to.
UpdateQueue::Changes UpdateQueue::drop_if(Queues::iterator queue, const auto& unwanted, Instant now) {
  Changes out;
  for (size_t i = 0; i < queue->second.size();) {
    const auto place = queue->second.begin() + static_cast<ptrdiff_t>(i);
    if (unwanted(*place)) drop(queue, place, out.gone);
    else ++i;
  }
  next(queue, now, out);
  return out;
}

UpdateQueue::Changes UpdateQueue::leave(Timestamp id, Instant now) {
  Changes out;
  const auto keys = keys_.find(id);
  if (keys == keys_.end()) return out;
  for (const Bytes& key : std::set<Bytes>{keys->second}) {
    out += drop_if(queues_.find(key), [&](const Place& place) { return place.id == id; }, now);
  }
  return out;
}

UpdateQueue::Changes UpdateQueue::closed(ConnectionId connection, Instant now) {
  Changes out;
  for (auto queue = queues_.begin(); queue != queues_.end();) {
    const auto at = queue++;
    out += drop_if(at, [&](const Place& place) { return place.from == connection; }, now);
  }
  return out;
}

UpdateQueue::Changes UpdateQueue::expire(Instant now) {
  Changes out;
  for (auto queue = queues_.begin(); queue != queues_.end();) {
    const auto at = queue++;
    for (Place& place : at->second) {
      if (place.tasks.empty() || now < place.until) continue;
      append(out.impatient, std::exchange(place.tasks, {}));
      place.until = now + options_.absence;
    }
    out += drop_if(at, [&](const Place& place) { return now >= place.until; }, now);
  }
  return out;
}

std::vector<UpdateQueue::TaskId> UpdateQueue::clear() {
  std::vector<TaskId> waiters;
  for (auto& [key, queue] : queues_) {
    for (Place& place : queue) append(waiters, std::move(place.tasks));
  }
  queues_.clear();
  keys_.clear();
  places_ = 0;
  return waiters;
}

}  // namespace ddb::range
