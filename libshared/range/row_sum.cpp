#include "range/row_sum.hpp"

#include "base/assert.hpp"
#include "base/rule.hpp"
#include "codec/checked.hpp"
#include "range/row_hash.hpp"

namespace ddb::range {

void RowSum::add(const env::WriteBatch& rows) {
  for (const env::StateOp& row : rows.ops) {
    DDB_ASSERT(row.value.has_value());
    if (row.table == env::Table::range) {
      records[row.key] = *row.value;
      continue;
    }
    hash += row_hash(row.key, *row.value);
    if (codec::unseal(row.key, *row.value) || !DDB_KEEPS("H1.crc")) continue;
    if (damaged++ == 0) first = row.key;
  }
}

}  // namespace ddb::range
