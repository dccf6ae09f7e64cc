#include "txn/ranges.hpp"

#include <map>

namespace ddb::txn {

namespace {

bool ends_before(BytesView end, BytesView other) { return !end.empty() && (other.empty() || end < other); }

class Cutter {
 public:
  explicit Cutter(const Ranges& ranges) : ranges_{ranges} {}

  Part& part_of(BytesView key) {
    env::KeySpan range = ranges_.range_of(key);
    Part& part = parts_[range.start];
    part.range = std::move(range);
    return part;
  }

  void add(env::KeySpan span) {
    for (;;) {
      Part& part = part_of(span.start);
      if (!ends_before(part.range.end, span.end)) return part.read_spans.push_back(std::move(span));
      part.read_spans.push_back({span.start, part.range.end});
      span.start = part.range.end;
    }
  }

  std::vector<Part> take() {
    std::vector<Part> out;
    for (auto& [start, part] : parts_) out.push_back(std::move(part));
    return out;
  }

 private:
  const Ranges& ranges_;
  std::map<Bytes, Part> parts_;
};

}  // namespace

std::vector<Part> cut(const Ranges& ranges, const std::vector<env::Write>& writes,
                      const std::vector<env::KeySpan>& read_spans) {
  Cutter cutter{ranges};
  for (const env::Write& write : writes) cutter.part_of(write.key).writes.push_back(write);
  for (const env::KeySpan& span : read_spans) cutter.add(span);
  return cutter.take();
}

std::vector<std::vector<Bytes>> cut(const Ranges& ranges, const std::vector<Bytes>& keys) {
  std::map<Bytes, std::vector<Bytes>> groups;
  for (const Bytes& key : keys) groups[ranges.range_of(key).start].push_back(key);
  std::vector<std::vector<Bytes>> out;
  for (auto& [start, group] : groups) out.push_back(std::move(group));
  return out;
}

}  // namespace ddb::txn
