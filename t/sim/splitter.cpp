#include "splitter.hpp"

#include "client/range_map.hpp"
#include "codec/archive.hpp"
#include "env/span.hpp"

namespace sim {

namespace {

constexpr uint64_t ranges_max = 130;  // of which a run begins with some

/// Within the keys of some workload.
ddb::Bytes draw_key(World& world) {
  static constexpr std::string_view letters = "aklrs";
  return ddb::Bytes{letters[world.random().below(letters.size())]} + static_cast<char>('0' + world.random().below(10));
}

}  // namespace

void Splitter::begin() {
  if (ended_) return;
  world_.after(world_.between(100ms, 4s), [this] {
    if (ended_ || last_range_ >= ranges_max) return;
    split();
    begin();
  });
}

void Splitter::split() {
  const ddb::Bytes key = draw_key(world_);
  for (const auto& process : processes_) {
    if (process->is_oracle() || !process->serving()) continue;
    for (const auto& replica : process->core()->status().replicas) {
      const auto& range = replica.descriptor;
      const bool leads = replica.leader == replica.replica && ddb::env::contains(range.span, key);
      if (!range.id || !leads || range.span.start == key) continue;
      const ddb::proto::RangeRequest request{range.epoch, ddb::proto::SplitRequest{key, ddb::RangeId{++last_range_}}};
      network_.send(self_, process->endpoint(), ddb::proto::ClientRequest{++requests_, range.id, ddb::codec::encode(request)});
      return;
    }
  }
}

}  // namespace sim
