// Segments and batches of a store's log, and the records in them.
#include "fuzz/example.hpp"
#include "proto/log.hpp"
#include "wal/format.hpp"

using namespace ddb;

namespace {

constexpr wal::BatchPlace place{StoreId{1}, 7, 0};

/// Any records, sealed as a batch, are found whole (W1), but nowhere else.
void check_batch(BytesView records) {
  Bytes batch(wal::batch_header_bytes, '\0');
  batch.append(records);
  wal::seal_batch(batch, place, BatchNumber{3});
  const auto found = wal::find_batch(batch, place);
  DDB_ASSERT(found.has_value());
  DDB_ASSERT(found->records == records);
  DDB_ASSERT(found->end == batch.size());
  DDB_ASSERT(!wal::find_batch(batch, {StoreId{1}, 8, 0}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView bytes = fuzz::view(data, size);
  if (const auto header = wal::decode_header(bytes)) DDB_ASSERT(wal::decode_header(wal::encode(*header)) == *header);
  (void)wal::find_batch(bytes, place);
  check_batch(bytes);
  fuzz::check_message<std::vector<proto::LogRecord>>(bytes);
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  add_examples<std::vector<proto::LogRecord>>(seeds, 32);
  Bytes batch = Bytes(wal::batch_header_bytes, '\0') + seeds.front();
  wal::seal_batch(batch, place, BatchNumber{3});
  seeds.push_back(std::move(batch));
  seeds.push_back(wal::encode(wal::SegmentHeader{.store = StoreId{1}, .number = 7, .previous_end = 0, .first_batch = BatchNumber{3},
                                                 .proven_end = 4096, .size = 1 << 20}));
  return seeds;
}
