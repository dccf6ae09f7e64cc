#!/bin/sh
# Histories: what clients heard fits together, whatever happened to the servers meanwhile.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

linear=$top/t/lib/linear.pl
shared=${DDB_SHARED:-$top/../shared}/histories/lin

line() {
	printf '{"process": %s, "type": "%s", "f": "%s", "key": "k", "value": %s, "time": %s}\n' "$@"
}

test_expect_success 'the checker takes a history that has an order' '
	{
		line 1 invoke write 7 1; line 2 invoke read null 2; line 2 ok read 7 3
		line 2 invoke cas "[7, 8]" 4; line 2 info cas "[7, 8]" 5; line 1 ok write 7 6
		line 3 invoke read null 7; line 3 ok read 7 8; line 3 invoke read null 9; line 3 ok read 8 10
	} >good && perl "$linear" good
'

test_expect_success 'the checker refuses a stale read' '
	{
		line 1 invoke write 7 1; line 1 ok write 7 2; line 1 invoke write 8 3; line 1 ok write 8 4
		line 2 invoke read null 5; line 2 ok read 7 6
	} >bad && test_expect_code 1 perl "$linear" bad >out && echo k | test_cmp - out
'

test_expect_success 'the checker refuses an effect of what failed, and a lost write' '
	{ line 1 invoke write 7 1; line 1 fail write 7 2; line 2 invoke read null 5; line 2 ok read 7 6; } >bad &&
	test_expect_code 1 perl "$linear" bad &&
	{ line 1 invoke write 7 1; line 1 ok write 7 2; line 2 invoke read null 5; line 2 ok read null 6; } >bad &&
	test_expect_code 1 perl "$linear" bad
'

if [ -d "$shared" ]; then
	test_expect_success 'the checker agrees with others about their histories' '
		for file in "$shared"/etcd_01?.jsonl "$shared"/knossos_*.jsonl; do
			if perl "$linear" "$file" >/dev/null; then found=true; else found=false; fi
			grep -q "\"$(basename "$file")\": $found" "$shared/expected.json" || echo "$(basename "$file"): $found"
		done >wrong && test_cmp /dev/null wrong
	'
else
	test_skip 'the checker agrees with others about their histories' "no $shared"
fi

test_expect_success 'a cluster of three' 'cluster_up -n 3 -m 3'

# Load in the background while the leader of something is hit.
load() {
	test_start load ddb-bench kv -d "$1" -c 12 -r 45 --cas-percent 15 -k 100 --history "$2"
	sleep 2
}

# The load went on to the end, with no stall above so many milliseconds, and its history has an order.
load_is_fine() {
	test_stop load 0 && cat load.out load.err &&
		awk -F '\t' -v limit="$2" '
			NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
			$column["operations"] < 50 || $column["stall_ms"] > limit { bad = 1 }
			END { exit bad || NR < 4 }' load.out &&
		perl "$linear" "$1"
}

test_expect_success 'kill -9 of the node that leads, and its return' '
	load 10s killed.jsonl && leader=$(cluster_leader) && cluster_kill "$leader" &&
	sleep 3 && cluster_up && load_is_fine killed.jsonl 5000
'

test_expect_success 'the node that leads stands still for five seconds' '
	load 12s stopped.jsonl && leader=$(cluster_leader) && pid=$(cluster_pid "$leader") &&
	kill -STOP "$pid" && sleep 5 && kill -CONT "$pid" && load_is_fine stopped.jsonl 5000
'

test_expect_success 'kill -9 of the oracle that leads, and its return' '
	load 10s oracle.jsonl &&
	leader=oracle-$(ddb-oracle status | awk -F "\t" "\$3 == \"leader\" { print \$1 }") && cluster_kill "$leader" &&
	sleep 3 && cluster_up && load_is_fine oracle.jsonl 5000
'

test_expect_success 'replicas agree in the end' 'test_within 20 cluster_agree'

test_done
