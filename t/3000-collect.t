#!/bin/sh
# Old versions go, but not from under those who still read them.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

# The sum of a column of ddb-node status over the ranges' leaders.
total() {
	ddb-node status --tsv | awk -F '\t' -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		$column["role"] == "leader" { sum += $column[name] }
		END { printf "%.0f\n", sum }'
}

versions_below() {
	test "$(total versions)" -lt "$1"
}

threshold_above() {
	test "$(total threshold_ms)" -gt "$1"
}

overwrite() {
	echo "UPDATE t SET n = n + 1;" | ddb-bench sql --clients 1 --operations "$1" - >/dev/null
}

protected() {
	ddb-oracle get collect/reader/ --prefix --no-header | grep .
}

test_expect_success 'a cluster that keeps old versions for ten seconds' '
	cluster_up && ddb-oracle put config/collect_age 10 &&
	ddb-route -c "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT NOT NULL); INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)"
'

# The nodes may have looked at the setting before it was made; they look again after a while.
test_expect_success 'what was overwritten goes' '
	overwrite 100 && test "$(total versions)" -gt 100 && test_within 120 versions_below 20 &&
	test "$(ddb-route --no-header -c "SELECT sum(n) FROM t")" = 300
'

test_expect_success 'a transaction that lasts is protected after a moment' '
	mkfifo in && { ddb-route --no-header <in >out 2>err & echo $! >route.pid; } && exec 3>in &&
	echo "BEGIN; SELECT sum(n) FROM t;" >&3 && test_within 30 grep -x 300 out && test_within 30 protected
'

# Nothing can pass the reader: so it is waited until something has come close, and would have passed.
test_expect_success 'it goes on reading its snapshot while everything is overwritten and the age passes' '
	before=$(date +%s%3N) && overwrite 100 && reader=$(ddb-oracle get collect/reader/ --prefix --no-header | cut -f 2) &&
	test "$(ddb-route --no-header -c "SELECT sum(n) FROM t")" = 600 &&
	sleep 15 && test "$(total versions)" -gt 100 && test "$(total threshold_ms)" -lt "$before" &&
	: >out && echo "SELECT sum(n) FROM t;" >&3 && test_within 30 grep -x 300 out && test ! -s err &&
	echo "$reader" && protected | cut -f 2 | grep -x "$reader"
'

test_expect_success 'when it ends the space comes back' '
	echo "COMMIT;" >&3 && test_within 60 versions_below 20 && ! protected && test ! -s err
'

test_expect_success 'a gateway that dies holds nothing up for long' '
	: >out && echo "BEGIN; SELECT sum(n) FROM t;" >&3 && test_within 30 grep -x 600 out && test_within 30 protected &&
	kill -9 "$(cat route.pid)" && exec 3>&- && rm route.pid && overwrite 100 && test_within 60 versions_below 20 && ! protected
'

test_expect_success 'who was away for longer than that is told so, and reads nothing wrong' '
	mkfifo in2 && { ddb-route --no-header <in2 >out2 2>err2 & echo $! >route.pid; } && exec 3>in2 &&
	echo "BEGIN; SELECT sum(n) FROM t;" >&3 && test_within 30 grep -x 900 out2 && now=$(date +%s%3N) &&
	kill -STOP "$(cat route.pid)" && overwrite 100 && test_within 60 threshold_above "$now" && : >out2 &&
	kill -CONT "$(cat route.pid)" && echo "SELECT sum(n) FROM t;" >&3 && test_within 30 test -s err2 &&
	cat err2 && grep "no longer kept" err2 && test ! -s out2 && exec 3>&-
'

test_expect_success 'it ends' cluster_down

test_done
