#include "proto/collect.hpp"

#include <algorithm>
#include <charconv>

#include "base/rule.hpp"
#include "codec/archive.hpp"
#include "env/span.hpp"
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

Result<void> read_timestamp(const env::MetaEntry& entry, CollectState& state) {
  const auto number = parse(entry.value);
  if (!number) return fail(Code::bad_data, "metadata key " + entry.key + " does not hold a timestamp");
  const Timestamp ts{*number};
  if (entry.key == allowed_key) {
    state.allowed = ts;
    state.allowed_seen = entry.mod_revision;
  } else if (entry.key == guard_key) {
    state.guard_seen = entry.mod_revision;
  } else {
    state.lowest_reader = std::min(state.lowest_reader, ts);
  }
  return {};
}

/// One that cannot be read is kept, and so is what it names.
void read_dropped(const env::MetaEntry& entry, CollectState& state) {
  if (auto what = codec::decode<env::Dropped>(entry.value)) state.dropped.push_back({entry.key, entry.mod_revision, std::move(*what)});
}

/// What `b` leaves of `spans`.
std::vector<env::KeySpan> subtract(const std::vector<env::KeySpan>& spans, const env::KeySpan& b) {
  std::vector<env::KeySpan> left;
  for (const auto& a : spans) std::ranges::move(env::subtract(a, b), std::back_inserter(left));
  return left;
}

}  // namespace

std::optional<Duration> read_collect_age(const env::MetaRange& range) {
  if (range.entries.empty()) return std::nullopt;
  const auto seconds = parse(range.entries.front().value);
  if (!seconds || *seconds > age_seconds_max) return std::nullopt;
  return std::max<Duration>(std::chrono::seconds{*seconds}, collect_age_min);
}

std::optional<Duration> read_check_interval(const env::MetaRange& range) {
  const auto seconds = range.entries.empty() ? std::nullopt : parse(range.entries.front().value);
  if (!seconds || *seconds > age_seconds_max) return std::nullopt;
  if (*seconds == 0) return std::chrono::seconds{age_seconds_max};
  return std::max<Duration>(check_interval_min, std::chrono::seconds{*seconds});
}

Result<CollectState> read_collect_state(const env::MetaRange& range) {
  CollectState state;
  for (const auto& entry : range.entries) {
    const bool known = entry.key == allowed_key || entry.key == guard_key || entry.key.starts_with(reader_prefix);
    if (entry.key.starts_with(env::dropped_prefix)) read_dropped(entry, state);
    if (!known) continue;  // or a newer program's
    if (auto read = read_timestamp(entry, state); !read) return std::unexpected(read.error());
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

uint64_t lowest_gateway(const env::MetaRange& gateways, uint64_t otherwise) {
  uint64_t lowest = otherwise;
  for (const auto& entry : gateways.entries) lowest = std::min(lowest, codec::decode<uint64_t>(entry.value).value_or(0));
  return lowest;
}

std::optional<MetaTxnRequest> update_dropped(const DroppedEntry& entry, const std::vector<env::KeySpan>& cleared,
                                             uint64_t lowest_gateway, Timestamp now) {
  env::Dropped next = entry.what;
  for (const auto& span : cleared) next.spans = subtract(next.spans, span);
  const bool out_of_use = lowest_gateway >= next.schema_version || !DDB_KEEPS("H3.gateways");
  if (!next.at && out_of_use) next.at = now;
  if (next == entry.what) return std::nullopt;
  const auto value = next.spans.empty() ? std::nullopt : std::optional{codec::encode(next)};
  return MetaTxnRequest{{{entry.key, entry.seen}}, {{.key = entry.key, .value = value, .end = {}, .lease = {}}}, 0};
}

}  // namespace ddb::proto
