#!/bin/sh
# A range is split 64 ways while 64 clients read and write it: no error reaches a client.
test_seconds=300
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

keys=20000

# p99 FILE: in microseconds, of the slower of reads and writes.
p99() {
	awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		$column["operations"] > 0 && $column["p99_us"] > worst { worst = $column["p99_us"] } END { print worst + 0 }' "$1"
}
errors() {
	awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next } { sum += $column["errors"] } END { print sum + 0 }' "$1"
}

test_expect_success 'a cluster, its keys written, and how quick it is' '
	cluster_up &&
	ddb-bench kv -c 64 -r 50 -k $keys -d 1s >/dev/null &&
	ddb-bench kv -c 64 -r 50 -k $keys -d 8s --no-preload >before && cat before
'

test_expect_success 'split 64 ways meanwhile: no error' '
	ddb-bench kv -c 64 -r 50 -k $keys -d 8s --no-preload >during 2>err &
	echo $! >bench.pid
	sleep 1
	ddb-split at $(seq 1 63 | while read -r i; do printf " --key %s" "$(printf "bench/%010d" $((i * keys / 64)) | od -An -tx1 | tr -d " \n")"; done) >splits
	wait "$(cat bench.pid)" && rm bench.pid &&
	cat during err && test "$(wc -l <splits)" = 64 && test "$(errors during)" = 0 &&
	test "$(ddb-split list --tsv | wc -l)" = 65
'

# How quick it stays is for people to judge: within 5 times is the aim, and machines differ.
echo "# p99 of the slower of reads and writes: before $(p99 before) us, during $(p99 during) us"

test_expect_success 'all replicas agree' 'test_within 60 cluster_agree && cluster_down'

test_done
