#!/bin/sh
# A hundred ranges: transactions over all of them, what their gateways leave behind, and the same after every process was killed.
test_seconds=600
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

says() {
	test "$(ddb-route --timeout 60s --no-header -c "$1")" = "$2"
}

test_expect_success 'a table in a hundred ranges' '
	cluster_up &&
	ddb-route -c "CREATE TABLE item (id INTEGER PRIMARY KEY, n INT)" &&
	ddb-route -c "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO item SELECT i, 0 FROM n" &&
	ddb-split even item 100 >out && test "$(ddb-split list --tsv | awk -F "\t" "\$2 == \"item\"" | wc -l)" -ge 100
'

test_expect_success 'one transaction over all of them, from a gateway that ends at once' '
	ddb-route -c "UPDATE item SET n = n + 1 WHERE id % 100 = 50" &&
	ddb-route --no-header -c "SELECT count(*), sum(n) FROM item" >out && echo "10000	100" | test_cmp - out
'

# Somewhere between the first lock and the last resolve: whoever comes next finishes it, or finds none of it.
test_expect_success 'a gateway killed at work: all or nothing, and others go on' '
	for pause in 0.1 0.2 0.3 0.4; do
		before=$(ddb-route --no-header -c "SELECT sum(n) FROM item") &&
		test_start route ddb-route -c "UPDATE item SET n = n + 1 WHERE id % 100 = 50" && sleep "$pause" &&
		{ test_stop route KILL || :; } && after=$(ddb-route --timeout 60s --no-header -c "SELECT sum(n) FROM item") &&
		{ test "$after" = "$before" || test "$after" = $((before + 100)); } || return 1
	done
'

test_expect_success 'every process is killed and started again: all ranges are read and written' '
	sum=$(ddb-route --no-header -c "SELECT sum(n) FROM item") &&
	for name in oracle-1 oracle-2 oracle-3 node-1 node-2 node-3 route-1; do
		kill -KILL "$(cluster_pid $name)" || return 1
	done && cluster_up &&
	says "SELECT count(*), sum(n) FROM item" "10000	$sum" &&
	ddb-route --timeout 60s -c "UPDATE item SET n = n + 1" &&
	says "SELECT sum(n) FROM item" $((sum + 10000)) &&
	test_within 60 cluster_agree
'

test_done
