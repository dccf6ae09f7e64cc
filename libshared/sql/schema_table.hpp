// "$schema": sqlite_schema as the gateway knows it.
#pragma once

#include "sql/read_context.hpp"

struct sqlite3;

namespace ddb::sql {

/// Registers the eponymous table on the context's connection; it shows context->schema. Borrows the context.
int register_schema_table(ReadContext* context);

}  // namespace ddb::sql
