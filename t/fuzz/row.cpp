// Rows, cell by cell.
#include "codec/row.hpp"

#include "fuzz/fuzz.hpp"

using namespace ddb;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  codec::RowReader reader;
  if (!reader.open(fuzz::view(data, size))) return 0;
  // A cell reads the same however it is come by, and does not lie behind the row.
  std::vector<codec::ValueView> cells;
  for (uint32_t id = 0; id < reader.cells(); ++id) {
    const auto cell = reader.cell(id);
    if (!cell) return 0;
    cells.push_back(*cell);
  }
  const Bytes again = codec::encode_row(reader.version(), cells);
  codec::RowReader other;
  DDB_ASSERT(other.open(again).has_value());
  DDB_ASSERT(other.version() == reader.version());
  DDB_ASSERT(other.cells() == reader.cells());
  for (uint32_t id = other.cells(); id > 0; --id) {
    const auto cell = other.cell(id - 1);
    DDB_ASSERT(cell.has_value());
  }
  DDB_ASSERT(codec::is_null(other.cell(other.cells()).value()));
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  const std::vector<codec::ValueView> cells{codec::ValueView{}, int64_t{7}, int64_t{-70'000}, int64_t{1} << 60, 0.5,
                                            std::string_view{"text"}, codec::BlobView{"blob"}};
  const Bytes long_text(300, 'x');
  return {codec::encode_row(1, cells), codec::encode_row(70'000, {}),
          codec::encode_row(3, std::vector<codec::ValueView>(20, std::string_view{long_text}))};
}
