// An env::Kv in memory: every version kept, every span read remembered and validated at commit, so that
// transactions are as honest as the real ones. Counts requests.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "codec/selection.hpp"
#include "env/kv.hpp"

namespace ddb::test {

class MemoryKv final : public env::Kv {
 public:
  struct Counters {
    uint64_t gets = 0;     // requests, not keys
    uint64_t updates = 0;  // gets for an update, of these
    uint64_t scans = 0;    // pages
    uint64_t commits = 0;  // with writes
    uint64_t rows = 0;     // given out by gets and scans
    uint64_t ahead = 0;    // pages that scans allowed to be read ahead
    uint64_t left = 0;     // rests of scans
    uint64_t reads() const { return gets + scans; }
  };

  Result<std::unique_ptr<env::KvTxn>> begin(const env::TxnOptions& options) override {
    const std::lock_guard lock{mutex_};
    const Timestamp read_ts = options.read_ts ? options.read_ts : Timestamp{clock_};
    return std::make_unique<Txn>(*this, read_ts);
  }

  Result<Timestamp> now() override {
    const std::lock_guard lock{mutex_};
    return Timestamp{clock_};
  }

  Counters counters() const {
    const std::lock_guard lock{mutex_};
    return counters_;
  }
  void reset_counters() {
    const std::lock_guard lock{mutex_};
    counters_ = {};
  }

  /// Called before every request of a transaction; an error becomes the request's.
  std::function<Result<void>(const char* request)> on_request;

  /// Keys that exist now, in [start, end).
  std::vector<env::KeyValue> all(const env::KeySpan& span = {}) const {
    const std::lock_guard lock{mutex_};
    std::vector<env::KeyValue> rows;
    for (auto at = data_.lower_bound(span.start); at != end_of(span); ++at)
      if (const Bytes* value = visible(at->second, Timestamp{clock_})) rows.push_back({at->first, *value});
    return rows;
  }

 private:
  using Versions = std::vector<std::pair<Timestamp, std::optional<Bytes>>>;  // oldest first
  using Data = std::map<Bytes, Versions, std::less<>>;

  class Txn final : public env::KvTxn {
   public:
    Txn(MemoryKv& kv, Timestamp read_ts) : kv_{kv}, read_ts_{read_ts} {}

    Timestamp read_ts() const override { return read_ts_; }

    Result<std::vector<std::optional<Bytes>>> get(std::span<const Bytes> keys) override {
      if (auto gate = enter("get"); !gate) return std::unexpected(gate.error());
      const std::lock_guard lock{kv_.mutex_};
      ++kv_.counters_.gets;
      std::vector<std::optional<Bytes>> values;
      for (const Bytes& key : keys) {
        Bytes after = key;
        after.push_back('\0');
        read_spans_.push_back({key, after});
        const auto at = kv_.data_.find(key);
        const Bytes* value = at == kv_.data_.end() ? nullptr : visible(at->second, read_ts_);
        kv_.counters_.rows += value != nullptr;
        values.push_back(value == nullptr ? std::nullopt : std::optional{*value});
      }
      if (trace_ != nullptr) trace_->push_back({keys.front(), RangeId{1}, values.size(), 0});
      return values;
    }

    Result<std::optional<Bytes>> get_for_update(const Bytes& key) override {
      auto value = KvTxn::get_for_update(key);
      const std::lock_guard lock{kv_.mutex_};
      ++kv_.counters_.updates;
      return value;
    }

    Result<env::ScanPage> scan(const env::ScanRequest& request) override {
      if (request.rows_max == 0) return fail(Code::usage, "rows_max is zero");
      if (auto gate = enter("scan"); !gate) return std::unexpected(gate.error());
      const std::lock_guard lock{kv_.mutex_};
      ++kv_.counters_.scans;
      kv_.counters_.ahead += request.ahead;
      Given given{request};
      if (!request.select.empty()) {
        auto selector = codec::Selector::open(request.select);
        if (!selector) return fail(Code::usage, selector.error().message);
        given.selector = *std::move(selector);
      }
      request.reverse ? kv_.scan_down(request, read_ts_, given) : kv_.scan_up(request, read_ts_, given);
      env::ScanPage page = given.take();
      kv_.counters_.rows += page.rows.size();
      read_spans_.push_back(covered(request, page));
      if (trace_ != nullptr) trace_->push_back({request.span.start, RangeId{1}, page.rows.size(), 0});
      return page;
    }

    void leave(const env::KeySpan&) override {
      const std::lock_guard lock{kv_.mutex_};
      ++kv_.counters_.left;
    }

    void trace(std::vector<env::ReadTrace>* to) override { trace_ = to; }

