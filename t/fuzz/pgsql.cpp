// SQL of PostgreSQL's clients: split, translated, told apart; and rows of COPY.
#include "fuzz/fuzz.hpp"
#include "pg/command.hpp"
#include "pg/copy.hpp"
#include "pg/prepared.hpp"
#include "pg/scan.hpp"
#include "pg/values.hpp"

using namespace ddb;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView text = fuzz::view(data, size);
  for (const std::string_view statement : pg::split(text)) {
    DDB_ASSERT(!statement.empty());
    const auto translation = pg::Translation::of(statement);
    if (!translation) continue;
    for (size_t i = 0; i <= translation->sql().size(); ++i) DDB_ASSERT(translation->original_offset(i) <= statement.size());
    (void)pg::command_of(translation->sql());
    const std::vector<sql::ColumnInfo> columns(3);
    DDB_ASSERT(pg::static_columns(translation->sql(), columns).size() == 3);
  }
  (void)pg::bytea_of(text);
  for (const bool csv : {false, true}) {
    pg::CopyCommand command;
    command.csv = csv;
    pg::CopyReader reader{command};
    reader.feed(text);
    reader.finish();
    for (;;) {
      const auto row = reader.next();
      if (!row || !*row) break;
    }
  }
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  return {"SELECT $1::int, E'a\\n\\u00e9', $$x$$, $t$y$t$ FROM pg_catalog.pg_class c WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default",
          "CREATE TABLE t (id serial PRIMARY KEY, b timestamp(3) with time zone DEFAULT now(), c int[] DEFAULT '{}'::int[]) WITH (fillfactor=100)",
          "SELECT a[1], ARRAY[1, 2], ARRAY(SELECT 1) FROM unnest(x) AS y WHERE a = ANY ($1) AND b !~* 'c' FOR UPDATE; SELECT 2",
          "COPY t (a, b) FROM STDIN WITH (FORMAT csv, HEADER, DELIMITER ';')\n1\t\\N\n\"a,\"\"b\"\"\",c\n\\.\n",
          "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL x.y = 'z'; FETCH FORWARD 5 FROM c; ALTER TABLE t ADD CONSTRAINT k UNIQUE (a, b)"};
}
