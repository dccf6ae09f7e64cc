#include "gateway/named_txn.hpp"

#include <utility>

#include "codec/archive.hpp"
#include "codec/key.hpp"

namespace ddb::gateway {

namespace {

constexpr int attempts_max = 10;  // of a marker's change that meets conflicts

struct Marker {
  uint8_t outcome = 0;
  Timestamp since;

  static constexpr auto fields() { return std::tuple{&Marker::outcome, &Marker::since}; }
};

Bytes marker_key(std::string_view name) {
  Bytes key;
  codec::append_key_prefix(key, codec::system_table, codec::transaction_names);
  codec::append_key_part(key, name);
  return key;
}

env::Write insert_marker(std::string_view name, const KnownOutcome& known) {
  return {env::WriteKind::insert, marker_key(name), codec::encode(Marker{static_cast<uint8_t>(known.outcome), known.since})};
}

Result<KnownOutcome> decode_marker(BytesView value) {
  const auto marker = codec::decode<Marker>(value);
  if (!marker) return std::unexpected(marker.error());
  const Outcome outcome{marker->outcome};
  if (outcome != Outcome::committed && outcome != Outcome::aborted) return fail(Code::bad_data, "a transaction's marker is damaged");
  return KnownOutcome{outcome, marker->since};
}

Result<NameLookup> look(env::KvTxn& txn, std::string_view name) {
  const Bytes key = marker_key(name);
  const auto values = txn.get({&key, 1});
  if (!values) return std::unexpected(values.error());
  NameLookup lookup{.known = {}, .read_ts = txn.read_ts()};
  if (values->front()) {
    const auto known = decode_marker(*values->front());
    if (!known) return std::unexpected(known.error());
    lookup.known = *known;
  }
  return lookup;
}

}  // namespace

Result<void> check_txn_name(std::string_view name) {
  if (!name.empty() && name.size() <= txn_name_bytes_max) return {};
  return fail(Code::usage, "a transaction's name has 1 to " + std::to_string(txn_name_bytes_max) + " bytes");
}

Result<NameLookup> find_outcome(env::Kv& kv, std::string_view name) {
  const auto txn = kv.begin({});
  if (!txn) return std::unexpected(txn.error());
  return look(**txn, name);
}

Result<KnownOutcome> settle_outcome(env::Kv& kv, std::string_view name) {
  for (int attempt = 1;; ++attempt) {
    const auto txn = kv.begin({});
    if (!txn) return std::unexpected(txn.error());
    const auto lookup = look(**txn, name);
    if (!lookup) return std::unexpected(lookup.error());
    if (lookup->known) return *lookup->known;
    const KnownOutcome aborted{Outcome::aborted, lookup->read_ts};
    const auto closed = (*txn)->commit({insert_marker(name, aborted)});
    if (closed) return aborted;
    const bool overtaken = closed.error().code == Code::conflict || closed.error().code == Code::exists;
    if (!overtaken || attempt == attempts_max) return std::unexpected(closed.error());
  }
}

Result<void> forget_outcome(env::Kv& kv, std::string_view name) {
  const auto txn = kv.begin({});
  if (!txn) return std::unexpected(txn.error());
  const auto erased = (*txn)->commit({{env::WriteKind::erase, marker_key(name), {}}});
  return erased ? Result<void>{} : std::unexpected(erased.error());
}

class NamedKv::Txn final : public env::KvTxn {
 public:
  Txn(NamedKv& named, std::unique_ptr<env::KvTxn> txn) : named_{named}, txn_{std::move(txn)} {}

  Timestamp read_ts() const override { return txn_->read_ts(); }
  Result<std::vector<std::optional<Bytes>>> get(std::span<const Bytes> keys) override { return txn_->get(keys); }
  Result<std::optional<Bytes>> get_for_update(const Bytes& key) override { return txn_->get_for_update(key); }
  Result<env::ScanPage> scan(const env::ScanRequest& request) override { return txn_->scan(request); }
  void leave(const env::KeySpan& rest) override { txn_->leave(rest); }
  void trace(std::vector<env::ReadTrace>* to) override { txn_->trace(to); }

  Result<Timestamp> commit(std::vector<env::Write> writes) override {
    writes.push_back(named_.marker_);
    auto committed = txn_->commit(std::move(writes));
    named_.committed_ = committed.has_value();
    if (committed) return committed;
    Error& error = committed.error();
    if (error.code == Code::exists && error.detail == named_.marker_.key)
      return fail(Code::refused, "transaction " + named_.name_ + " has an outcome already", "ask for it with ddb-route outcome");
    if (error.code == Code::unknown_outcome) error.hint = "run it again with the same --txn-id, or ask ddb-route outcome";
    return committed;
  }

 private:
  NamedKv& named_;
  std::unique_ptr<env::KvTxn> txn_;
};

NamedKv::NamedKv(env::Kv& kv, std::string_view name, Timestamp since)
    : kv_{kv}, name_{name}, marker_{insert_marker(name, {Outcome::committed, since})} {}

Result<std::unique_ptr<env::KvTxn>> NamedKv::begin(const env::TxnOptions& options) {
  auto txn = kv_.begin(options);
  if (!txn) return txn;
  return std::make_unique<Txn>(*this, *std::move(txn));
}

Result<void> NamedKv::finish() {
  if (committed_) return {};
  const auto txn = begin({});
  if (!txn) return std::unexpected(txn.error());
  const auto done = (*txn)->commit({});
  return done ? Result<void>{} : std::unexpected(done.error());
}

}  // namespace ddb::gateway
