#include "range/record.hpp"

namespace ddb::range {

proto::Config config_of(const proto::RangeDescriptor& descriptor) {
  proto::Config config;
  for (const auto& replica : descriptor.replicas) {
    (replica.role == proto::ReplicaRole::voter ? config.voters : config.learners).push_back(replica.id);
  }
  return config;
}

ReplicaRecord initial_record(const proto::RangeDescriptor& descriptor, ReplicaId replica) {
  ReplicaRecord record;
  record.descriptor = descriptor;
  record.replica = replica;
  record.hard = {initial_base.term, {}, initial_base.index};
  record.base = initial_base;
  record.base_config = config_of(descriptor);
  record.applied = initial_base;
  return record;
}

Bytes record_key(RangeId range) {
  Bytes key{record_prefix};
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(range.value >> shift));
  return key;
}

}  // namespace ddb::range
