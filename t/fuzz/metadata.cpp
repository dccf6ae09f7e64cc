// What the oracle's log and its metadata hold: commands, nodes, ranges, the schema.
#include "fuzz/example.hpp"
#include "oracle/command.hpp"
#include "oracle/founding.hpp"
#include "proto/meta_keys.hpp"
#include "range/record.hpp"
#include "sql/schema.hpp"

using namespace ddb;

namespace {

template <class Use>
void for_each_kind(const Use& use) {
  use.template operator()<oracle::Command>();
  use.template operator()<oracle::FoundingState>();
  use.template operator()<proto::NodeInfo>();
  use.template operator()<proto::RangeInfo>();
  use.template operator()<range::ReplicaRecord>();
  use.template operator()<sql::Table>();
  use.template operator()<sql::View>();
  use.template operator()<sql::Trigger>();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for_each_kind([&]<class T>() { fuzz::check_message<T>(fuzz::view(data, size)); });
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  for_each_kind([&]<class T>() { add_examples<T>(seeds, 16); });
  return seeds;
}
