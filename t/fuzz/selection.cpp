// What gateways ask ranges to select, and rows under it.
#include "codec/selection.hpp"

#include "codec/archive.hpp"
#include "fuzz/example.hpp"

using namespace ddb;

namespace {

/// Bytes that are half a selection and half rows: whatever comes out is a row, or a group.
void select(codec::Selector& selector, BytesView key, BytesView row) {
  const auto taken = selector.take(key, row);
  if (taken && *taken) {
    codec::RowReader reader;
    DDB_ASSERT(!selector.has_totals());
    (void)reader.open(**taken);
  }
  for (const auto& group : selector.take_groups()) {
    codec::RowReader reader;
    DDB_ASSERT(reader.open(group.key).has_value());
    DDB_ASSERT(reader.open(group.value).has_value());
  }
}

Bytes some_row(int64_t number) {
  const codec::ValueView cells[] = {{}, number, std::string_view{"text"}, 1.5, {}};
  return codec::encode_row(1, cells);
}
Bytes some_key(int64_t number) {
  Bytes key;
  codec::append_key_prefix(key, 7, 0);
  codec::append_key_part(key, number);
  return key;
}

codec::SelectStep compare(codec::SelectOp op, int64_t with) {
  codec::SelectStep step{.op = op, .column = 1, .collation = codec::Collation::nocase, .parts = {Bytes{}}};
  codec::append_key_part(step.parts.front(), with);
  return step;
}

codec::Selection about_rows() {
  codec::Selection selection;
  selection.key = {{.descending = false, .real = true}};
  selection.columns = {{.cell = 0, .part = 0, .missing = {}}, {.cell = 1, .part = {}, .missing = some_row(1)}, {.cell = 9, .part = {}, .missing = {}}};
  selection.condition = {compare(codec::SelectOp::lt, 5), compare(codec::SelectOp::in, 7), {.op = codec::SelectOp::either},
                         {.op = codec::SelectOp::is_null, .column = 2}, {.op = codec::SelectOp::both}};
  return selection;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView bytes = fuzz::view(data, size);
  fuzz::check_message<codec::Selection>(bytes);
  auto selector = codec::Selector::open(bytes);
  if (selector) {
    for (int64_t number = 0; number < 9; ++number) select(*selector, some_key(number), some_row(number));
    select(*selector, bytes, bytes);
  }
  auto sound = codec::Selector::open(about_rows());
  DDB_ASSERT(sound.has_value());
  select(*sound, bytes.substr(0, size / 2), bytes.substr(size / 2));
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  codec::Selection selection = about_rows();
  seeds.push_back(codec::encode(selection));
  selection.cells = {0, 2, 3};
  seeds.push_back(codec::encode(selection));
  selection.cells.reset();
  selection.totals = {{.total = codec::SelectTotal::rows}, {.total = codec::SelectTotal::sum, .column = 1}, {.total = codec::SelectTotal::max, .column = 0}};
  selection.group_by = {1};
  seeds.push_back(codec::encode(selection));
  seeds.push_back(some_key(3) + some_row(3));
  add_examples<codec::Selection>(seeds, 16);
  return seeds;
}
