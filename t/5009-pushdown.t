#!/bin/sh
# What statements ask of ranges, and what moves: EXPLAIN ROUTE over a table in eight of them.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

numbers="WITH RECURSIVE g(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM g WHERE n < 8000)"

test_expect_success 'a cluster, and tables in eight ranges' '
	cluster_up &&
	ddb-route -c "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c REAL, d)" \
		-c "$numbers INSERT INTO t SELECT n, n % 10, '\''name '\'' || n % 7, n * 0.5, nullif(n % 3, 0) FROM g" \
		-c "CREATE TABLE u (k INTEGER PRIMARY KEY, t_id INTEGER, v TEXT)" \
		-c "$numbers INSERT INTO u SELECT n, 8001 - n, '\''v'\'' FROM g" &&
	ddb-split even t 8 >out && ddb-split even u 8 >>out &&
	test "$(ddb-split list | grep -c "	t	")" -ge 8
'

# total STATEMENT: requests, rows and bytes that it took.
total() {
	ddb-route --no-header --tsv -c "EXPLAIN ROUTE ANALYZE $1" | awk -F "\t" '$1 == "total" { print $6, $7, $8 }'
}

# moves STATEMENT REQUESTS ROWS: at most so many of either.
moves() {
	moved=$(total "$1") &&
	echo "$1: $moved" &&
	echo "$moved" | awk -v requests="$2" -v rows="$3" '{ ok = $1 <= requests && $2 <= rows } END { exit !ok }'
}

test_expect_success 'totals are added up by the ranges: a row of each' '
	moves "SELECT count(*) FROM t" 8 8 &&
	moves "SELECT count(*), sum(a), min(b), max(c), avg(a) FROM t WHERE a > 2 AND b <> '\''name 3'\'' OR d IS NULL" 8 8 &&
	moves "SELECT a, count(*), max(c) FROM t GROUP BY a HAVING count(*) > 5 ORDER BY a DESC" 8 80 &&
	moves "SELECT count(*) FROM t WHERE id BETWEEN 2500 AND 2600" 2 2
'

test_expect_success 'conditions are judged where the rows are' '
	moves "SELECT * FROM t WHERE c = 1000" 8 1 &&
	moves "SELECT id FROM t WHERE a IN (3, 4) AND b = '\''name 1'\'' AND id < 701" 8 20 &&
	moves "SELECT * FROM t WHERE d IS NULL AND a > 100" 8 0
'

test_expect_success 'columns that nobody wants stay there' '
	all=$(total "SELECT * FROM t" | cut -d " " -f 3) some=$(total "SELECT a FROM t" | cut -d " " -f 3) &&
	echo "all $all, some $some bytes" && test "$some" -lt $((all * 2 / 3))
'

test_expect_success 'keys in a list are asked for together, in one request per range' '
	moves "SELECT * FROM t WHERE id IN (1, 2, 3, 3990, 3991, 7999)" 3 6 &&
	moves "SELECT * FROM t WHERE id = 5 OR id = 4500" 2 2
'

test_expect_success 'a limit with the order of the key reads no more than that' '
	moves "SELECT * FROM t ORDER BY id LIMIT 3" 1 3 && moves "SELECT * FROM t ORDER BY id DESC LIMIT 3" 1 3
'

test_expect_success 'an index join fetches its rows together' '
	ddb-route -c "CREATE INDEX t_a ON t (a)" &&
	moves "SELECT sum(length(b)) FROM t WHERE a = 7" 40 1600
'

test_expect_success 'a join asks for the keys of many outer rows at once' '
	moves "SELECT count(v), sum(length(b)) FROM u JOIN t ON t.id = u.t_id WHERE u.k <= 1000" 60 2500
'

test_expect_success 'a transaction sees its own writes, and what it asked for counts as read' '
	printf "%s;\n" BEGIN "SELECT count(*) FROM t WHERE c < 10" "UPDATE t SET c = 0 WHERE id = 8000" "SELECT count(*) FROM t WHERE c < 10" \
		"DELETE FROM t WHERE id < 11" "SELECT count(*), min(id) FROM t WHERE c < 10" ROLLBACK "SELECT count(*) FROM t WHERE c < 10" |
		ddb-route --no-header >out && printf "19\n20\n10\t11\n19\n" >expected && test_cmp expected out
'

