#!/bin/sh
# ddb-route status: what gateways did, and by its figures what transactions cost.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

# figure NAME: of the gateway, now.
figure() {
	ddb-route status --tsv | awk -F '\t' -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		{ print $column[name] }'
}

test_expect_success 'a cluster, and two accounts in two ranges' '
	cluster_up &&
	ddb-route -c "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INT NOT NULL); INSERT INTO account VALUES (1, 0), (2, 0)" &&
	ddb-split at account 2
'

test_expect_success 'a row per gateway, with a header' '
	ddb-route status >out && test "$(wc -l <out)" -eq 2 && grep "^address	hit_percent	uptime_seconds	" out &&
	grep "^$DDB_RPC	" out && ddb-route status --json "$DDB_RPC" | grep "^{\"address\":\"$DDB_RPC\","
'

# One client's transfers, $1 of them, each a statement that reads and writes both accounts.
transfers() {
	echo "UPDATE account SET balance = balance + CASE id WHEN 1 THEN -1 ELSE 1 END WHERE id IN (1, 2);" |
		ddb-bench sql --clients 1 --operations "$1" - >bench.out
}

test_expect_success 'a transfer between two ranges: one round trip to the oracle to start, one for C0, and no request goes astray' '
	transfers 20 && trips=$(figure timestamp_requests) commits=$(figure commits_several_ranges) misrouted=$(figure requests_misrouted) &&
	transfers 200 && trips=$(($(figure timestamp_requests) - trips)) commits=$(($(figure commits_several_ranges) - commits)) &&
	echo "$commits transfers, $trips round trips" &&
	test "$commits" -eq 200 && test "$trips" -eq 400 && test "$(figure requests_misrouted)" -eq "$misrouted" &&
	test "$(ddb-route --no-header -c "SELECT sum(balance) FROM account")" = 0
'

test_expect_success 'in steady state 99 of 100 requests go the right way at once' '
	figure hit_percent && figure hit_percent | awk "{ exit !(\$1 >= 99) }"
'

test_expect_success 'commits in one range are counted apart, and clients share round trips to the oracle' '
	ddb-route -c "CREATE TABLE note (client INT, n INT, PRIMARY KEY (client, n)) WITHOUT ROWID" &&
	commits=$(figure commits_one_range) several=$(figure commits_several_ranges) &&
	echo "INSERT INTO note VALUES (:client, :n)" | ddb-bench sql --clients 32 --operations 640 - >bench.out && cat bench.out && ddb-route status --json &&
	test "$(figure commits_one_range)" -eq $((commits + 640)) && test "$(figure commits_several_ranges)" -eq "$several" &&
	test "$(figure timestamps)" -gt "$(figure timestamp_requests)" && test "$(figure errors)" -eq 0
'

test_expect_success 'a gateway that is down is named, and the others are shown' '
	test_expect_code 69 ddb-route status "$DDB_RPC" 127.0.0.1:1 >out 2>err &&
	grep "^$DDB_RPC	" out && grep "^ddb-route: 127.0.0.1:1: " err &&
	test_expect_code 64 ddb-route status nonsense 2>err && (unset DDB_RPC && test_expect_code 64 ddb-route status 2>err) && grep DDB_RPC err
'

test_expect_success 'who is no gateway gets a plain error' '
	test_expect_code 69 ddb-route status "127.0.0.1:$(cluster_port oracle-1)" 2>err && cat err && grep "^ddb-route: 127" err
'

test_expect_success 'it ends' cluster_down

test_done
