#include "range/transaction_record.hpp"

#include <fmt/format.h>

#include "codec/archive.hpp"
#include "codec/checked.hpp"
#include "mvcc/key.hpp"

namespace ddb::range {

namespace {

std::unexpected<Error> damaged(BytesView key) {
  return fail(Code::bad_data, fmt::format("the transaction record at {} is damaged", to_hex(key)),
              "replace this replica: others have the record");
}

}  // namespace

Bytes transaction_key(BytesView anchor, Timestamp id) { return mvcc::version_key(mvcc::encode_key(anchor), id); }

Bytes encode_record(BytesView key, const TransactionRecord& record) { return codec::seal(key, codec::encode(record)); }

Result<std::optional<TransactionRecord>> read_record(env::State& state, BytesView key) {
  const auto value = state.get(env::Table::txn, key);
  if (!value) return std::nullopt;
  const auto payload = codec::unseal(key, *value);
  if (!payload) return damaged(key);
  auto record = codec::decode<TransactionRecord>(*payload);
  if (!record) return damaged(key);
  return *std::move(record);
}

std::vector<env::KeyValue> find_old_records(env::State& state, const env::KeySpan& span, Timestamp threshold,
                                            uint32_t records_max) {
  std::vector<env::KeyValue> found;
  const env::KeySpan stored = mvcc::stored_span(span);
  const auto cursor = state.cursor(env::Table::txn);
  for (bool on = cursor->seek(stored.start); on && found.size() < records_max; on = cursor->next()) {
    if (!env::contains(stored, cursor->key())) break;
    const auto payload = codec::unseal(cursor->key(), cursor->value());
    const auto record = payload ? codec::decode<TransactionRecord>(*payload) : Result<TransactionRecord>{damaged(cursor->key())};
    if (record && record->resolved && record->c0 <= threshold) found.push_back({Bytes{cursor->key()}, Bytes{cursor->value()}});
  }
  return found;
}

}  // namespace ddb::range
