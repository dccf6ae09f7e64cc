// What clients, ranges and oracles say to each other, and what a range writes into its Raft log.
#include "fuzz/example.hpp"
#include "proto/admin.hpp"
#include "proto/oracle.hpp"
#include "proto/raft.hpp"
#include "proto/range.hpp"
#include "range/data_command.hpp"

using namespace ddb;

using Decoded = fuzz::Kinds<proto::RaftMessage, proto::RangeRequest, proto::RangeReply, proto::OracleRequest,
                            proto::OracleReply, proto::AdminRequest, proto::AdminReply, proto::ConfigChange,
                            range::DataCommand>;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { return Decoded::check(fuzz::view(data, size)); }

std::vector<Bytes> fuzz::seeds() { return Decoded::examples(); }
