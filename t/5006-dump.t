#!/bin/sh
# ddb-dump: what comes over from SQLite goes back identical, in one snapshot, as SQL and as a SQLite file.
test_seconds=900
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

# Whether two databases hold the same: schema, sequences, and each table's rows with types, bytes and rowids.
same_databases() {
	for side in "$1" "$2"; do
		sqlite3 "$side" "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name" >"$side.schema"
		sqlite3 "$side" "PRAGMA user_version" "PRAGMA application_id" >>"$side.schema"
		sqlite3 "$side" "SELECT name, seq FROM sqlite_sequence ORDER BY name" >>"$side.schema" 2>/dev/null
	done
	diff "$1.schema" "$2.schema" || return
	sqlite3 "$1" "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'" >same.tables
	while read -r table; do
		rowid=$(sqlite3 "$1" "SELECT CASE WHEN wr THEN '' ELSE '_rowid_, ' END FROM pragma_table_list WHERE schema = 'main' AND name = '$table'")
		columns=$rowid$(sqlite3 "$1" "SELECT group_concat(printf('typeof(\"%w\"), \"%w\", hex(\"%w\")', name, name, name)) FROM pragma_table_xinfo('$table')")
		sqlite3 "$1" "ATTACH '$2' AS other" "SELECT 1, * FROM (SELECT $columns FROM main.\"$table\" EXCEPT SELECT $columns FROM other.\"$table\") UNION ALL
			SELECT 2, * FROM (SELECT $columns FROM other.\"$table\" EXCEPT SELECT $columns FROM main.\"$table\")" >same.differs || return
		[ ! -s same.differs ] || { echo "$table differs:" && cat same.differs && return 1; }
	done <same.tables
}

test_expect_success 'a cluster' 'cluster_up -m 1'

test_expect_success 'an empty database is a dump as well' '
	ddb-dump >out && printf "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCOMMIT;\n" >expected && test_cmp expected out &&
	ddb-dump --sqlite empty.db && test "$(sqlite3 empty.db "SELECT count(*) FROM sqlite_schema")" -eq 0
'

cat >odd.sql <<'EOF'
PRAGMA user_version = 7;
PRAGMA application_id = -2;
CREATE TABLE plain (a, "b c" TEXT, "order" REAL, [it's] BLOB);
INSERT INTO plain VALUES (NULL, '', 0.1, x''), (9223372036854775807, 'it''s ' || char(10) || 'two' || char(13, 10) || 'three', 9e999, x'00ff'),
  (-9223372036854775808, 'a' || char(0) || 'b', -9e999, CAST('text' AS BLOB)), (1, '1', 1, '1'), (1.0, 1.0, 1e15, 1.0);
INSERT INTO plain(rowid, a) VALUES (77, 2.2250738585072014e-308 / 4503599627370496.0), (-5, 2.2250738585072011e-308), (78, 1.7976931348623157e308), (79, 0.1 + 0.2), (80, 1/3.0), (81, 123456789012345678.0), (82, 4.35e-320);
INSERT INTO plain(a, "b c") VALUES ('x' || char(0xe9, 0x1f600), CAST(x'fffe41' AS TEXT));
CREATE TABLE seq (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT NOT NULL DEFAULT 'd' CHECK (v <> 'bad'));
INSERT INTO seq(v) VALUES ('one'), ('two'), ('three'); DELETE FROM seq WHERE id = 3;
CREATE TABLE never (id INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE "select" (k TEXT COLLATE NOCASE, n INT, PRIMARY KEY (k, n DESC)) WITHOUT ROWID; -- a table
INSERT INTO "select" VALUES ('b', 1), ('a', 2), ('A', 1);
CREATE TABLE hidden (rowid TEXT PRIMARY KEY, made AS (rowid || '!') STORED, x INT UNIQUE);
INSERT INTO hidden(rowid, x) VALUES ('k', 1), ('l', NULL);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent INT REFERENCES seq(id) ON DELETE CASCADE, self INT REFERENCES child); -- comment
INSERT INTO child VALUES (1, 1, 2), (2, 2, 1);
CREATE TABLE tight (a INT, b ANY, c REAL) STRICT;
INSERT INTO tight VALUES (1, 'x', 1), (2, 1.5, 2.5), (3, x'01', NULL);
CREATE UNIQUE INDEX one ON plain (a) WHERE a > 5;
CREATE INDEX two ON child (parent DESC, abs(self));
CREATE TABLE log (what TEXT);
CREATE TRIGGER tell AFTER INSERT ON seq BEGIN INSERT INTO log VALUES ('new; ' || new.v); SELECT 1; END;
CREATE VIEW later AS SELECT * FROM earlier_view;
CREATE VIEW earlier_view AS SELECT id, v FROM seq WHERE v <> ';';
EOF

test_expect_success 'odd values, names and schemas come back as they were' '
	sqlite3 odd.db <odd.sql && sqlite3 odd.db ".dump --preserve-rowids" >odd.dump &&
	sqlite3 odd.db "SELECT '\''UPDATE plain SET '\'' || (SELECT group_concat(printf('\''\"%w\" = '\'', name) || CASE WHEN name = '\''b c'\'' THEN '\''CAST(x'\'''\'''\'' || hex(\"b c\") || '\'''\'''\'' AS TEXT)'\'' ELSE printf('\''\"%w\"'\'', name) END) FROM pragma_table_info('\''plain'\'')) || '\'' WHERE rowid = '\'' || rowid || '\'';'\'' FROM plain WHERE instr(hex(\"b c\"), '\''00'\'') AND typeof(\"b c\") = '\''text'\''" >nul.sql &&
	echo "UPDATE plain SET a = 2.2250738585072014e-308 / 4503599627370496.0 WHERE rowid = 77;" >>nul.sql && # SQLite reads its own digits as zero
	echo "PRAGMA user_version = 7; PRAGMA application_id = -2;" >>nul.sql && # sqlite3 leaves them out
	ddb-route odd.dump && ddb-route nul.sql && ddb-dump >back.sql && sqlite3 back.db <back.sql && same_databases odd.db back.db
'

test_expect_success 'the same as a SQLite file' '
	ddb-dump --sqlite file.db && same_databases odd.db file.db && test "$(sqlite3 file.db "PRAGMA integrity_check")" = ok &&
	test -z "$(ls file.db.*.new 2>/dev/null)"
'

test_expect_success 'what was dumped loads here and dumps the same' '
	ddb-route -c "DROP VIEW earlier_view; DROP VIEW later; DROP TABLE log; DROP TABLE tight; DROP TABLE child; DROP TABLE hidden;
		DROP TABLE \"select\"; DROP TABLE never; DROP TABLE seq; DROP TABLE plain" &&
	ddb-route back.sql && ddb-dump >again.sql && test_cmp back.sql again.sql
'

test_expect_success 'one table, with its indexes and triggers; a view; none of that name' '
	ddb-dump -t SEQ -t later >out && grep -c "^CREATE" out >count && echo 3 | test_cmp - count && grep "^CREATE TRIGGER tell" out &&
	test_expect_code 1 ddb-dump -t nothing 2>err && grep "there is no table or view nothing" err &&
	test_expect_code 1 ddb-dump -t nothing --sqlite none.db 2>err && ! test -e none.db && test -z "$(ls none.db* 2>/dev/null)"
'

test_expect_success 'a time that has passed' '
	then=$(ddb-oracle time --no-header | cut -f 1) && ddb-route -c "INSERT INTO seq(v) VALUES ('\''late'\'')" &&
	ddb-dump -t seq --as-of "$then" >out && ! grep late out && ddb-dump -t seq >out && grep late out &&
	test_expect_code 1 ddb-dump --as-of soon 2>err && grep "takes an age" err
'

test_expect_success 'a file that exists is replaced at the end, one in use is not' '
	echo "not a database" >old.db && ddb-dump --sqlite old.db -t seq && test "$(sqlite3 old.db "SELECT count(*) FROM seq")" -eq 3 &&
	: >old.db-wal && cp old.db kept && test_expect_code 73 ddb-dump --sqlite old.db 2>err && grep "is in use" err && cmp old.db kept &&
	test_expect_code 73 ddb-dump --sqlite no/such/directory.db 2>err && grep "^ddb-dump: cannot create no/such" err
'

test_expect_success 'a full disk is an I/O error, a reader that goes is no error' '
	test_expect_code 74 ddb-dump >/dev/full 2>err && grep "^ddb-dump: cannot write" err && test "$(wc -l <err)" -eq 1 &&
	ddb-route -c "CREATE TABLE big (a TEXT); INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT printf('\''%0100d'\'', i) FROM n" &&
	{ ddb-dump; echo $? >code; } 2>err | head -n 1 >out && test "$(cat code)" -eq 141 && test_cmp /dev/null err
'

test_expect_success 'a snapshot while everything changes: no transaction is seen in part' '
	ddb-route -c "CREATE TABLE pair (id INTEGER PRIMARY KEY, n INT); INSERT INTO pair VALUES (1, 0), (1000, 0)" && ddb-split at pair 500 &&
	{ i=0; while [ $i -lt 40 ]; do ddb-route -c "BEGIN; UPDATE pair SET n = n + 1 WHERE id = 1; UPDATE pair SET n = n - 1 WHERE id = 1000; COMMIT"; i=$((i + 1)); done & echo $! >writer.pid; } &&
	for i in 1 2 3 4 5; do ddb-dump >"snap$i.sql" && rm -f snap.db && sqlite3 snap.db <"snap$i.sql" && test "$(sqlite3 snap.db "SELECT sum(n) FROM pair")" -eq 0 || return 1; done
	wait "$(cat writer.pid)"; rm writer.pid
'

test_expect_success 'the cluster ends' 'cluster_down && rm -rf "$cluster"'

data=$(cd "$top" && cd "${DDB_SHARED:-../shared}/data" 2>/dev/null && pwd)
[ -n "$data" ] || test_skip 'real databases' 'set DDB_SHARED to a directory with data/*.sql'
for dump in "$data"/*.sql; do
	[ -n "$data" ] || continue
	name=$(basename "$dump" .sql)
	cluster=$trash/$name

	test_expect_success "$name goes and comes back identical" '
		sqlite3 -cmd "PRAGMA synchronous = OFF" "$name.db" <"$dump" && cluster_up -m 1 &&
		sqlite3 "$name.db" ".dump --preserve-rowids" | ddb-route --batch 200 &&
		ddb-dump >"$name.back" && sqlite3 -cmd "PRAGMA synchronous = OFF" "$name-back.db" <"$name.back" && same_databases "$name.db" "$name-back.db" &&
		ddb-dump --sqlite "$name-file.db" && same_databases "$name.db" "$name-file.db"
	'
	cluster_down
	rm -rf "$cluster"
done

test_done
