#include "proto/collect.hpp"

#include <algorithm>
#include <charconv>

#include "base/rule.hpp"
#include "proto/meta_keys.hpp"

namespace ddb::proto {

namespace {

constexpr const char* allowed_key = "collect/allowed";
constexpr const char* guard_key = "collect/guard";
constexpr BytesView reader_prefix = "collect/reader/";
constexpr uint64_t age_seconds_max = 100 * 366 * 86'400ULL;

std::optional<uint64_t> parse(BytesView text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

env::MetaOp put(Bytes key, Timestamp ts, LeaseId lease = {}) {
  return {.key = std::move(key), .value = std::to_string(ts.value), .end = {}, .lease = lease};
}

void read_entry(const env::MetaEntry& entry, Timestamp ts, CollectState& state) {
  if (entry.key == allowed_key) {
    state.allowed = ts;
    state.allowed_seen = entry.mod_revision;
  } else if (entry.key == guard_key) {
    state.guard_seen = entry.mod_revision;
  } else {
    state.lowest_reader = std::min(state.lowest_reader, ts);
  }
}

}  // namespace

std::optional<Duration> read_collect_age(const env::MetaRange& range) {
  if (range.entries.empty()) return std::nullopt;
  const auto seconds = parse(range.entries.front().value);
  if (!seconds || *seconds > age_seconds_max) return std::nullopt;
  return std::max<Duration>(std::chrono::seconds{*seconds}, collect_age_min);
}

Result<CollectState> read_collect_state(const env::MetaRange& range) {
  CollectState state;
  for (const auto& entry : range.entries) {
    const bool known = entry.key == allowed_key || entry.key == guard_key || entry.key.starts_with(reader_prefix);
    if (!known) continue;  // a newer program's
    const auto ts = parse(entry.value);
    if (!ts) return fail(Code::bad_data, "metadata key " + entry.key + " does not hold a timestamp");
    read_entry(entry, Timestamp{*ts}, state);
  }
  return state;
}

std::optional<Raise> raise_allowed(const CollectState& state, Timestamp to) {
  if (DDB_KEEPS("F3.protected")) to = std::min(to, state.lowest_reader);
  if (to <= state.allowed) return std::nullopt;
  MetaTxnRequest request;
  request.compares = {{allowed_key, state.allowed_seen}};
  if (DDB_KEEPS("H2.guard")) request.compares.push_back({guard_key, state.guard_seen});
  request.ops = {put(allowed_key, to)};
  return Raise{to, std::move(request)};
}

std::optional<MetaTxnRequest> protect_reader(const CollectState& state, Timestamp ts, LeaseId lease) {
  if (DDB_KEEPS("H2") && ts < state.allowed) return std::nullopt;
  MetaTxnRequest request;
  if (DDB_KEEPS("H2.allowed")) request.compares = {{allowed_key, state.allowed_seen}};
  request.ops = {put(guard_key, ts), put(Bytes{reader_prefix} + meta_id(lease.value), ts, lease)};
  return request;
}

}  // namespace ddb::proto
