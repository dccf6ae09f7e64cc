// Random schemas, rows and SELECTs: read tables must answer as stock SQLite does.
#include <cstdlib>

#include "unit/sql/twin.hpp"

using namespace ddb;
using test::Twin;

namespace {

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_{seed} {}

  template <size_t N>
  std::string pick(const char* const (&options)[N]) {
    return options[random_.below(N)];
  }
  bool one_in(uint64_t n) { return random_.one_in(n); }
  uint64_t below(uint64_t n) { return random_.below(n); }

  std::string literal() {
    return pick({"NULL", "0", "1", "2", "3", "5", "-1", "7", "1.5", "5.0", "2.0", "-0.5", "9e18", "9223372036854775807",
                 "'5'", "'5.0'", "' 7 '", "'abc'", "'ABC'", "'abc '", "'b'", "''", "'1'", "'2'", "'+3'", "'.5'", "'9'", "':'",
                 "x'35'", "x''", "x'616263'"});
  }
  std::string type() {
    return pick({"INTEGER", "INT", "TEXT", "TEXT COLLATE NOCASE", "VARCHAR(10) COLLATE RTRIM", "REAL", "NUMERIC", "BLOB", ""});
  }
  std::string columns(const char* alias = "") {
    std::string list;
    for (uint64_t n = 1 + below(2); n > 0; --n) {
      const std::string column = pick({"a", "b", "c", "d"});
      if (list.find(column) == std::string::npos) list += (list.empty() ? "" : ", ") + std::string{alias} + column;
    }
    return list;
  }
  std::string key_columns() {
    std::string list;
    for (const char* column : {"a", "b", "c", "d"})
      if (one_in(3) || (list.empty() && *column == 'd'))
        list += (list.empty() ? "" : ", ") + std::string{column} + pick({"", "", " COLLATE NOCASE", ""}) + pick({"", "", " DESC"});
    return list;
  }

  std::vector<std::string> schema(const std::string& table) {
    std::vector<std::string> ddl;
    const uint64_t kind = below(5);
    std::string body = kind == 0 ? "a INTEGER PRIMARY KEY" : "a " + type();
    const std::string not_null = kind == 4 ? " NOT NULL" : "";
    body += not_null + ", b " + type() + not_null + ", c " + type() + not_null + ", d " + type() + not_null;
    if (one_in(6)) body += ", g AS (coalesce(b, 'x') || 'g')";
    if (kind == 1) body += ", PRIMARY KEY(a)";
    if (kind >= 2 && kind != 3) body += ", PRIMARY KEY(" + key_columns() + ")";
    if (one_in(4)) body += ", UNIQUE(b, c)";
    ddl.push_back("CREATE TABLE " + table + "(" + body + ")" + (kind == 4 ? " WITHOUT ROWID" : ""));
    without_rowid_ = kind == 4;
    for (uint64_t n = below(4); n > 0; --n) {
      std::string sql = "CREATE " + pick({"", "", "UNIQUE "}) + "INDEX " + table + "_i" + std::to_string(n) + " ON " + table + "(";
      sql += one_in(8) ? "lower(b), a + 1" : key_columns();
      sql += one_in(8) ? ") WHERE a > 1" : ")";
      ddl.push_back(sql);
    }
    return ddl;
  }
  bool without_rowid() const { return without_rowid_; }

  std::string insert(const std::string& table, int rows) {
    const auto value = [&] { return one_in(2) ? std::to_string(below(static_cast<uint64_t>(rows))) : literal(); };
    const std::string a = value();
    if (rows <= 60) return "INSERT OR IGNORE INTO " + table + "(a, b, c, d) VALUES(" + a + ", " + literal() + ", " + literal() + ", " + literal() + ")";
    return "INSERT OR IGNORE INTO " + table + "(a, b, c, d) VALUES(" + a + ", " + value() + ", " + value() + ", " + literal() + ")";
  }

  std::string operand(const std::vector<std::string>& aliases) {
    return aliases[below(aliases.size())] + "." + pick({"a", "b", "c", "d", "a"});
  }
  /// What a join is on. SQLite 3.40 loses rows of LEFT JOIN ... ON integer_primary_key LIKE ..., so there is no LIKE.
  std::string join_term(const std::vector<std::string>& aliases) {
    for (;;)
      if (const std::string text = term(aliases); text.find("LIKE") == std::string::npos) return text;
  }
  std::string term(const std::vector<std::string>& aliases) {
    const std::string x = operand(aliases);
    switch (below(16)) {
      case 0: return x + " IN (" + literal() + ", " + literal() + ", " + literal() + ")";
      case 1: return x + " BETWEEN " + literal() + " AND " + literal();
      case 2: return x + " IS " + literal();
      case 3: return x + pick({" IS NULL", " IS NOT NULL"});
      case 4: return x + pick({" LIKE 'ab%'", " LIKE 'A%'", " GLOB 'a*'", " LIKE '5%'"});
      case 5: return x + " IN (SELECT " + pick({"a", "b", "c", "d"}) + " FROM " + pick({"t", "u"}) + ")";
      case 6: return "EXISTS (SELECT 1 FROM " + pick({"t", "u"}) + " z WHERE z." + pick({"a", "b", "c"}) + " = " + x + ")";
      case 7: return "(" + operand(aliases) + ", " + operand(aliases) + ") " + pick({">", "<", "=", ">="}) + " (" + literal() + ", " + literal() + ")";
      case 8: return x + " = " + operand(aliases);
      case 9: return x + pick({" < ", " >= ", " > "}) + operand(aliases);
      case 10: return x + pick({" = ", " > ", " <= "}) + "CAST(" + literal() + " AS " + pick({"INTEGER", "TEXT", "NUMERIC", "REAL"}) + ")";
      case 11: return x + " = " + literal() + " COLLATE NOCASE";
      case 12: return x + " <> " + literal();
      default: return x + pick({" = ", " = ", " = ", " > ", " < ", " >= ", " <= "}) + literal();
    }
  }
  std::string where(const std::vector<std::string>& aliases) {
    std::string text = term(aliases);
    for (uint64_t n = below(3); n > 0; --n) text += pick({" AND ", " AND ", " AND ", " OR "}) + term(aliases);
    return text;
  }

