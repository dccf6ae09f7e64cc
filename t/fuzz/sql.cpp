// SQL before SQLite sees it: tokens, statements of a script, heads, and what they are rewritten to.
#include <string_view>

#include "fuzz/fuzz.hpp"
#include "sql/rewriter.hpp"
#include "sql/shadow_catalog.hpp"
#include "sql/statement.hpp"

using namespace ddb;
using namespace ddb::sql;

namespace {

std::unique_ptr<ShadowCatalog> make_catalog() {
  auto shadow = std::move(*ShadowCatalog::open({}));
  for (const char* ddl : {"CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c AS (b || 'x'))", "CREATE TABLE u(x, y)",
                          "CREATE TABLE w(k, v, PRIMARY KEY(k, v)) WITHOUT ROWID", "CREATE INDEX i ON u(y)",
                          "CREATE VIEW p AS SELECT a FROM t"})
    DDB_ASSERT(shadow->execute(ddl).has_value());
  return shadow;
}

void check_tokens(std::string_view text) {
  size_t end = 0;
  const auto tokens = tokenize(text);
  for (const Token& token : tokens) {
    DDB_ASSERT(token.offset >= end);
    DDB_ASSERT(token.end() <= text.size());
    end = token.end();
  }
  DDB_ASSERT(tokens.back().kind == TokenKind::end);
}

std::vector<Bytes> statements(std::string_view text, size_t piece) {
  StatementSplitter splitter;
  std::vector<Bytes> out;
  for (size_t at = 0; at < text.size(); at += piece) {
    splitter.feed(text.substr(at, piece));
    for (std::string_view statement; splitter.next(statement);) out.emplace_back(statement);
  }
  out.emplace_back(splitter.rest());
  return out;
}

void check_dml(const ParsedStatement& s, const Schema& schema) {
  const Table* table = schema.find_table(s.head.dml.table);
  if (table == nullptr) return;
  Edits edits{s.text};
  number_parameters(s, edits);
  replace_names(s, schema, edits);
  RewrittenDml dml = rewrite_dml(s, s.head, *table, std::move(edits), Place::top);
  const std::string text = dml.edits.apply();
  for (size_t offset = 0; offset <= text.size(); offset += 7) DDB_ASSERT(dml.edits.original_offset(offset) <= s.text.size());
  (void)rename_target(s, s.head.dml, *table).apply();
  (void)needs_claims(s.head.dml, *table);
  const auto lifted = lift_literals(s, [](std::string_view) { return 0.5; });
  if (lifted) DDB_ASSERT(lifted->values.size() % lifted->columns == 0);
}

/// Triggers come from the schema: SQLite has accepted them.
void check_trigger(const std::string& text, ShadowCatalog& catalog) {
  const uint64_t version = catalog.schema().version;
  if (!catalog.execute(text) || catalog.schema().version == version) return;
  for (const auto& [id, trigger] : catalog.schema().triggers) (void)rewrite_trigger(trigger.sql, catalog.schema());
  DDB_ASSERT(catalog.undo().has_value());
}

void check_statement(std::string_view text) {
  static const auto catalog = make_catalog();
  const Schema& schema = catalog->schema();
  const ParsedStatement s = parse_statement(text);
  DDB_ASSERT(s.tail <= text.size());
  (void)parameter_names(s);
  (void)internal_name(s, schema);
  const StatementKind kind = s.head.kind;
  if (kind == StatementKind::insert || kind == StatementKind::update || kind == StatementKind::erase) check_dml(s, schema);
  if (s.head.tag == "CREATE TRIGGER") check_trigger(std::string{text}, *catalog);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::view(data, size);
  check_tokens(text);
  const auto whole = statements(text, size + 1);
  DDB_ASSERT(statements(text, 1) == whole);
  std::string all;
  for (const Bytes& statement : whole) {
    check_statement(statement);
    all += statement;
  }
  DDB_ASSERT(all == text);
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  return {"SELECT a, \"b c\", [d], `e`, 'it''s', x'00ff', 1.5e-3, 0x1F, ?1, :n, @m, $p FROM t -- end\n",
          "INSERT INTO t(a, b) VALUES (1, 'x'), (-2, NULL), (3.5, x'00') ON CONFLICT(b) DO UPDATE SET b = excluded.b || ? RETURNING *;",
          "INSERT OR REPLACE INTO main.u AS n SELECT x, y FROM u WHERE y > (SELECT max(y) FROM u);",
          "REPLACE INTO w DEFAULT VALUES; INSERT INTO u VALUES (1, 2);",
          "WITH c(i) AS (SELECT 1 UNION SELECT i + 1 FROM c LIMIT 9) UPDATE t AS z SET b = (SELECT i FROM c), a = a + 1 FROM u "
          "WHERE u.x = z.a AND b LIKE '%;%' RETURNING t.a, 'x';",
          "DELETE FROM u INDEXED BY i WHERE y IN (SELECT y FROM u NOT INDEXED) ORDER BY x LIMIT 5 OFFSET 2;",
          "CREATE TEMP TABLE IF NOT EXISTS \"a;b\" AS SELECT * FROM t; CREATE TABLE z(a CHECK (a > 0), b DEFAULT (1 + 2));",
          "CREATE TRIGGER g AFTER UPDATE OF b ON t WHEN NEW.b IS NOT OLD.b BEGIN INSERT INTO u VALUES (NEW.a, CASE WHEN 1 THEN 2 END); "
          "UPDATE u SET y = 1 WHERE x = OLD.a; DELETE FROM w; SELECT RAISE(ABORT, 'no'); END;",
          "BEGIN IMMEDIATE; SAVEPOINT s; ROLLBACK TO s; RELEASE s; COMMIT; PRAGMA foreign_keys = OFF; PRAGMA table_info(t);",
          "EXPLAIN QUERY PLAN SELECT 1; ANALYZE; ALTER TABLE t RENAME COLUMN b TO bb; DROP VIEW IF EXISTS p; /* c */",
          "SELECT * FROM sqlite_schema, sqlite_master WHERE name = \"t$w\";"};
}
