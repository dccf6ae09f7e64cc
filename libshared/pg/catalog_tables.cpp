// What clients read about the schema: rows of pg_class and its like, as far as psql and drivers look.
#include <algorithm>

#include "pg/catalog.hpp"
#include "pg/types.hpp"
#include "sql/query.hpp"

namespace ddb::pg {

namespace {

using codec::Value;
using sql::Schema;
using Rows = std::vector<CatalogRow>;

constexpr int64_t catalog_namespace = 11;
constexpr int64_t public_namespace = 2200;
constexpr int64_t information_namespace = 13000;
constexpr int64_t owner = 10;
constexpr int64_t heap = 2;
constexpr int64_t btree = 403;
constexpr int64_t database = 5;

Value text(std::string_view value) { return std::string{value}; }
Value number(int64_t value) { return value; }
Value boolean(bool value) { return int64_t{value}; }
Value null() { return {}; }

/// pg_class has many columns: this is a row with what differs.
CatalogRow relation(int64_t oid, std::string_view name, std::string_view kind, int64_t method, size_t columns, bool has_index, bool has_triggers) {
  return {number(oid), text(name), number(public_namespace), number(0), number(0), number(owner), number(method), number(0), number(0), number(0),
          number(-1), number(0), number(0), boolean(has_index), boolean(false), text("p"), text(kind), number(static_cast<int64_t>(columns)), number(0),
          boolean(false), boolean(has_triggers), boolean(false), boolean(false), boolean(false), boolean(true), text("d"), boolean(false), null(), null(), null()};
}

Rows pg_class(const Environment&, const Schema& schema, sqlite3*) {
  Rows out;
  for (const auto& [id, table] : schema.tables) {
    const auto indexes = indexes_of(table);
    out.push_back(relation(oid_of(id), table.name, "r", heap, table.columns.size(), !indexes.empty(), !schema.triggers_of(table.name).empty()));
    for (const IndexView& index : indexes) out.push_back(relation(index.oid, index.name, "i", btree, index.columns.size(), false, false));
  }
  for (const auto& [id, view] : schema.views) out.push_back(relation(oid_of(id), view.name, "v", 0, 0, false, false));
  return out;
}

Rows pg_namespace(const Environment&, const Schema&, sqlite3*) {
  const auto row = [](int64_t oid, std::string_view name) { return CatalogRow{number(oid), text(name), number(owner), null()}; };
  return {row(catalog_namespace, "pg_catalog"), row(public_namespace, "public"), row(information_namespace, "information_schema")};
}

/// A column as the catalogs see it, of a table or view.
struct Attribute {
  int64_t relation = 0;
  std::string_view relation_name;
  std::string name;
  std::string type;
  int64_t position = 0;  // from 1
  bool not_null = false;
  std::string default_sql;
  std::string_view generated;  // "s", or empty
};

/// SQLite knows what columns a view has.
std::vector<Attribute> attributes_of(const sql::View& view, sqlite3* db) {
  std::vector<Attribute> out;
  const auto query = sql::Query::prepare(db, "PRAGMA table_info(" + sql::quote_name(view.name) + ")");
  if (!query) return out;
  while (query->step() == 100) {  // SQLITE_ROW
    out.push_back({.relation = oid_of(view.id), .relation_name = view.name, .name = query->text(1), .type = query->text(2),
                   .position = query->integer(0) + 1, .default_sql = {}, .generated = {}});
  }
  return out;
}

std::vector<Attribute> attributes_of(const sql::Table& table) {
  std::vector<Attribute> out;
  for (const sql::Column& column : table.columns) {
    const bool key = std::ranges::any_of(table.primary_key, [&](const sql::KeyColumn& part) { return part.column == column.id; });
    out.push_back({.relation = oid_of(table.id), .relation_name = table.name, .name = column.name, .type = column.type,
                   .position = static_cast<int64_t>(out.size()) + 1,
                   .not_null = column.not_null || (key && (table.rowid_alias == column.id || !table.has_rowid())),
                   .default_sql = column.default_sql, .generated = column.generated == sql::Generated::no ? "" : "s"});
  }
  return out;
}

std::vector<Attribute> all_attributes(const Schema& schema, sqlite3* db) {
  std::vector<Attribute> out;
  for (const auto& [id, table] : schema.tables) std::ranges::copy(attributes_of(table), std::back_inserter(out));
  for (const auto& [id, view] : schema.views) std::ranges::copy(attributes_of(view, db), std::back_inserter(out));
  return out;
}

/// The type that clients are told for a declaration: text when there is none.
DeclaredType shown_type(std::string_view declared) {
  const DeclaredType type = declared_type(declared);
  return type.oid == oid::unknown ? DeclaredType{oid::text, -1} : type;
}

Rows pg_attribute(const Environment&, const Schema& schema, sqlite3* db) {
  Rows out;
  const auto add = [&](int64_t relation, std::string_view name, DeclaredType type, int64_t position, bool not_null, bool has_default, std::string_view generated) {
    out.push_back({number(relation), text(name), number(type.oid), number(-1), number(type_of(type.oid).size), number(position), number(0), number(-1),
                   number(type.modifier), boolean(type_of(type.oid).size > 0), text("i"), text("p"), text(""), boolean(not_null), boolean(has_default),
                   boolean(false), text(""), text(generated), boolean(false), boolean(true), number(0), number(0), null(), null(), null(), null()});
  };
  for (const Attribute& a : all_attributes(schema, db)) {
    add(a.relation, a.name, shown_type(a.type), a.position, a.not_null, !a.default_sql.empty() || !a.generated.empty(), a.generated);
  }
  for (const auto& [id, table] : schema.tables) {
    for (const IndexView& index : indexes_of(table)) {
      for (size_t i = 1; i <= index.columns.size(); ++i) {
        const sql::Column* column = table.column(index.columns[i - 1].column);
        add(index.oid, index_column(index, i), shown_type(column == nullptr ? "" : column->type), static_cast<int64_t>(i), false, false, "");
      }
    }
  }
  return out;
}

Rows pg_attrdef(const Environment&, const Schema& schema, sqlite3* db) {
  Rows out;
  for (const Attribute& a : all_attributes(schema, db)) {
    if (a.default_sql.empty()) continue;
    out.push_back({number(a.relation * 1000 + a.position), number(a.relation), number(a.position), text(a.default_sql)});
  }
  return out;
}

Rows pg_index(const Environment&, const Schema& schema, sqlite3*) {
  Rows out;
  for (const auto& [id, table] : schema.tables) {
    for (const IndexView& index : indexes_of(table)) {
      std::string key;
      for (const auto& part : index.columns) {
        const size_t position = table.position(part.column);
        key += (key.empty() ? "" : " ") + std::to_string(position < table.columns.size() ? position + 1 : 0);
      }
      const auto count = static_cast<int64_t>(index.columns.size());
      out.push_back({number(index.oid), number(oid_of(id)), number(count), number(count), boolean(index.unique), boolean(false), boolean(index.primary),
                     boolean(false), boolean(true), boolean(false), boolean(true), boolean(false), boolean(true), boolean(true), boolean(false), text(key),
                     text(""), text(""), text(""), null(), index.where.empty() ? null() : text(index.where)});
    }
  }
  return out;
}

Rows pg_constraint(const Environment&, const Schema& schema, sqlite3*) {
  Rows out;
  for (const auto& [id, table] : schema.tables) {
    for (const IndexView& index : indexes_of(table)) {
      if (!index.constraint) continue;
      std::string key = "{";
      for (const auto& part : index.columns) key += (key.size() > 1 ? "," : "") + std::to_string(table.position(part.column) + 1);
      out.push_back({number(index.oid), text(index.name), number(public_namespace), text(index.primary ? "p" : "u"), boolean(false), boolean(false),
                     boolean(true), number(oid_of(id)), number(0), number(index.oid), number(0), number(0), text(" "), text(" "), text(" "), boolean(true),
                     number(0), boolean(true), text(key + "}"), null(), null()});
    }
  }
  return out;
}

Rows pg_type(const Environment&, const Schema&, sqlite3*) {
  Rows out;
  for (const Type& type : types()) {
    out.push_back({number(type.oid), text(type.name), number(catalog_namespace), number(owner), number(type.size), boolean(type.size > 0), text("b"),
                   text(std::string{type.category}), boolean(false), boolean(true), text(","), number(0), number(0),
                   number(type.oid == oid::text_array ? oid::text : 0), number(type.oid == oid::text ? oid::text_array : 0), boolean(false), number(0),
                   number(-1), number(0), number(0), null(), text(std::string{type.name} + "in"), text(std::string{type.name} + "out")});
  }
  return out;
}

Rows pg_am(const Environment&, const Schema&, sqlite3*) {
  return {{number(heap), text("heap"), text("heap_tableam_handler"), text("t")}, {number(btree), text("btree"), text("bthandler"), text("i")}};
}

Rows pg_database(const Environment& environment, const Schema&, sqlite3*) {
  return {{number(database), text(environment.database), number(owner), number(6), text("c"), boolean(false), boolean(true), number(-1), text("C.UTF-8"),
           text("C.UTF-8"), null(), null(), number(1663), null()}};
}

Rows pg_roles(const Environment& environment, const Schema&, sqlite3*) {
  return {{number(owner), text(environment.user), boolean(true), boolean(true), boolean(true), boolean(true), boolean(true), boolean(false), number(-1),
           text("********"), null(), boolean(true), null()}};
}

Rows pg_tablespace(const Environment&, const Schema&, sqlite3*) { return {{number(1663), text("pg_default"), number(owner), null(), null()}}; }

Rows pg_settings(const Environment& environment, const Schema&, sqlite3*) {
  Rows out;
  for (const auto& [name, value] : environment.settings->all()) out.push_back({text(name), text(value), null(), text(""), text("user")});
  return out;
}

Rows pg_tables(const Environment& environment, const Schema& schema, sqlite3*) {
  Rows out;
  for (const auto& [id, table] : schema.tables) {
    out.push_back({text("public"), text(table.name), text(environment.user), null(), boolean(!indexes_of(table).empty()), boolean(false),
                   boolean(!schema.triggers_of(table.name).empty()), boolean(false)});
  }
  return out;
}

Rows pg_views(const Environment& environment, const Schema& schema, sqlite3*) {
  Rows out;
  for (const auto& [id, view] : schema.views) out.push_back({text("public"), text(view.name), text(environment.user), text(view.sql)});
  return out;
}

Rows pg_indexes(const Environment&, const Schema& schema, sqlite3*) {
  Rows out;
  for (const auto& [id, table] : schema.tables) {
    for (const IndexView& index : indexes_of(table)) {
      out.push_back({text("public"), text(table.name), text(index.name), null(), text(index_text(index))});
    }
  }
  return out;
}

Rows information_tables(const Environment& environment, const Schema& schema, sqlite3*) {
  Rows out;
  const auto add = [&](std::string_view name, std::string_view type) {
    out.push_back({text(environment.database), text("public"), text(name), text(type), text("YES")});
  };
  for (const auto& [id, table] : schema.tables) add(table.name, "BASE TABLE");
  for (const auto& [id, view] : schema.views) add(view.name, "VIEW");
  return out;
}

Rows information_columns(const Environment& environment, const Schema& schema, sqlite3* db) {
  Rows out;
  for (const Attribute& a : all_attributes(schema, db)) {
    const DeclaredType type = shown_type(a.type);
    const bool sized = (type.oid == oid::varchar || type.oid == oid::bpchar) && type.modifier > 4;
    const bool exact = type.oid == oid::numeric && type.modifier > 4;
    out.push_back({text(environment.database), text("public"), text(a.relation_name), text(a.name), number(a.position),
                   a.default_sql.empty() ? null() : text(a.default_sql), text(a.not_null ? "NO" : "YES"), text(type_of(type.oid).words),
                   sized ? number(type.modifier - 4) : null(), exact ? number((type.modifier - 4) >> 16) : null(),
                   exact ? number((type.modifier - 4) & 0x7ff) : null(), text(type_of(type.oid).name), text("NO"), text(a.generated.empty() ? "NEVER" : "ALWAYS")});
  }
  return out;
}

Rows information_schemata(const Environment& environment, const Schema&, sqlite3*) {
  Rows out;
  for (const char* name : {"pg_catalog", "public", "information_schema"}) out.push_back({text(environment.database), text(name), text(environment.user)});
  return out;
}

Rows information_constraints(const Environment& environment, const Schema& schema, sqlite3*) {
  Rows out;
  for (const auto& [id, table] : schema.tables) {
    for (const IndexView& index : indexes_of(table)) {
      if (!index.constraint) continue;
      out.push_back({text(environment.database), text("public"), text(index.name), text(environment.database), text("public"), text(table.name),
                     text(index.primary ? "PRIMARY KEY" : "UNIQUE"), text("NO"), text("NO")});
    }
  }
  return out;
}

Rows information_key_columns(const Environment& environment, const Schema& schema, sqlite3*) {
  Rows out;
  for (const auto& [id, table] : schema.tables) {
    for (const IndexView& index : indexes_of(table)) {
      if (!index.constraint) continue;
      for (size_t i = 0; i < index.columns.size(); ++i) {
        const sql::Column* column = table.column(index.columns[i].column);
        out.push_back({text(environment.database), text("public"), text(index.name), text(environment.database), text("public"), text(table.name),
                       text(column == nullptr ? "" : column->name), number(static_cast<int64_t>(i) + 1)});
      }
    }
  }
  return out;
}

}  // namespace

const std::vector<CatalogTable>& catalog_tables() {
  static const std::vector<CatalogTable> tables{
      {"pg_class",
       "oid oid, relname text, relnamespace oid, reltype oid, reloftype oid, relowner oid, relam oid, relfilenode oid, reltablespace oid, relpages int4, "
       "reltuples float4, relallvisible int4, reltoastrelid oid, relhasindex bool, relisshared bool, relpersistence char, relkind char, relnatts int2, "
       "relchecks int2, relhasrules bool, relhastriggers bool, relhassubclass bool, relrowsecurity bool, relforcerowsecurity bool, relispopulated bool, "
       "relreplident char, relispartition bool, relacl text, reloptions text, relpartbound text",
       pg_class},
      {"pg_namespace", "oid oid, nspname text, nspowner oid, nspacl text", pg_namespace},
      {"pg_attribute",
       "attrelid oid, attname text, atttypid oid, attstattarget int4, attlen int2, attnum int2, attndims int4, attcacheoff int4, atttypmod int4, attbyval bool, "
       "attalign char, attstorage char, attcompression char, attnotnull bool, atthasdef bool, atthasmissing bool, attidentity char, attgenerated char, "
       "attisdropped bool, attislocal bool, attinhcount int4, attcollation oid, attacl text, attoptions text, attfdwoptions text, attmissingval text",
       pg_attribute},
      {"pg_attrdef", "oid oid, adrelid oid, adnum int2, adbin text", pg_attrdef},
      {"pg_index",
       "indexrelid oid, indrelid oid, indnatts int2, indnkeyatts int2, indisunique bool, indnullsnotdistinct bool, indisprimary bool, indisexclusion bool, "
       "indimmediate bool, indisclustered bool, indisvalid bool, indcheckxmin bool, indisready bool, indislive bool, indisreplident bool, indkey text, "
       "indcollation text, indclass text, indoption text, indexprs text, indpred text",
       pg_index},
      {"pg_constraint",
       "oid oid, conname text, connamespace oid, contype char, condeferrable bool, condeferred bool, convalidated bool, conrelid oid, contypid oid, "
       "conindid oid, conparentid oid, confrelid oid, confupdtype char, confdeltype char, confmatchtype char, conislocal bool, coninhcount int4, "
       "connoinherit bool, conkey text, confkey text, conbin text",
       pg_constraint},
      {"pg_type",
       "oid oid, typname text, typnamespace oid, typowner oid, typlen int2, typbyval bool, typtype char, typcategory char, typispreferred bool, "
       "typisdefined bool, typdelim char, typrelid oid, typsubscript oid, typelem oid, typarray oid, typnotnull bool, typbasetype oid, typtypmod int4, "
       "typndims int4, typcollation oid, typdefault text, typinput text, typoutput text",
       pg_type},
      {"pg_am", "oid oid, amname text, amhandler text, amtype char", pg_am},
      {"pg_database",
       "oid oid, datname text, datdba oid, encoding int4, datlocprovider char, datistemplate bool, datallowconn bool, datconnlimit int4, datcollate text, "
       "datctype text, daticulocale text, datcollversion text, dattablespace oid, datacl text",
       pg_database},
      {"pg_roles",
       "oid oid, rolname text, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcanlogin bool, rolreplication bool, "
       "rolconnlimit int4, rolpassword text, rolvaliduntil timestamptz, rolbypassrls bool, rolconfig text",
       pg_roles},
      {"pg_tablespace", "oid oid, spcname text, spcowner oid, spcacl text, spcoptions text", pg_tablespace},
      {"pg_settings", "name text, setting text, unit text, short_desc text, context text", pg_settings},
      {"pg_tables", "schemaname text, tablename text, tableowner text, tablespace text, hasindexes bool, hasrules bool, hastriggers bool, rowsecurity bool", pg_tables},
      {"pg_views", "schemaname text, viewname text, viewowner text, definition text", pg_views},
      {"pg_indexes", "schemaname text, tablename text, indexname text, tablespace text, indexdef text", pg_indexes},
      {"pg_auth_members", "roleid oid, member oid, grantor oid, admin_option bool", nullptr},
      {"pg_collation", "oid oid, collname text, collnamespace oid, collprovider char", nullptr},
      {"pg_description", "objoid oid, classoid oid, objsubid int4, description text", nullptr},
      {"pg_shdescription", "objoid oid, classoid oid, description text", nullptr},
      {"pg_enum", "oid oid, enumtypid oid, enumsortorder float4, enumlabel text", nullptr},
      {"pg_range", "rngtypid oid, rngsubtype oid, rngmultitypid oid", nullptr},
      {"pg_extension", "oid oid, extname text, extowner oid, extnamespace oid, extversion text", nullptr},
      {"pg_depend", "classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, refobjsubid int4, deptype char", nullptr},
      {"pg_inherits", "inhrelid oid, inhparent oid, inhseqno int4, inhdetachpending bool", nullptr},
      {"pg_partitioned_table", "partrelid oid, partstrat char, partnatts int2", nullptr},
      {"pg_policy", "oid oid, polname text, polrelid oid, polcmd char, polpermissive bool, polroles text, polqual text, polwithcheck text", nullptr},
      {"pg_proc", "oid oid, proname text, pronamespace oid, proowner oid, prokind char, prorettype oid, proargtypes text", nullptr},
      {"pg_publication", "oid oid, pubname text, pubowner oid, puballtables bool", nullptr},
      {"pg_publication_namespace", "oid oid, pnpubid oid, pnnspid oid", nullptr},
      {"pg_publication_rel", "oid oid, prpubid oid, prrelid oid, prqual text, prattrs text", nullptr},
      {"pg_rewrite", "oid oid, rulename text, ev_class oid, ev_type char, ev_enabled char", nullptr},
      {"pg_sequence", "seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, seqmax int8, seqmin int8, seqcache int8, seqcycle bool", nullptr},
      {"pg_statistic_ext", "oid oid, stxrelid oid, stxname text, stxnamespace oid, stxkind text, stxstattarget int4", nullptr},
      {"pg_trigger", "oid oid, tgrelid oid, tgname text, tgfoid oid, tgtype int2, tgenabled char, tgisinternal bool, tgconstraint oid, tgparentid oid", nullptr},
      {"pg_foreign_server", "oid oid, srvname text", nullptr},
      {"pg_foreign_table", "ftrelid oid, ftserver oid, ftoptions text", nullptr},
      {"information_schema.tables", "table_catalog text, table_schema text, table_name text, table_type text, is_insertable_into text", information_tables},
      {"information_schema.columns",
       "table_catalog text, table_schema text, table_name text, column_name text, ordinal_position int4, column_default text, is_nullable text, "
       "data_type text, character_maximum_length int4, numeric_precision int4, numeric_scale int4, udt_name text, is_identity text, is_generated text",
       information_columns},
      {"information_schema.schemata", "catalog_name text, schema_name text, schema_owner text", information_schemata},
      {"information_schema.table_constraints",
       "constraint_catalog text, constraint_schema text, constraint_name text, table_catalog text, table_schema text, table_name text, "
       "constraint_type text, is_deferrable text, initially_deferred text",
       information_constraints},
      {"information_schema.key_column_usage",
       "constraint_catalog text, constraint_schema text, constraint_name text, table_catalog text, table_schema text, table_name text, "
       "column_name text, ordinal_position int4",
       information_key_columns},
  };
  return tables;
}

}  // namespace ddb::pg