  /// SQLite takes a column for constant after column = CAST(..), although TEXT '5' and '5.0' may both equal it: what it does
  /// with ORDER BY and DISTINCT then is another answer than ours, and no better.
  std::string plain_where() {
    for (;;)
      if (const std::string text = where({"t"}); text.find(" = CAST") == std::string::npos) return text;
  }
  /// A SELECT, and whether its rows come in one order only. The first four kinds multiply rows.
  std::pair<std::string, bool> select(const std::vector<std::string>& keys, uint64_t from_kind) {
    switch (from_kind + below(10 - from_kind)) {
      case 0:
      case 1: {
        const std::string join = pick({" JOIN ", " LEFT JOIN ", " CROSS JOIN "});
        return {"SELECT t.*, u.* FROM t" + join + "u ON " + join_term({"t", "u"}) + " WHERE " + where({"t", "u"}), false};
      }
      case 4:  // of values that are equal yet not the same, such as 5 and 5.0, either may be the greatest
        return {"SELECT " + pick({"count(*)", "round(min(a) + 0, 3)", "round(max(a) + 0, 3)", "round(max(b) + 0, 3)", "sum(length(c))", "count(DISTINCT b)"}) + " FROM t WHERE " + plain_where(), false};
      case 5: {
        const std::string by = columns();
        return {"SELECT min(a) IS NULL, count(*), max(b) > 3 FROM t WHERE " + plain_where() + " GROUP BY " + by, false};
      }
      case 6: return {"SELECT count(*) FROM (SELECT DISTINCT " + columns() + " FROM t WHERE " + plain_where() + ")", false};
      case 2: return {"SELECT x.a, y.b, (SELECT max(z.c) FROM u z WHERE z.a = x.a) FROM t x, t y WHERE x.a = y.b AND " + where({"x", "y"}), false};
      case 3: return {"SELECT t.a, u.a, x.a FROM t, u, t x WHERE t.a = u.b AND u.a = x.c AND " + where({"t", "u", "x"}), false};
      default: {
        // The whole key ends the order, so that no two rows tie.
        std::string text = "SELECT * FROM t WHERE " + plain_where() + " ORDER BY ";
        for (uint64_t n = below(3); n > 0; --n) text += pick({"a", "b", "c", "d"}) + pick({"", " DESC"}) + ", ";
        text += keys[0] + pick({"", "", " DESC"});
        if (one_in(2)) text += " LIMIT " + std::to_string(below(12)) + (one_in(2) ? " OFFSET " + std::to_string(below(5)) : "");
        return {text, true};
      }
    }
  }

 private:
  Random random_;
  bool without_rowid_ = false;
};

/// `rows` are tried for t, half as many for u; how many fit depends on the keys.
void run_seed(uint64_t seed, int selects, int rows = 60) {
  Generator g{seed};
  Twin twin;
  std::vector<std::string> keys;
  for (const std::string table : {"t", "u"}) {
    for (const auto& ddl : g.schema(table)) twin.ddl(ddl);
    std::string key = "rowid";
    if (g.without_rowid()) {
      key.clear();
      for (const auto& part : twin.table(table).primary_key)
        key += (key.empty() ? "" : ", ") + twin.table(table).column(part.column)->name;
    }
    keys.push_back(key);
  }
  twin.dml("BEGIN");
  for (int i = 0; i < rows; ++i) {
    twin.try_dml(g.insert("t", rows));
    if (i % 2 == 0) twin.try_dml(g.insert("u", rows));
  }
  twin.dml("COMMIT");
  twin.load(g.one_in(2) ? 3 : 0, seed);
  for (int i = 0; i < selects; ++i) {
    const auto [text, ordered] = g.select(keys, rows <= 60 ? 0 : 4);
    INFO("seed " << seed);
    twin.check_same(text, ordered);
  }
}

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("random SELECTs over random schemas answer as stock SQLite does") {
  const uint64_t first = setting("DDB_SEED", 1);
  const uint64_t seeds = setting("DDB_SEEDS", 50);
  for (uint64_t seed = first; seed < first + seeds; ++seed) run_seed(seed, 60);
}

TEST_CASE("random SELECTs over tables of several pages") {
  const uint64_t first = setting("DDB_SEED", 1);
  const uint64_t seeds = setting("DDB_BIG_SEEDS", 4);
  for (uint64_t seed = first; seed < first + seeds; ++seed) run_seed(seed, 12, 1500);
}
