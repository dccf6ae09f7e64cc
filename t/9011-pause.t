#!/bin/sh
# A leader that is stopped for five seconds and comes back believes nothing of what it believed: no stale read, no time twice.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

test_expect_success 'a cluster, and a reader that knows its leader' '
	cluster_up && ddb-route -c "CREATE TABLE r (id INTEGER PRIMARY KEY, v INT); INSERT INTO r VALUES (1, 0)" &&
	mkfifo ask && { ddb-route --no-header <ask >answers 2>errors & echo $! >reader.pid; }
'
exec 3>ask

# reads VALUE: what the long-lived reader, which may still think of the old leader, must read.
asked=0
reads() {
	asked=$((asked + 1))
	echo 'SELECT v FROM r WHERE id = 1;' >&3
	test_within 20 test_answered $asked && value=$(sed -n "${asked}p" answers) || return
	[ "$value" = "$1" ] || { echo "read $value, not $1"; return 1; }
}
test_answered() {
	[ "$(wc -l <answers)" -ge "$1" ]
}
write() {
	ddb-route -c "UPDATE r SET v = $1 WHERE id = 1"
}

for round in 1 2 3; do
	test_expect_success "round $round: written elsewhere while the leader stands still, read by who knew the old one" '
		write $((round * 10)) && reads $((round * 10)) &&
		leader=$(cluster_leader) && pid=$(cluster_pid "$leader") && kill -STOP "$pid" &&
		write $((round * 10 + 1)) && sleep 5 && write $((round * 10 + 2)) &&
		kill -CONT "$pid" && for i in 1 2 3 4 5 6 7 8 9 10; do
			reads $((round * 10 + 2)) || return
		done
	'
done

test_expect_success 'time goes on, and never back, when the leading oracle stands still' '
	leader=$(ddb-oracle status --tsv | awk -F "	" "\$3 == \"leader\" { print \$2 }") && leader=oracle-$((${leader#*:} - cluster_base)) &&
	pid=$(cluster_pid "$leader") && ddb-oracle time --no-header | cut -f 1 >times && kill -STOP "$pid" &&
	ddb-oracle time --no-header | cut -f 1 >>times && sleep 5 && ddb-oracle time --no-header | cut -f 1 >>times &&
	kill -CONT "$pid" && for i in 1 2 3 4 5; do ddb-oracle time --no-header | cut -f 1 >>times || return; done &&
	sort -n -u times >sorted && test_cmp sorted times
'

exec 3>&-
test_expect_success 'the reader met no error, and all replicas agree' '
	test_within 10 test_gone "$(cat reader.pid)" && test_cmp /dev/null errors && test_within 60 cluster_agree && cluster_down
'

test_done
