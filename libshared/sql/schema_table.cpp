#include "sql/schema_table.hpp"

#include <sqlite3.h>

#include "sql/list_table.hpp"

namespace ddb::sql {

int register_schema_table(ReadContext* context) {
  return register_list_table(context->db, "$schema", "CREATE TABLE x(type TEXT, name TEXT, tbl_name TEXT, rootpage INT, sql TEXT)",
                             [context]() -> Result<ListRows> {
                               ListRows rows;
                               if (!context->schema) return rows;
                               for (SchemaRow& row : schema_rows(*context->schema)) {
                                 rows.push_back({std::move(row.type), std::move(row.name), std::move(row.tbl_name),
                                                 static_cast<int64_t>(row.id), row.sql ? codec::Value{*std::move(row.sql)} : codec::Value{}});
                               }
                               return rows;
                             });
}

}  // namespace ddb::sql
