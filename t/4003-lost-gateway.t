#!/bin/sh
# Gateways killed under load: what they leave is decided and cleared away without anybody meeting it (V4), and nothing is half done.
test_seconds=600
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

# The figure of this name, of the second gateway.
figure() {
	ddb-route status "127.0.0.1:$(cluster_port route-2)" | awk -F '\t' -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		{ print $column[name] }'
}

test_expect_success 'a cluster, where every transfer is in two ranges' '
	cluster_up -g 2 &&
	ddb-route -c "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INT);
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199) INSERT INTO account SELECT i, 100 FROM n" &&
	ddb-split at account 100 &&
	echo "BEGIN; UPDATE account SET balance = balance - 1 WHERE id = :client;
		UPDATE account SET balance = balance + 1 WHERE id = 100 + :client; COMMIT;" >transfer
'

test_expect_success 'a gateway killed five times in the middle of 32 commits' '
	for kill in 1 2 3 4 5; do
		ddb-bench sql --rpc "127.0.0.1:$(cluster_port route-1)" -c 32 -d 60s --timeout 1s transfer >bench.out 2>&1 & echo $! >bench.pid
		sleep 2
		cluster_kill route-1 || return
		kill "$(cat bench.pid)" && wait "$(cat bench.pid)"
		rm bench.pid
		cluster_up -g 2 || return
	done
'

# Long enough for locks to count as orphaned, and for the leaders to have seen to them.
test_expect_success 'nobody has to see to what they left: a reader of everything meets no lock' '
	sleep 25 && before=$(figure recoveries) &&
	echo "SELECT sum(balance) FROM account" | ddb-bench sql --rpc "127.0.0.1:$(cluster_port route-2)" -n 20 - >out &&
	test "$(figure recoveries)" = "$before"
'

test_expect_success 'every transfer is whole: so is the sum, and each pair of accounts' '
	test "$(ddb-route --no-header -c "SELECT sum(balance) FROM account")" = 20000 &&
	test "$(ddb-route --no-header -c "SELECT count(*) FROM account a JOIN account b ON b.id = a.id + 100 WHERE a.balance + b.balance <> 200")" = 0 &&
	ddb-route --no-header -c "SELECT sum(100 - balance) FROM account WHERE id < 100" >moved && cat moved && test "$(cat moved)" -gt 0
'

test_expect_success 'it ends' cluster_down

test_done