test_expect_success 'EXPLAIN ROUTE lists ranges, nodes and what is pushed down, and runs nothing' '
	ddb-route --tsv -c "EXPLAIN ROUTE SELECT id FROM t WHERE c > 3 AND b = '\''x'\''" >out &&
	head -n 1 out | grep -x "object	path	pushed	range	node" &&
	test "$(grep -c "^t	.*	where .*c>?.*; columns id, b, c	[0-9]*	127.0.0.1:[0-9]*\$" out)" -eq 8 &&
	ddb-route --tsv -c "EXPLAIN ROUTE SELECT count(*) FROM t WHERE id < 100" >out && test "$(wc -l <out)" -eq 2 &&
	grep "^t	primary key(id<?)	where and totals	" out &&
	ddb-route -c "EXPLAIN ROUTE DELETE FROM t" >out && test "$(ddb-route --no-header -c "SELECT count(*) FROM t")" = 8000
'

test_expect_success 'EXPLAIN ROUTE ANALYZE runs it, and reads well as a table' '
	ddb-route --table -c "EXPLAIN ROUTE ANALYZE SELECT a FROM t WHERE id = 3" >out && cat out &&
	grep "total" out && grep "primary key(id=?)" out && head -n 1 out | grep "object.*requests.*rows.*bytes.*ms" &&
	ddb-route -c "EXPLAIN ROUTE ANALYZE DELETE FROM t WHERE id = 8000" >out && test "$(ddb-route --no-header -c "SELECT count(*) FROM t")" = 7999 &&
	test_expect_code 1 ddb-route -c "EXPLAIN ROUTE" 2>err && test_expect_code 1 ddb-route -c "EXPLAIN ROUTE ANALYZE SELECT nosuch" 2>err && grep nosuch err
'

if command -v sqlite3 >/dev/null; then
	test_expect_success 'the same conditions and totals by stock sqlite3' '
		ddb-route -c "CREATE TABLE v (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c REAL, d NUMERIC, e, f TEXT COLLATE NOCASE)" &&
		awk "BEGIN {
			srand(5)
			n = split(\"NULL|0|1|2|-1|7|1.5|5.0|9e18|9223372036854775807|-9223372036854775808|1e300|'\''5'\''|'\''5.0'\''|'\'' 7 '\''|'\''abc'\''|'\''ABC'\''|'\''abc '\''|'\'''\''\", value, \"|\")
			m = split(\"id|a|b|c|d|e|f\", column, \"|\")
			k = split(\"=|<>|<|<=|>|>=\", op, \"|\")
			for (i = 1; i <= 200; i++) {
				printf \"INSERT INTO v VALUES (%d\", i
				for (j = 0; j < 6; j++) printf \", %s\", value[int(rand() * n) + 1]
				print \");\"
			}
			print \"-- rows\"
			for (i = 1; i <= 200; i++) {
				c = column[int(rand() * m) + 1]; e = column[int(rand() * m) + 1]
				w = sprintf(\"%s %s %s %s %s IN (%s, %s)\", c, op[int(rand() * k) + 1], value[int(rand() * n) + 1],
					rand() < 0.5 ? \"AND\" : \"OR NOT\", e, value[int(rand() * n) + 1], value[int(rand() * n) + 1])
				printf \"SELECT count(*), count(a), min(b), max(f), typeof(sum(a)), sum(id), avg(id), total(id) FROM v WHERE %s;\\n\", w
				printf \"SELECT id FROM v WHERE %s ORDER BY id;\\n\", w
				printf \"SELECT a, count(*), max(c) FROM v WHERE %s GROUP BY a;\\n\", w
			}
		}" >all.sql &&
		sed "/^-- rows/,\$d" all.sql >rows.sql && sed "1,/^-- rows/d" all.sql >queries.sql &&
		ddb-route rows.sql && ddb-split even v 4 >out &&
		{ ddb-route --keep-going --no-header --tsv queries.sql >ours 2>refused || grep "integer overflow" refused; } &&
		{ echo "CREATE TABLE v (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c REAL, d NUMERIC, e, f TEXT COLLATE NOCASE);" && cat rows.sql && cat queries.sql; } |
			{ sqlite3 -tabs -nullvalue "\\N" >theirs 2>refused || :; } &&
		test "$(wc -l <theirs)" -gt 1000 && test_cmp theirs ours
	'
else
	test_skip 'the same conditions and totals by stock sqlite3' 'there is no sqlite3'
fi

test_expect_success 'the cluster ends' 'cluster_down'

test_done
