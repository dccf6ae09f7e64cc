// The schema in the metadata store: one key per object, one for the version, which every change compares and sets.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "env/kv.hpp"
#include "env/meta.hpp"
#include "sql/schema.hpp"

namespace ddb::sql {

struct StoredSchema {
  Schema schema;
  Revision revision;  // of schema/version; zero: there is none yet
};

class SchemaStore {
 public:
  explicit SchemaStore(env::Meta& meta) : meta_{meta} {}

  /// All of it, at one revision. bad_data names the key.
  Result<StoredSchema> load();
  /// Revision of schema/version, to tell whether a load is due.
  Result<Revision> revision();

  /// Writes what differs, if nobody wrote since `before` was loaded; zero: somebody did. `dropped`: spans that the
  /// change makes unreachable. The stores clear them once no gateway uses the old version, and no reader (H3).
  Result<Revision> save(const StoredSchema& before, const Schema& after, const std::vector<env::KeySpan>& dropped);

  /// A dropped table's leased rowids.
  Result<void> forget_row_ids(uint64_t table);

  /// Numbers that belong to the whole database, as PRAGMA user_version; zero until they are set. Last writer wins.
  Result<int64_t> number(std::string_view name);
  Result<void> set_number(std::string_view name, int64_t value);

  static constexpr const char* version_key = "schema/version";

 private:
  Result<Revision> settle(const Schema& after);

  env::Meta& meta_;
};

}  // namespace ddb::sql