    Result<Timestamp> commit(std::vector<env::Write> writes) override {
      if (writes.empty()) return read_ts_;
      if (auto gate = enter("commit"); !gate) return std::unexpected(gate.error());
      const std::lock_guard lock{kv_.mutex_};
      over_ = true;
      ++kv_.counters_.commits;
      for (const auto& span : read_spans_)
        if (kv_.newer_than(span, read_ts_)) return fail(Code::conflict, "another transaction wrote what this one read");
      for (const auto& write : writes)
        if (auto may = check(write); !may) return std::unexpected(may.error());
      const Timestamp commit_ts{++kv_.clock_};
      for (auto& write : writes)
        kv_.data_[std::move(write.key)].emplace_back(
            commit_ts, write.kind == env::WriteKind::erase ? std::nullopt : std::optional{std::move(write.value)});
      return commit_ts;
    }

   private:
    Result<void> enter(const char* request) {
      if (over_) return fail(Code::internal, "the transaction is over");
      return kv_.on_request ? kv_.on_request(request) : Result<void>{};
    }
    Result<void> check(const env::Write& write) const {
      if (write.key.empty() || write.key.size() > env::user_key_bytes_max)
        return fail(Code::too_long, "a key is too long");
      const auto at = kv_.data_.find(write.key);
      if (at == kv_.data_.end() || at->second.empty()) return {};
      if (write.kind == env::WriteKind::insert && at->second.back().second)
        return fail(Code::exists, "the key exists", {}, write.key);
      if (at->second.back().first > read_ts_) return fail(Code::conflict, "another transaction wrote the key");
      return {};
    }

    MemoryKv& kv_;
    Timestamp read_ts_;
    std::vector<env::KeySpan> read_spans_;
    std::vector<env::ReadTrace>* trace_ = nullptr;
    bool over_ = false;
  };

  static const Bytes* visible(const Versions& versions, Timestamp at) {
    for (auto version = versions.rbegin(); version != versions.rend(); ++version)
      if (version->first <= at) return version->second ? &*version->second : nullptr;
    return nullptr;
  }
  Data::const_iterator end_of(const env::KeySpan& span) const {
    if (span.end.empty()) return data_.end();
    return data_.lower_bound(std::max(span.end, span.start));
  }
  bool newer_than(const env::KeySpan& span, Timestamp at) const {
    for (auto row = data_.lower_bound(span.start); row != end_of(span); ++row)
      if (!row->second.empty() && row->second.back().first > at) return true;
    return false;
  }
  /// A page in the making.
  struct Given {
    const env::ScanRequest& request;
    std::optional<codec::Selector> selector = {};
    env::ScanPage page = {};
    size_t bytes = 0;

    bool totals() const { return selector && selector->has_totals(); }
    bool full() const { return (totals() ? selector->groups() : page.rows.size()) >= request.rows_max || bytes >= request.bytes_max; }
    void give(const Bytes& key, BytesView value) {
      if (selector) {
        const auto wanted = selector->take(key, value);
        if (!wanted || !*wanted) return;
        value = **wanted;
      }
      bytes += key.size() + value.size();
      page.rows.push_back({key, Bytes{value}});
    }
    env::ScanPage take() {
      if (totals()) page.rows = selector->take_groups();
      return std::move(page);
    }
  };
  void scan_up(const env::ScanRequest& request, Timestamp at, Given& given) const {
    const auto end = end_of(request.span);
    for (auto row = data_.lower_bound(request.span.start); row != end; ++row) {
      const Bytes* value = visible(row->second, at);
      if (value == nullptr) continue;
      if (given.full()) {
        given.page.rest = env::KeySpan{row->first, request.span.end};
        break;
      }
      given.give(row->first, *value);
    }
  }
  void scan_down(const env::ScanRequest& request, Timestamp at, Given& given) const {
    auto row = end_of(request.span);
    const auto start = data_.lower_bound(request.span.start);
    while (row != start) {
      --row;
      const Bytes* value = visible(row->second, at);
      if (value == nullptr) continue;
      if (given.full()) {
        Bytes after = row->first;
        after.push_back('\0');
        given.page.rest = env::KeySpan{request.span.start, after};
        break;
      }
      given.give(row->first, *value);
    }
  }
  static env::KeySpan covered(const env::ScanRequest& request, const env::ScanPage& page) {
    if (!page.rest) return request.span;
    if (request.reverse) return {page.rest->end, request.span.end};
    return {request.span.start, page.rest->start};
  }

  mutable std::mutex mutex_;
  Data data_;
  uint64_t clock_ = 1;
  Counters counters_;
};

}  // namespace ddb::test
