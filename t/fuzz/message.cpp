// What clients, ranges and oracles say to each other, and what a range writes into its Raft log.
#include "fuzz/example.hpp"
#include "proto/admin.hpp"
#include "proto/oracle.hpp"
#include "proto/raft.hpp"
#include "proto/range.hpp"
#include "range/data_command.hpp"

using namespace ddb;

namespace {

template <class Use>
void for_each_kind(const Use& use) {
  use.template operator()<proto::RaftMessage>();
  use.template operator()<proto::RangeRequest>();
  use.template operator()<proto::RangeReply>();
  use.template operator()<proto::OracleRequest>();
  use.template operator()<proto::OracleReply>();
  use.template operator()<proto::AdminRequest>();
  use.template operator()<proto::AdminReply>();
  use.template operator()<proto::ConfigChange>();
  use.template operator()<range::DataCommand>();
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
