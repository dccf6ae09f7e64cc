#!/bin/sh
# ddb-bench: what it prints, what it counts, what it refuses.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

# The field of this name in the row of this operation.
field() {
	awk -F '\t' -v operation="$2" -v name="$3" '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		$column["operation"] == operation { print $column[name] }' "$1"
}

# Percentiles rise, and none is above the slowest.
ordered() {
	awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		{
			last = 0
			for (i = column["p50_us"]; i <= column["max_us"]; i++) { if ($i < last) exit 1; last = $i }
			rows++
		}
		END { exit !rows }' "$1"
}

test_expect_success 'a cluster' 'cluster_up -n 1 -m 1'

test_expect_success 'kv writes so many rows, and says how long it took' '
	ddb-bench kv -n 300 -c 4 >out 2>err &&
	test_cmp /dev/null err && ordered out &&
	test "$(field out write operations)" = 300 && test "$(field out write clients)" = 4 && test "$(field out write errors)" = 0 &&
	test "$(wc -l <out)" -eq 2
'

test_expect_success 'kv reads, writes and compares, each in its row' '
	ddb-bench kv -n 600 -c 4 -r 40 --cas-percent 20 -k 50 --distribution zipf >out && ordered out &&
	test "$(field out read operations)" -gt 100 && test "$(field out write operations)" -gt 100 &&
	test "$(field out cas operations)" -gt 10 &&
	ddb-bench kv -n 200 -c 4 --transfer-percent 100 -k 5000 >out && test "$(field out transfer operations)" -gt 150 &&
	ddb-bench kv -n 5 --transfer-percent 100 --transaction-size 1000 -k 2000 >out && test "$(field out transfer operations)" = 5
'

test_expect_success 'it ends when the time is over' '
	before=$(date +%s) && ddb-bench kv -d 1s --json >out && test $(($(date +%s) - before)) -le 5 &&
	grep -E "^\{\"workload\":\"kv\",\"operation\":\"write\",.*\"per_second\":[1-9]" out
'

test_expect_success 'values of any size up to the limit' '
	ddb-bench kv -n 3 -s 1 >out && test "$(field out write operations)" = 3 &&
	ddb-bench kv -n 3 -s 1048576 >out && test "$(field out write operations)" = 3 &&
	test_expect_code 64 ddb-bench kv -n 3 -s 1048577 2>err
'

test_expect_success 'tso takes timestamps, together and one by one' '
	ddb-bench tso -n 20000 -c 200 >out && test "$(field out batched operations)" = 20000 && ordered out &&
	ddb-bench tso -n 2000 -c 4 --single >out && test "$(field out single operations)" = 2000
'

test_expect_success 'sql runs a file, with parameters' '
	ddb-route -c "CREATE TABLE visits (n INTEGER PRIMARY KEY, who INT, what INT)" &&
	echo "INSERT INTO visits VALUES (:n, :client, :random); SELECT count(*) FROM visits WHERE n = :n;" >load.sql &&
	ddb-bench sql -c 3 -n 60 -k 10 load.sql >out && ordered out &&
	test "$(field out "1 INSERT" operations)" = 60 && test "$(field out all operations)" = 60 &&
	ddb-route --no-header -c "SELECT count(*), count(DISTINCT who), max(what) < 10 FROM visits" >rows &&
	printf "60\t3\t1\n" | test_cmp - rows
'

test_expect_success 'a failed statement is counted, and rolls back its pass' '
	echo "BEGIN; INSERT INTO visits VALUES (1000000 + :n, 0, 0); INSERT INTO visits VALUES (1, 0, 0); COMMIT" >load.sql &&
	test_expect_code 1 ddb-bench sql -n 5 load.sql >out 2>err &&
	test "$(field out "3 INSERT" error_kinds)" = "exists=5" && grep "^ddb-bench: .*UNIQUE" err &&
	ddb-route --no-header -c "SELECT count(*) FROM visits WHERE n > 1000000" >rows && echo 0 | test_cmp - rows
'

test_expect_success 'usage errors' '
	for wrong in "kv --distribution flat" "kv -r 101" "kv -r 60 --cas-percent 60" "kv -r 60 --transfer-percent 60" "kv --transfer-percent 9 --transaction-size 11 -k 10" "kv -c 0" "kv -k 0" "sql" "tso --spin x" ""; do
		# shellcheck disable=SC2086
		test_expect_code 64 ddb-bench $wrong >out 2>err && test_cmp /dev/null out && grep "^ddb-bench: " err || return 1
	done
	: >empty.sql && test_expect_code 64 ddb-bench sql empty.sql 2>err && grep empty.sql err &&
	test_expect_code 64 env -u DDB_RPC ddb-bench sql load.sql 2>err && grep DDB_RPC err
'

test_expect_success 'nobody there: 69, naming who was asked' '
	test_expect_code 69 ddb-bench kv -n 1 --timeout 1s -o 127.0.0.1:1 2>err >/dev/null && grep "127.0.0.1:1" err &&
	test_expect_code 69 ddb-bench tso -n 1 --timeout 1s -o 127.0.0.1:1 2>err >/dev/null && grep "127.0.0.1:1" err &&
	test_expect_code 69 ddb-bench sql -n 1 --rpc 127.0.0.1:1 load.sql 2>err >/dev/null && grep "127.0.0.1:1" err
'

test_expect_success 'what cannot be written is an error' '
	test_expect_code 74 ddb-bench tso -n 1 >/dev/full 2>err && grep "^ddb-bench: " err &&
	test_expect_code 73 ddb-bench kv -n 1 --history no/such/directory 2>err && grep "no/such/directory" err &&
	test_expect_code 74 ddb-bench kv -n 100 --history /dev/full 2>err >/dev/null && grep "/dev/full: No space" err
'

test_expect_success 'SIGINT ends the run early, with its result' '
	test_start run ddb-bench kv -d 60s &&
	sleep 1 && test_stop run INT && test "$(field run.out write operations)" -gt 0
'

test_done
