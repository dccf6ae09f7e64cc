#include "leftovers.hpp"

#include "codec/archive.hpp"
#include "codec/checked.hpp"
#include "env/span.hpp"
#include "mvcc/key.hpp"
#include "range/transaction_record.hpp"

namespace sim {

using ddb::env::Table;

std::string left_by_transactions(ddb::env::State& rows) {
  if (const auto locks = rows.cursor(Table::lock); locks->seek({})) return "a lock is left at " + ddb::to_hex(locks->key());
  const auto records = rows.cursor(Table::txn);
  for (bool on = records->seek({}); on; on = records->next()) {
    const auto payload = ddb::codec::unseal(records->key(), records->value());
    const auto record = payload ? ddb::codec::decode<ddb::range::TransactionRecord>(*payload) : ddb::Result<ddb::range::TransactionRecord>{ddb::fail(ddb::Code::bad_data, "damaged")};
    if (!record || !record->resolved) return "a transaction record is left at " + ddb::to_hex(records->key());
  }
  return {};
}

bool is_left(ddb::env::State& rows, const ddb::env::KeySpan& span) {
  const auto stored = ddb::mvcc::stored_span(span);
  for (const Table table : {Table::data, Table::lock}) {
    const auto cursor = rows.cursor(table);
    if (cursor->seek(stored.start) && ddb::env::contains(stored, cursor->key())) return true;
  }
  return false;
}

}  // namespace sim
