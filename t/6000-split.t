#!/bin/sh
# ddb-split: where it splits, what it says, what it refuses; and what a crash right after leaves.
test_seconds=600
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

# list COLUMN: of all ranges, by key.
list() {
	ddb-split list --tsv >ranges && awk -F '\t' -v wanted="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		{ print $column[wanted] }' ranges
}
ranges_are() {
	test "$(list id | wc -l)" = "$1"
}

test_expect_success 'a cluster with two tables' '
	cluster_up &&
	ddb-route -c "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)" &&
	ddb-route -c "CREATE TABLE place (shelf TEXT, level INT, what TEXT, PRIMARY KEY (shelf, level)) WITHOUT ROWID" &&
	ddb-route -c "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
		INSERT INTO item SELECT i, '\''item '\'' || i FROM n" &&
	ddb-route -c "INSERT INTO place VALUES ('\''a'\'', 1, '\''x'\''), ('\''b'\'', 2, '\''y'\''), ('\''b'\'', 9, '\''z'\'')"
'

test_expect_success 'in the beginning there is one range' '
	ranges_are 1 && test "$(list replicas)" = 1,2,3 && test "$(list epoch)" = 1.1
'

test_expect_success 'at: a table is split at keys, and all of its rows are there' '
	ddb-split at item 250 500 750 >out && test "$(wc -l <out)" = 4 &&
	test_within 20 ranges_are 4 &&
	test "$(list start | tr "\n" " ")" = " 250 500 750 " &&
	test "$(ddb-route --no-header -c "SELECT count(*), sum(id) FROM item")" = "1000	500500"
'

test_expect_success 'at: composite keys, texts, negative numbers, keys of the first columns alone' '
	ddb-split at place "('\''b'\'', 5)" "'\''a'\''" >out && grep -F "('\''b'\'', 5)" out && grep -F "'\''a'\''" out &&
	ddb-split at item -- -7 >out && cut -f 3 out | grep -qx -e -7 &&
	test "$(ddb-route --no-header -c "SELECT count(*) FROM place")" = 3
'

test_expect_success 'at -: lines of keys, or of tables and keys' '
	printf "100\n200\n" | ddb-split at item - >out && test "$(wc -l <out)" = 3 &&
	printf "item\t300\nplace '\''c'\''\n" | ddb-split at - >out && test "$(wc -l <out)" = 3
'

test_expect_success 'at --key: as stored' '
	key=$(ddb-split where item 600 --json | sed "s/.*\"key\":\"\([0-9a-f]*\)\".*/\1/") &&
	ddb-split at --key "$key" >out && cut -f 3 out | grep -qx 600
'

test_expect_success 'a split where a range begins says so, and is none' '
	before=$(list id | wc -l) &&
	ddb-split at item 250 >out 2>err && grep -q "begins at item 250 already" err &&
	test "$(tail -n 1 out | cut -f 4)" = 1 && ranges_are "$before"
'

test_expect_success 'where: says who serves a key' '
	ddb-split where item 260 --json >out && grep -q "\"start\":\"item 250\"" out &&
	ddb-split where item 5000000 >out && ddb-split where place "('\''b'\'', 2)" >out
'

test_expect_success 'range ids never repeat' '
	list id | sort | uniq -d >twice && test_cmp /dev/null twice
'

test_expect_success 'what makes no sense is refused, and changes nothing' '
	before=$(list id | wc -l) &&
	test_expect_code 1 ddb-split at nowhere 1 2>err && grep -q "there is no table nowhere" err &&
	test_expect_code 1 ddb-split at item "'\''text'\''" 2>err &&
	test_expect_code 64 ddb-split at item "(1, 2)" 2>err &&
	test_expect_code 64 ddb-split at item "1; DROP TABLE item" 2>err &&
	test_expect_code 64 ddb-split at item "random()" 2>err &&
	test_expect_code 64 ddb-split at item 2>err &&
	test_expect_code 64 ddb-split at --key 0g 2>err &&
	test_expect_code 65 ddb-split at place "'\''$(printf %600s)'\''" 2>err &&
	test_expect_code 1 ddb-split where nowhere 1 2>err &&
	test_expect_code 64 ddb-split even item 0 2>err &&
	ranges_are "$before"
'

test_expect_success 'even: so many ranges of about as many rows' '
	ddb-route -c "CREATE TABLE many (id INTEGER PRIMARY KEY, v TEXT)" &&
	ddb-route -c "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
		INSERT INTO many SELECT i, i FROM n" &&
	ddb-split even many 8 >/dev/null &&
	ddb-split list --tsv | awk -F "\t" "\$2 == \"many\" && \$4 != \"\" { print \$9 }" | head -n 8 >rows && cat rows &&
	awk "{ if (\$1 < 400 || \$1 > 600) bad = 1 } END { exit bad || NR != 8 }" rows &&
	test "$(ddb-route --no-header -c "SELECT count(*), sum(id) FROM many")" = "4000	8002000"
'

test_expect_success 'a table to write to meanwhile' 'ddb-route -c "CREATE TABLE log (id INTEGER PRIMARY KEY)"'

# A row that RETURNING prints is acknowledged.
seq 1 1000000 2>/dev/null | sed 's/.*/INSERT INTO log VALUES (&) RETURNING id;/' 2>/dev/null |
	ddb-route --no-header --keep-going >acked 2>errors &
echo $! >writer.pid

test_expect_success 'splits under writes, a node killed right after each' '
	for round in 1 2 3; do
		sleep 1
		ddb-split at log $((round * 150)) $((round * 150 + 50)) >/dev/null &&
		cluster_kill node-$round && cluster_up || return
	done
'

test_expect_success 'nothing that was acknowledged is lost, and all replicas agree' '
	test_stop writer
	ddb-route --no-header -c "SELECT id FROM log" | sort >there && sort acked >wanted && test -s wanted &&
	comm -23 wanted there >lost && test_cmp /dev/null lost &&
	test_within 60 cluster_agree && cat replicas && cluster_down
'

test_done
