#include "lmdb/record.hpp"

#include "codec/archive.hpp"
#include "codec/crc.hpp"

namespace ddb::lmdb {

namespace {

constexpr BytesView record_key = "store";

/// The record, protected: LMDB pages carry no checksum.
struct Sealed {
  uint32_t crc = 0;
  Bytes record;

  static constexpr auto fields() { return std::tuple{&Sealed::crc, &Sealed::record}; }
};

std::unexpected<Error> damaged() {
  return fail(Code::bad_data, "the state's record of its store is damaged",
              "replace the store by an empty one and let it be rebuilt");
}

}  // namespace

Result<std::optional<StoreRecord>> load(const Environment& env) {
  const auto txn = ReadTxn::begin(env);
  if (!txn) return std::unexpected(txn.error());
  const auto bytes = txn->get(env.store_table(), record_key);
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return std::nullopt;
  const auto sealed = codec::decode<Sealed>(**bytes);
  if (!sealed || sealed->crc != codec::crc32c(sealed->record)) return damaged();
  auto record = codec::decode<StoreRecord>(sealed->record);
  if (!record) return damaged();
  if (record->format != store_format)
    return fail(Code::refused, "the store has format " + std::to_string(record->format) + ", not " +
                                   std::to_string(store_format), "use the version of ddb that wrote it");
  return std::move(*record);
}

Result<void> save(const Environment& env, WriteTxn& txn, const StoreRecord& record) {
  Sealed sealed{.crc = 0, .record = codec::encode(record)};
  sealed.crc = codec::crc32c(sealed.record);
  return txn.put(env.store_table(), record_key, codec::encode(sealed));
}

}  // namespace ddb::lmdb
