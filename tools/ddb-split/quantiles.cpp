#include "quantiles.hpp"

namespace ddb::split {

namespace {

/// Every stride-th key of those seen. A bounded number of them: the stride doubles whenever there are twice as many.
class Sample {
 public:
  explicit Sample(uint64_t keys_min) : keys_min_{keys_min} {}

  void add(const Bytes& key) {
    if (seen_++ % stride_ != 0) return;
    keys_.push_back(key);
    if (keys_.size() < 2 * keys_min_) return;
    for (size_t i = 0; i < keys_min_; ++i) keys_[i] = std::move(keys_[2 * i]);
    keys_.resize(keys_min_);
    stride_ *= 2;
  }

  std::vector<Bytes> quantiles(uint64_t pieces) const {
    std::vector<Bytes> out;
    for (uint64_t i = 1; i < pieces; ++i) {
      const size_t at = static_cast<size_t>(seen_ * i / pieces / stride_);
      if (at > 0 && at < keys_.size() && (out.empty() || out.back() != keys_[at])) out.push_back(keys_[at]);
    }
    return out;
  }

 private:
  const uint64_t keys_min_;
  std::vector<Bytes> keys_;
  uint64_t seen_ = 0;
  uint64_t stride_ = 1;
};

constexpr uint64_t keys_per_piece = 16;  // a piece is off by one in that many at most

}  // namespace

Result<std::vector<Bytes>> quantiles(Session& session, env::KeySpan span, uint64_t pieces) {
  Sample sample{keys_per_piece * pieces};
  client::KvClient kv{session.cluster, session.executor};
  auto txn = kv.begin({});
  if (!txn) return std::unexpected(txn.error());
  for (std::optional<env::KeySpan> left = std::move(span); left;) {
    auto page = (*txn)->scan({.span = *left});
    if (!page) return std::unexpected(page.error());
    for (const auto& row : page->rows) sample.add(row.key);
    left = std::move(page->rest);
  }
  return sample.quantiles(pieces);
}

}  // namespace ddb::split
