#!/bin/sh
# ddb-route as a filter: where SQL comes from, how rows come out, and what errors do.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

test_expect_success 'a cluster' 'cluster_up'

# What ddb-route prints for SQL, without headings.
answer() {
	ddb-route --no-header -c "$1"
}

test_expect_success 'SQL from -c, a file and a pipe, in one session' '
	printf "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);\nBEGIN;\n" >begin.sql &&
	echo "COMMIT; SELECT * FROM t" | ddb-route --tsv begin.sql - >out &&
	printf "a\tb\n" >expected && test_cmp expected out &&
	ddb-route -c "BEGIN" -c "INSERT INTO t VALUES (1, '\''one'\'')" -c "COMMIT" &&
	test "$(answer "SELECT b FROM t")" = one
'

test_expect_success 'SQL from standard input, piece by piece: rows come before more text does' '
	mkfifo in && { ddb-route --no-header <in >out & echo $! >route.pid; } && exec 3>in &&
	echo "SELECT 1 + 1;" >&3 && test_within 10 grep -x 2 out &&
	echo "SELECT 3;" >&3 && test_within 10 grep -x 3 out &&
	exec 3>&- && wait "$(cat route.pid)"
'

test_expect_success 'each format' '
	select="SELECT 1 AS n, NULL AS none, '\''a\"b'\'' AS text, x'\''00ff'\'' AS bytes, 0.1 AS real" &&
	ddb-route --tsv -c "$select" >tsv && printf "n\tnone\ttext\tbytes\treal\n1\t\\\\N\ta\"b\t\\\\x00ff\t0.1\n" >expected && test_cmp expected tsv &&
	ddb-route --csv -c "$select" >csv && printf "n,none,text,bytes,real\n1,,\"a\"\"b\",\\\\x00ff,0.1\n" >expected && test_cmp expected csv &&
	ddb-route --json -c "$select" >json && printf "%s\n" "{\"n\":1,\"none\":null,\"text\":\"a\\\"b\",\"bytes\":\"\\\\x00ff\",\"real\":0.1}" >expected && test_cmp expected json &&
	ddb-route --quote -c "$select" >quote && printf "%s\n" "1,NULL,'\''a\"b'\'',x'\''00ff'\'',0.1" >expected && test_cmp expected quote &&
	ddb-route -c "$select" >default && test_cmp tsv default
'

test_expect_success 'an error: exit 1, one line with file, line and column, nothing on stdout' '
	printf "SELECT 1 WHERE 0;\n\nSELECT 1,\n       nonsense;\n" >bad.sql &&
	test_expect_code 1 ddb-route --no-header bad.sql >out 2>err && test_cmp /dev/null out &&
	echo "ddb-route: bad.sql:4:8: no such column: nonsense [42703]" >expected && test_cmp expected err &&
	echo "SELEC 1;" | test_expect_code 1 ddb-route 2>err && grep "^ddb-route: stdin:1:1: " err
'

test_expect_success 'an error rolls the transaction back, and nothing after it is run' '
	printf "BEGIN; INSERT INTO t VALUES (2, '\''two'\'');\nINSERT INTO nowhere VALUES (1);\nCOMMIT; INSERT INTO t VALUES (3, '\''three'\'');" >bad.sql &&
	test_expect_code 1 ddb-route bad.sql 2>err && grep "^ddb-route: bad.sql:2:1: no such table: nowhere" err &&
	test "$(answer "SELECT count(*) FROM t")" = 1
'

test_expect_success 'a statement that fails at its last row changes nothing' '
	ddb-route -c "INSERT INTO t VALUES (2, '\''two'\'')" &&
	test_expect_code 1 ddb-route -c "INSERT INTO t VALUES (4, '\''four'\''), (5, '\''five'\''), (1, '\''again'\'')" 2>err && grep "UNIQUE constraint failed: t.a" err &&
	test_expect_code 1 ddb-route -c "UPDATE t SET b = CASE a WHEN 1 THEN '\''changed'\'' ELSE abs(-9223372036854775808) END" 2>err && grep "integer overflow" err &&
	test "$(answer "SELECT count(*), min(b) FROM t")" = "2	one"
'

