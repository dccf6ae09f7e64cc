// What the oracle's log and its metadata hold: commands, nodes, ranges, the schema.
#include "fuzz/example.hpp"
#include "oracle/command.hpp"
#include "oracle/founding.hpp"
#include "proto/meta_keys.hpp"
#include "range/record.hpp"
#include "sql/schema.hpp"

using namespace ddb;

using Decoded = fuzz::Kinds<oracle::Command, oracle::FoundingState, proto::NodeInfo, proto::RangeInfo,
                            range::ReplicaRecord, sql::Table, sql::View, sql::Trigger>;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { return Decoded::check(fuzz::view(data, size)); }

std::vector<Bytes> fuzz::seeds() { return Decoded::examples(); }
