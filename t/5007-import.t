#!/bin/sh
# ddb-route import: files into tables, bad rows told, and how to go on.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

rows() {
	ddb-route --no-header -c "SELECT count(*) FROM $1"
}

test_expect_success 'a cluster and a table' '
	cluster_up -m 1 && ddb-route -c "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n REAL)"
'

test_expect_success 'CSV as ddb-route and sqlite3 write it, quotes, line ends and all' '
	printf "\357\273\277id,name,n\r\n1,\"it \"\"is\"\"\r\ntwo, lines\",1.5\r\n2,,\r\n3,\"\",3" >a.csv &&
	ddb-route import a.csv t >out && printf "table\trows\tbad\tnext_line\nt\t3\t0\t6\n" >expected && test_cmp expected out &&
	ddb-route --csv -c "SELECT * FROM t" >b.csv && ddb-route import --create b.csv u >out &&
	ddb-route --quote -c "SELECT * FROM t" >t.rows && ddb-route --quote -c "SELECT CAST(id AS INT), name, CAST(n AS REAL) FROM u" >u.rows && test_cmp t.rows u.rows
'

test_expect_success 'TSV and JSON lines go out and come back, blobs in TSV too' '
	ddb-route -c "CREATE TABLE v (id INTEGER PRIMARY KEY, x); INSERT INTO v VALUES (1, '\''tab '\'' || char(9) || '\'' \\x '\'' || char(10)), (2, NULL), (3, x'\''00ff'\'')" &&
	ddb-route --tsv -c "SELECT * FROM v" >v.tsv && ddb-route --quote -c "SELECT * FROM v" >expected && ddb-route -c "DELETE FROM v" &&
	ddb-route import v.tsv v >out && ddb-route --quote -c "SELECT * FROM v" >actual && test_cmp expected actual &&
	ddb-route --json -c "SELECT id, name, n FROM t" >t.json && ddb-route -c "DELETE FROM t" && ddb-route import --json - t <t.json >out &&
	ddb-route --quote -c "SELECT * FROM t" >actual && test_cmp t.rows actual
'

test_expect_success 'bad rows are told, and the run goes on after them as often as it may' '
	ddb-route -c "DELETE FROM t" && printf "id,name,n\n1,a,1\n1,again,1\n2,b\n3,c,3,4\n4,\377,4\n5,\"e\"e,5\n6,f,6\n" >bad.csv &&
	ddb-route import --bad-max 5 bad.csv t >out 2>err && grep -x "t	2	5	9" out && cut -d : -f 1-3 err >places &&
	printf "ddb-route: bad.csv:%d\n" 3 4 5 6 7 >expected && test_cmp expected places && grep "bad.csv:3: UNIQUE constraint failed" err &&
	ddb-route -c "DELETE FROM t" && test_expect_code 65 ddb-route import --bad-max 4 bad.csv t >out 2>err &&
	grep "^ddb-route: more than 4 rows are bad" err && test "$(rows t)" -eq 0
'

test_expect_success 'after an error it goes on at the line that it names' '
	awk "BEGIN { print \"id,name,n\"; for (i = 1; i <= 2500; i++) print i \",\" (i == 1700 ? \"x\" : i) \",\" i }" >big.csv &&
	sed "s/^1700,x,1700/17x0,x,1700/" big.csv >broken.csv &&
	test_expect_code 65 ddb-route import --batch 500 broken.csv t >out 2>err && grep "broken.csv:1701: datatype mismatch" err &&
	grep "^ddb-route: a row is bad: 1500 rows are in, of the lines before 1502: go on with --from 1502" err && test "$(rows t)" -eq 1500 &&
	ddb-route import --batch 500 --from 1502 big.csv t >out && test "$(rows t)" -eq 2500 &&
	ddb-route import --existing skip big.csv t >out && grep -x "t	0	0	2502" out && ddb-route import --existing replace big.csv t >out && test "$(rows t)" -eq 2500
'

test_expect_success 'a field over the limit, a quote that nobody closes: one bad row' '
	{ echo "id,name,n" && printf "9001," && head -c 20000000 /dev/zero | tr "\0" x && printf ",1\n9002,\"open,2\n9003,c,3\n"; } >huge.csv &&
	ddb-route import --bad-max 2 huge.csv t >out 2>err && grep "huge.csv:2: it is longer than 16 MB" err && grep "huge.csv:3: a quote that begins a field is never closed" err
'

test_expect_success 'what makes no sense is refused' '
	test_expect_code 1 ddb-route import a.csv nothing 2>err >out && grep "there is no table nothing" err &&
	test_expect_code 64 ddb-route import - t 2>err </dev/null && grep "say --csv, --tsv or --json" err &&
	test_expect_code 64 ddb-route import --separator ab a.csv t 2>err &&
	test_expect_code 1 ddb-route import no.csv t 2>err && grep "cannot open no.csv" err &&
	printf "id,what\n1,2\n" >wrong.csv && test_expect_code 65 ddb-route import wrong.csv t 2>err && grep "no column named \"what\"" err
'

test_expect_success 'an empty file is no rows; a full disk for the report is an I/O error' '
	: >empty.csv && ddb-route import empty.csv t >out && grep -x "t	0	0	1" out &&
	test_expect_code 74 ddb-route import --existing skip a.csv t >/dev/full 2>err
'

test_expect_success 'the cluster ends' 'cluster_down'

test_done
