#!/bin/sh
# Transactions in each other's way: a hot row makes progress in order, and a deadlock ends in one clean error.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

answer() {
	ddb-route --no-header -c "$1"
}

# The figure of this name, summed over all gateways.
figure() {
	ddb-route status | awk -F '\t' -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		{ sum += $column[name] } END { print sum }'
}

test_expect_success 'a cluster with a table in two ranges' '
	cluster_up -g 2 &&
	ddb-route -c "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)" &&
	ddb-split at t 2
'

test_expect_success 'a hot row under 64 clients: every one of them comes through, none twice, and few are begun again (K3)' '
	echo "UPDATE t SET n = n + 1 WHERE id = 1" | ddb-bench sql -c 64 -n 1000 - >out && cat out &&
	test "$(awk -F "\t" "NR == 2 { print \$NF }" out)" = "" && test "$(answer "SELECT n FROM t WHERE id = 1")" = 1000 &&
	retries=$(figure commits_failed) && echo "$retries commits failed and were begun again" && test "$retries" -lt 250
'

test_expect_success 'so does an UPSERT' '
	echo "INSERT INTO t VALUES (7, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1" | ddb-bench sql -c 32 -n 400 - >out &&
	test "$(answer "SELECT n FROM t WHERE id = 7")" = 400
'

test_expect_success 'a hot row that lies in a transaction over two ranges' '
	echo "BEGIN; UPDATE t SET n = n + 1 WHERE id = 1; UPDATE t SET n = n - 1 WHERE id = 3; COMMIT;" >transfer &&
	ddb-bench sql -c 16 -n 200 transfer >out && cat out &&
	test "$(answer "SELECT sum(n) FROM t WHERE id IN (1, 3)")" = 1000 && test "$(answer "SELECT n FROM t WHERE id = 3")" = -200
'

# A session that reads its statements from NAME.in; opened for writing with exec.
session() {
	mkfifo "$1.in" && { ddb-route --no-header <"$1.in" >"$1.out" 2>"$1.err" & echo $! >"$1.pid"; }
}

test_expect_success 'two transactions, two rows, opposite orders: one commits, the other hears why not' '
	session one && session two && exec 3>one.in && exec 4>two.in &&
	echo "BEGIN; SELECT '\''one'\'' || n FROM t WHERE id = 7; UPDATE t SET n = n + 1 WHERE id = 2; SELECT '\''ready'\'';" >&3 &&
	echo "BEGIN; SELECT '\''two'\'' || n FROM t WHERE id = 7; UPDATE t SET n = n + 1 WHERE id = 3; SELECT '\''ready'\'';" >&4 &&
	test_within 20 grep -x ready one.out && test_within 20 grep -x ready two.out &&
	echo "UPDATE t SET n = n + 1 WHERE id = 3; COMMIT; SELECT '\''done'\'';" >&3 &&
	echo "UPDATE t SET n = n + 1 WHERE id = 2; COMMIT; SELECT '\''done'\'';" >&4 &&
	exec 3>&- && exec 4>&- &&
	{ wait "$(cat one.pid)"; one=$?; wait "$(cat two.pid)"; two=$?; rm one.pid two.pid; cat one.err two.err; } &&
	{ test "$one $two" = "0 75" || test "$one $two" = "75 0"; } &&
	grep -hE "table t, key [23], (was written by the transaction that committed at|is held by the older transaction) [0-9]+" one.err two.err >said &&
	test "$(wc -l <said)" = 1 &&
	test "$(answer "SELECT n FROM t WHERE id IN (2, 3)")" = "$(printf "%s\n" 1 -199)"
'

test_expect_success 'two that show the client nothing but counts come through both' '
	session three && session four && exec 3>three.in && exec 4>four.in &&
	echo "BEGIN; UPDATE t SET n = n + 1 WHERE id = 2;" >&3 && echo "BEGIN; UPDATE t SET n = n + 1 WHERE id = 3;" >&4 && sleep 0.3 &&
	echo "UPDATE t SET n = n + 1 WHERE id = 3; COMMIT;" >&3 && echo "UPDATE t SET n = n + 1 WHERE id = 2; COMMIT;" >&4 &&
	exec 3>&- && exec 4>&- &&
	wait "$(cat three.pid)" && wait "$(cat four.pid)" && rm three.pid four.pid &&
	test "$(answer "SELECT n FROM t WHERE id IN (2, 3)")" = "$(printf "%s\n" 3 -197)"
'

test_expect_success 'it ends' cluster_down

test_done
