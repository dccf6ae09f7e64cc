#include "oracle/watch.hpp"

#include <algorithm>

namespace ddb::oracle {

namespace {

/// What one reply of a replay may hold before it is sent: well below a frame.
constexpr size_t replay_bytes_max = 1 << 20;

}  // namespace

void Watches::open(range::RequestToken token, const proto::WatchRequest& request, Revision from, Revision revision,
                   env::State& state, const Tell& tell) {
  proto::WatchReply reply{revision, {}};
  size_t bytes = 0;
  const auto cursor = state.cursor(env::Table::txn);
  for (bool on = cursor->seek(history_key(from)); on; on = cursor->next()) {
    for (auto& event : open_row<Events>(cursor->key(), cursor->value()).list) {
      if (!covers(request.key, request.end, event.entry.key)) continue;
      bytes += event.entry.key.size() + event.entry.value.size();
      reply.events.push_back(std::move(event));
    }
    if (bytes < replay_bytes_max) continue;
    reply.revision = Revision{row_id(cursor->key())};
    tell(token, std::exchange(reply, {revision, {}}));
    bytes = 0;
  }
  tell(token, reply);
  watches_.insert_or_assign(Key{token.connection, token.request},
                            Watch{request.key, request.end, std::max(from, revision.next()), {}});
}

void Watches::cancel(range::RequestToken token) { watches_.erase({token.connection, token.request}); }

void Watches::close(range::ConnectionId connection) {
  const auto first = watches_.lower_bound({connection, 0});
  const auto last = watches_.lower_bound({connection.next(), 0});
  watches_.erase(first, last);
}

void Watches::changed(Revision revision, const std::vector<env::MetaEvent>& events) {
  for (auto& [key, watch] : watches_) {
    if (revision < watch.next) continue;
    for (const auto& event : events) {
      if (covers(watch.start, watch.end, event.entry.key)) watch.untold.push_back(event);
    }
  }
}

void Watches::publish(Revision revision, Revision compacted, const Tell& tell) {
  for (auto& [key, watch] : watches_) {
    if (watch.untold.empty() && watch.next > compacted) continue;
    watch.next = revision.next();
    tell({key.first, key.second}, {revision, std::exchange(watch.untold, {})});
  }
}

void Watches::clear(const std::function<void(range::RequestToken)>& told) {
  for (const auto& [key, watch] : std::exchange(watches_, {})) told({key.first, key.second});
}

void History::note(Revision revision, Instant now) {
  if (notes_.empty() || now - notes_.back().first >= age_ / 16) notes_.emplace_back(now, revision);
}

Revision History::old(Instant now) {
  while (!notes_.empty() && now - notes_.front().first >= age_) {
    old_ = notes_.front().second;
    notes_.pop_front();
  }
  return old_;
}

}  // namespace ddb::oracle
