#include "range/record.hpp"

namespace ddb::range {

Bytes record_key(RangeId range) {
  Bytes key{record_prefix};
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(range.value >> shift));
  return key;
}

}  // namespace ddb::range
