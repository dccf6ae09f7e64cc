#!/bin/sh
# An old copy of a data directory is not let in, however often it is started (A6).
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

serving() {
	test "$(ddb-route --timeout 2s --no-header -c "SELECT count(*) FROM t")" = "$1"
}

start_node() {
	ddb-node serve -d "$1" -l "127.0.0.1:$(cluster_port node-1)"
}

test_expect_success 'a node, and a copy of its directory from when it was stopped' '
	cluster_up -n 1 -m 1 && ddb-oracle put config/replicas 1 && ddb-route -c "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)" &&
	cluster_kill node-1 TERM && cp -R "$cluster/node-1/data" copy
'

test_expect_success 'the node goes on' '
	cluster_up && test_within 60 serving 1 && ddb-route -c "INSERT INTO t VALUES (2)" && cluster_kill node-1 TERM
'

test_expect_success 'the copy is refused at every start' '
	for start in 1 2 3 4 5; do
		test_expect_code 77 start_node copy 2>err && cat err && grep "^ddb-node: store .* old copy" err || return
	done
'

test_expect_success 'the node itself is not, even if it was killed before it heard of its registration' '
	for start in 1 2 3; do
		cluster_up && cluster_kill node-1 || return
	done &&
	cluster_up && test_within 60 serving 2 && cluster_kill node-1 && cluster_up && test_within 60 serving 2
'

test_expect_success 'nor does it help the copy that the node has been restarted meanwhile' '
	cluster_kill node-1 TERM && test_expect_code 77 start_node copy 2>err && cluster_up && test_within 60 serving 2
'

test_expect_success 'it ends' cluster_down

test_done
