#include "codec/row.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "env/random.hpp"

using namespace ddb;
using codec::Blob;
using codec::Value;
using codec::ValueView;

namespace {

std::vector<ValueView> views(const std::vector<Value>& values) {
  std::vector<ValueView> all;
  for (const auto& value : values) all.push_back(codec::to_view(value));
  return all;
}

const std::vector<Value> samples = {
    {}, int64_t{0}, int64_t{-1}, int64_t{-32}, int64_t{-33}, int64_t{127}, int64_t{128}, int64_t{-129}, int64_t{65536},
    int64_t{-40'000}, int64_t{1} << 40, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(),
    1.0, -0.0, 0.1, std::numeric_limits<double>::infinity(), 5e-324,
    std::string{}, std::string{"a\0b", 3}, std::string(31, 'x'), std::string(32, 'x'), std::string(300, 'x'), std::string(70'000, 'x'),
    std::string{"\xff\xfe"}, Blob{}, Blob{Bytes(255, '\0')}, Blob{Bytes(256, 'b')}, Blob{Bytes(70'000, 'b')}};

}  // namespace

TEST_CASE("every value comes back with its class and its bits") {
  const Bytes row = codec::encode_row(77, views(samples));
  codec::RowReader reader;
  REQUIRE(reader.open(row));
  CHECK(reader.version() == 77);
  CHECK(reader.cells() == samples.size());
  for (uint32_t id = 0; id < samples.size(); ++id) {
    const auto cell = reader.cell(id);
    REQUIRE(cell);
    CHECK_MESSAGE(codec::identical(*cell, codec::to_view(samples[id])), "cell " << id);
  }
}

TEST_CASE("cells are read in any order, and a reader is opened again") {
  codec::RowReader reader;
  Random random{5};
  for (int round = 0; round < 200; ++round) {
    std::vector<Value> values;
    for (uint64_t n = random.below(20); n > 0; --n) values.push_back(samples[random.below(samples.size())]);
    const Bytes row = codec::encode_row(static_cast<uint64_t>(round), views(values));
    REQUIRE(reader.open(row));
    for (int i = 0; i < 10 && !values.empty(); ++i) {
      const auto id = static_cast<uint32_t>(random.below(values.size()));
      CHECK(codec::identical(*reader.cell(id), codec::to_view(values[id])));
    }
  }
}

TEST_CASE("a cell that is not there is NULL, and tells") {
  const Bytes row = codec::encode_row(1, views({int64_t{5}}));
  codec::RowReader reader;
  REQUIRE(reader.open(row));
  CHECK(reader.cells() == 1);
  CHECK(codec::is_null(*reader.cell(1)));
}

TEST_CASE("damaged rows are refused at every cut") {
  const Bytes row = codec::encode_row(1, views({int64_t{500}, std::string{"abc"}, 1.5, Blob{"xyz"}}));
  for (size_t size = 0; size < row.size(); ++size) {
    codec::RowReader reader;
    bool refused = !reader.open(BytesView{row}.substr(0, size));
    for (uint32_t id = 0; !refused && id < 4; ++id) refused = !reader.cell(id);
    CHECK_MESSAGE(refused, "cut at " << size);
  }
}

TEST_CASE("noise is refused or read, never out of bounds") {
  Random random{9};
  for (int i = 0; i < 50'000; ++i) {
    Bytes noise{static_cast<char>(0x90 + random.below(16))};
    for (uint64_t n = random.below(24); n > 0; --n) noise.push_back(static_cast<char>(random.next()));
    codec::RowReader reader;
    if (!reader.open(noise)) continue;
    for (uint32_t id = 0; id < reader.cells(); ++id) (void)reader.cell(id);
  }
}
