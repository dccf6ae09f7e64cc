#!/bin/sh
# A node that is told to stop hands its leaderships over first: writes hardly notice.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

test_expect_success 'a cluster' '
	cluster_up
'

# column NAME: of the only line of rows.
column() {
	awk -F '\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }' rows
}

for round in 1 2 3; do
	test_expect_success "round $round: the leader's node stops while clients write, and nothing fails" '
		ddb-bench kv -c 4 -r 0 -n 200 >/dev/null && ddb-bench kv -c 4 -r 0 -d 5s -s 64 -k 100 --tsv >rows &
		bench=$! && sleep 2 && cluster_kill "$(cluster_leader)" TERM && wait "$bench" &&
		column stall_ms >>stalls && [ "$(column operations)" -gt 100 ] && [ "$(column errors)" -eq 0 ] &&
		cluster_up && test_within 30 cluster_agree
	'
done

# 200 ms on an idle machine; an election would take more than a second each time, a busy disk does so now and then.
test_expect_success 'leadership was handed over: no write waited for an election' '
	cat stalls && [ "$(sort -n stalls | head -n 1 | cut -d . -f 1)" -lt 1000 ]
'

test_expect_success 'the cluster goes down' '
	cluster_down
'

test_done
