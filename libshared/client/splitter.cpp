#include "client/splitter.hpp"

#include <charconv>

#include "client/kv_client.hpp"

namespace ddb::client {

namespace {

/// The first range has 1.
constexpr uint64_t last_id_at_first = 1;

Result<uint64_t> parse_counter(const env::MetaRange& range) {
  if (range.entries.empty()) return last_id_at_first;
  const Bytes& text = range.entries.front().value;
  uint64_t last = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), last);
  if (error == std::errc{} && end == text.data() + text.size()) return last;
  return fail(Code::bad_data, std::string{"metadata key "} + proto::last_range_key + " holds no number");
}

bool worth_repeating(Code code) {
  return code == Code::try_again || code == Code::not_leader || code == Code::unavailable || code == Code::unknown_outcome;
}

}  // namespace

Result<RangeId> Splitter::take_ids(uint64_t count) {
  MetaClient meta{cluster_.oracle(), executor_};
  for (;;) {
    const auto counter = meta.range(proto::last_range_key, {});
    if (!counter) return std::unexpected(counter.error());
    const auto last = parse_counter(*counter);
    if (!last) return std::unexpected(last.error());
    const Revision seen = counter->entries.empty() ? Revision{} : counter->entries.front().mod_revision;
    const auto taken = meta.txn({{proto::last_range_key, seen}}, {{proto::last_range_key, std::to_string(*last + count), {}, {}}});
    if (!taken) return std::unexpected(taken.error());  // ids that may have been taken are not used
    if (taken->succeeded) return RangeId{*last + 1};
  }
}

Result<Splitter::Split> Splitter::at(const Bytes& key, RangeId right) {
  const Instant deadline = net::Loop::now() + cluster_.options().timeout;
  const auto request = std::make_shared<const proto::RangeRequestBody>(proto::SplitRequest{key, right});
  Error trouble{Code::unavailable, "no replica leads the range", {}, {}};
  for (uint32_t repeats = 0; net::Loop::now() < deadline; ++repeats) {
    auto reply = await<proto::RangeReply>(executor_, [&](Done<proto::RangeReply> done) {
      cluster_.router().send(key, request, repeats, deadline, std::move(done));
    });
    if (reply && std::holds_alternative<proto::Redirect>(*reply)) continue;
    if (auto* done = reply ? std::get_if<proto::SplitReply>(&*reply) : nullptr) {
      const bool existed = done->range.id != right;
      return Split{std::move(done->range), existed};
    }
    auto* error = reply ? std::get_if<Error>(&*reply) : &reply.error();
    if (error == nullptr) return fail(Code::bad_data, "a node's reply is not of the kind asked for");
    if (!worth_repeating(error->code)) return std::unexpected(std::move(*error));
    trouble = std::move(*error);
  }
  return std::unexpected(std::move(trouble));
}

}  // namespace ddb::client
