#include "mvcc/key.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ddb::mvcc {

namespace {

constexpr size_t run_max = 127;

constexpr uint8_t code_ends(size_t zeros) { return static_cast<uint8_t>(zeros); }
constexpr uint8_t code_goes_on(size_t zeros) { return static_cast<uint8_t>(255 - zeros); }
static_assert(code_ends(run_max - 1) < run_max && code_goes_on(run_max - 1) > run_max);

void append_run(Bytes& out, size_t zeros, bool ends) {
  out.push_back(0);
  for (; zeros >= run_max; zeros -= run_max) out.push_back(static_cast<char>(run_max));
  out.push_back(static_cast<char>(ends ? code_ends(zeros) : code_goes_on(zeros)));
}

struct Run {
  enum Kind { bad, ends, goes_on } kind = bad;
  size_t zeros = 0;
};

/// Cuts off what append_run wrote after its 00.
Run take_run(BytesView& in) {
  size_t full = 0;
  while (!in.empty() && static_cast<uint8_t>(in.front()) == run_max) {
    full += run_max;
    in.remove_prefix(1);
  }
  if (in.empty()) return {};
  const auto code = static_cast<uint8_t>(in.front());
  in.remove_prefix(1);
  if (code < run_max) return {Run::ends, full + code};
  const size_t zeros = full + (255 - code);
  return zeros == 0 || 255 - code >= static_cast<int>(run_max) ? Run{} : Run{Run::goes_on, zeros};
}

std::unexpected<Error> damaged(BytesView encoded) {
  return fail(Code::bad_data, fmt::format("stored key {} is damaged", to_hex(encoded)));
}

}  // namespace

Bytes encode_key(BytesView user_key) {
  Bytes out;
  out.reserve(user_key.size() + 2 + timestamp_bytes);
  for (;;) {
    const size_t zero = user_key.find('\0');
    out.append(user_key.substr(0, zero));
    if (zero == BytesView::npos) break;
    user_key.remove_prefix(zero);
    const size_t zeros = std::min(user_key.find_first_not_of('\0'), user_key.size());
    user_key.remove_prefix(zeros);
    append_run(out, zeros, user_key.empty());
    if (user_key.empty()) return out;
  }
  append_run(out, 0, true);
  return out;
}

Result<Bytes> decode_key(BytesView encoded) {
  Bytes out;
  out.reserve(encoded.size());
  for (BytesView left = encoded;;) {
    const size_t zero = left.find('\0');
    if (zero == BytesView::npos) return damaged(encoded);
    out.append(left.substr(0, zero));
    left.remove_prefix(zero + 1);
    const Run run = take_run(left);
    if (run.kind == Run::bad) return damaged(encoded);
    out.append(run.zeros, '\0');
    if (run.kind == Run::goes_on) {
      if (left.starts_with('\0')) return damaged(encoded);  // one run written as two
      continue;
    }
    if (!left.empty()) return damaged(encoded);
    return out;
  }
}

Result<void> check_key(BytesView user_key) {
  constexpr size_t encoded_bytes_max = env::user_key_bytes_max + 2;
  const bool fits = user_key.size() <= env::user_key_bytes_max && encode_key(user_key).size() <= encoded_bytes_max;
  if (fits) return {};
  return fail(Code::too_long, fmt::format("a key of {} bytes is over the limit", user_key.size()),
              fmt::format("keys have at most {} bytes, where a single zero byte counts twice", env::user_key_bytes_max),
              Bytes{user_key});
}

Bytes version_key(BytesView encoded, Timestamp ts) {
  Bytes out;
  out.reserve(encoded.size() + timestamp_bytes);
  out.append(encoded);
  const uint64_t inverted = ~ts.value;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(inverted >> shift));
  return out;
}

std::optional<VersionKey> split_version_key(BytesView stored) {
  if (stored.size() < 2 + timestamp_bytes) return std::nullopt;
  const size_t split = stored.size() - timestamp_bytes;
  uint64_t inverted = 0;
  for (const char c : stored.substr(split)) inverted = inverted << 8 | static_cast<uint8_t>(c);
  return VersionKey{stored.substr(0, split), Timestamp{~inverted}};
}

env::KeySpan stored_span(const env::KeySpan& span) {
  return {span.start.empty() ? Bytes{} : encode_key(span.start), span.end.empty() ? Bytes{} : encode_key(span.end)};
}

}  // namespace ddb::mvcc
