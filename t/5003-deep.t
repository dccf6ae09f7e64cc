#!/bin/sh
# Statements that nest deeply: done, or refused with one line. Sessions have small stacks, and one crash would end them all.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

test_expect_success 'a cluster' 'cluster_up -m 1'

# repeat COUNT TEXT: %d in it is the number, from 1; then the number below it.
repeat() {
	awk -v count="$1" -v text="$2" 'BEGIN { for (i = 1; i <= count; i++) printf text, i, i - 1 }'
}
# refused PATTERN: the statement in deep.sql fails with this message, and the next one is answered.
refused() {
	test_expect_code 1 ddb-route deep.sql 2>err && test "$(wc -l <err)" -eq 1 && grep "$1" err && answered "SELECT 6 * 7" 42
}
answered() {
	test "$(ddb-route --no-header -c "$1")" = "$2"
}

test_expect_success 'expressions' '
	echo "SELECT 1$(repeat 1000 "+%d");" >deep.sql && refused "Expression tree is too large" &&
	echo "SELECT $(repeat 1000 "(")1$(repeat 1000 ")");" >deep.sql && refused "parser stack overflow" &&
	echo "SELECT $(repeat 1000 "NOT ")1;" >deep.sql && refused "parser stack overflow"
'

test_expect_success 'SELECTs: in a compound, and each in the one before' '
	echo "SELECT 1$(repeat 550 " UNION ALL SELECT %d");" >deep.sql && refused "too many terms in compound SELECT" &&
	chain="WITH c0 AS (SELECT 1 AS a)$(repeat 590 ", c%d AS (SELECT a + 1 AS a FROM c%d LIMIT 3)")" &&
	echo "$chain SELECT a FROM c590;" >deep.sql && test "$(ddb-route --no-header deep.sql)" = 591 &&
	echo "WITH c0 AS (SELECT 1 AS a)$(repeat 700 ", c%d AS (SELECT a + 1 AS a FROM c%d LIMIT 3)") SELECT a FROM c700;" >deep.sql &&
	refused "at most 600 SELECTs"
'

test_expect_success 'patterns' '
	echo "SELECT hex(zeroblob(9000)) LIKE replace(hex(zeroblob(4000)), '\''00'\'', '\''%0'\'') || 1;" >deep.sql && refused "LIKE or GLOB pattern too complex" &&
	answered "SELECT hex(zeroblob(9000)) GLOB replace(hex(zeroblob(400)), '\''00'\'', '\''*0'\'') || 1" 0
'

test_expect_success 'JSON' '
	answered "SELECT length(json(replace(hex(zeroblob(1900)), '\''00'\'', '\''['\'') || replace(hex(zeroblob(1900)), '\''00'\'', '\'']'\'')))" 3800
'

test_expect_success 'triggers that fire themselves' '
	ddb-route -c "CREATE TABLE t (a INTEGER PRIMARY KEY); CREATE TRIGGER g AFTER INSERT ON t WHEN NEW.a < 5000 BEGIN INSERT INTO t VALUES (NEW.a + 1); END" &&
	echo "PRAGMA recursive_triggers = ON; INSERT INTO t VALUES (1);" >deep.sql && refused "too many levels of trigger recursion" &&
	ddb-route -c "PRAGMA recursive_triggers = ON; INSERT INTO t VALUES (4200)" && answered "SELECT count(*) FROM t" 801
'

test_expect_success 'cascades, row by row' '
	ddb-route -c "CREATE TABLE k (id INTEGER PRIMARY KEY, p REFERENCES k ON DELETE CASCADE)" &&
	ddb-route -c "INSERT INTO k WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) SELECT i, nullif(i - 1, 0) FROM n" &&
	ddb-route -c "DELETE FROM k WHERE id = 1" && answered "SELECT count(*) FROM k" 0
'

test_expect_success 'what no session could run does not get into the schema' '
	echo "CREATE VIEW w AS SELECT 1$(repeat 190 "+%d") AS a;" >deep.sql && refused "Expression tree is too large" &&
	echo "CREATE TABLE c (a CHECK (a$(repeat 190 "+%d") > 0));" >deep.sql && refused "Expression tree is too large" &&
	echo "CREATE VIEW w AS SELECT 1$(repeat 150 "+%d") AS a; CREATE TABLE c (a CHECK (a$(repeat 150 "+%d") > 0)); INSERT INTO c VALUES (1); SELECT w.a FROM w, c;" >deep.sql &&
	test "$(ddb-route --no-header deep.sql)" = 11326
'

test_expect_success 'views upon views' '
	{ echo "CREATE VIEW v0 AS SELECT 1 AS a;" && repeat 200 "CREATE VIEW v%d AS SELECT a FROM v%d LIMIT 5;"; } | ddb-route && answered "SELECT a FROM v200" 1
'

test_done
