// ALTER TABLE ... ADD PRIMARY KEY, which SQLite does not have: how it reads, and what the table's text becomes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/schema.hpp"

namespace ddb::sql {

/// ALTER TABLE [main.]table ADD [CONSTRAINT name] PRIMARY KEY (columns)
struct AddPrimaryKey {
  std::string table;
  std::string constraint;            // from CONSTRAINT, or PRIMARY, to the end
  std::vector<std::string> columns;  // in order; COLLATE, ASC and DESC left out
};

/// nullopt: it is another statement.
std::optional<AddPrimaryKey> parse_add_primary_key(std::string_view ddl);

/// The descriptor of a table that has no primary key yet as it is to be once its rows are clustered by one, its rows and
/// indexes under ids that nobody has used, drawn from `next_id`. Columns keep their ids, rows their rowids: an INTEGER
/// column becomes an INT, or its values would be the rowids.
/// Errors: failed, refused, and SQLite's word on the constraint.
Result<Table> clustered_by(const AddPrimaryKey& key, const Schema& schema, uint64_t& next_id);

}  // namespace ddb::sql