test_expect_success '--keep-going runs what follows, and still fails' '
	printf "INSERT INTO nowhere VALUES (1);\nINSERT INTO t VALUES (6, '\''six'\'');" | test_expect_code 1 ddb-route --keep-going 2>err &&
	test "$(wc -l <err)" -eq 1 && test "$(answer "SELECT b FROM t WHERE a = 6")" = six
'

test_expect_success 'a file that is not there' '
	test_expect_code 1 ddb-route absent.sql 2>err && grep "^ddb-route: .*absent.sql" err
'

{
	echo 'CREATE TABLE d (a INTEGER PRIMARY KEY, b TEXT); BEGIN;'
	seq 1 2000 | sed "s/.*/INSERT INTO d VALUES (&, 'row number &');/"
	echo 'COMMIT;'
} >dump.sql
size=$(wc -c <dump.sql)
test_expect_success 'a dump cut anywhere loads nothing of its transaction, and says so' '
	for bytes in 100 $((size / 3)) $((size / 2)) $((size - 9)) $((size - 4)); do
		head -c "$bytes" dump.sql >cut.sql &&
		ddb-route -c "DROP TABLE IF EXISTS d" &&
		{ ddb-route cut.sql 2>err; code=$?; test $code -eq 1 || test $code -eq 65; } &&
		grep -E "^ddb-route: cut.sql:[0-9]+:[0-9]+: " err && test "$(wc -l <err)" -eq 1 &&
		test "$(answer "SELECT count(*) FROM d")" -eq 0 || return
	done &&
	ddb-route -c "DROP TABLE d" && ddb-route dump.sql && test "$(answer "SELECT count(*) FROM d")" -eq 2000
'

test_expect_success 'a last statement that writes needs its semicolon' '
	printf "DELETE FROM d WHERE a < 9" | test_expect_code 65 ddb-route 2>err && grep "semicolon" err &&
	test "$(answer "SELECT count(*) FROM d")" -eq 2000
'

test_expect_success 'with --json an error is an object that tells whether to try again' '
	test_expect_code 1 ddb-route --json -c "SELECT 1 AS a; SELECT nonsense" >out 2>err && test "$(cat out)" = "{\"a\":1}" && test "$(wc -l <err)" -eq 1 &&
	printf "%s\n" "{\"error\":\"no such column: nonsense\",\"code\":\"42703\",\"kind\":\"failed\",\"retry\":\"safe\",\"file\":\"-c\",\"line\":1,\"column\":23,\"statement\":\"SELECT nonsense\"}" >expected && test_cmp expected err
'

test_expect_success 'a closed pipe ends it quietly, as SIGPIPE does' '
	{ ddb-route -c "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"; echo $? >code; } 2>err | head -n 3 >out &&
	test "$(cat code)" -eq 141 && test_cmp /dev/null err && test "$(tail -n 1 out)" = 2
'

test_expect_success 'a full disk for the rows is an I/O error' '
	test_expect_code 74 ddb-route -c "SELECT * FROM d" >/dev/full 2>err && grep "^ddb-route: cannot write the output" err && test "$(wc -l <err)" -eq 1
'

test_expect_success 'a key over the limit is named, and nothing is stored' '
	ddb-route -c "CREATE TABLE k (name TEXT PRIMARY KEY)" &&
	test_expect_code 65 ddb-route -c "INSERT INTO k VALUES ('\''short'\''), (printf('\''%.*c'\'', 600, '\''x'\''))" 2>err &&
	grep "^ddb-route: -c:1:1: a key of table k takes 604 bytes, and the limit is" err && test "$(answer "SELECT count(*) FROM k")" -eq 0
'

test_expect_success 'an interrupt ends a statement that would not end' '
	{ ddb-route -c "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n" >out 2>err & echo $! >route.pid; } &&
	sleep 1 && kill -INT "$(cat route.pid)" && test_within 10 test_gone "$(cat route.pid)"
'

test_expect_success 'a transaction that is open when the program is killed leaves no trace' '
	mkfifo in2 && { ddb-route <in2 & echo $! >route.pid; } && exec 3>in2 &&
	echo "BEGIN; INSERT INTO t VALUES (77, '\''x'\''); SELECT 1;" >&3 && sleep 0.5 &&
	kill -KILL "$(cat route.pid)" && exec 3>&- &&
	test "$(answer "SELECT count(*) FROM t WHERE a = 77")" -eq 0
'

test_done
