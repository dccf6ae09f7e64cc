#!/bin/sh
# kill -9 of every kind of process at random moments, under load: nothing that was acknowledged is lost, nothing happens twice.
test_seconds=900
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

kills=${DDB_TEST_KILLS:-50}
seed=${DDB_TEST_SEED:-$(od -An -N 2 -tu2 /dev/urandom | tr -d ' ')}
echo "# $kills kills, DDB_TEST_SEED=$seed"

test_expect_success 'a cluster' '
	cluster_up &&
	ddb-route -c "CREATE TABLE written (id INTEGER PRIMARY KEY); CREATE TABLE counter (n INT); INSERT INTO counter VALUES (0)"
'

# A row that RETURNING prints is acknowledged. Writers go on after errors, until they are told to end.
start_writer() {
	seq "$2" 1 $(($2 + 9999999)) 2>/dev/null | sed "s/.*/$3/" 2>/dev/null | ddb-route --no-header --keep-going >"acked.$1" 2>"errors.$1" &
	echo $! >"writer-$1.pid"
}
for writer in 1 2 3; do
	start_writer $writer $((writer * 10000000)) 'INSERT INTO written VALUES (&) RETURNING id;'
done
start_writer counter 1 'UPDATE counter SET n = n + 1 RETURNING n;'

# draw BELOW: the next of a reproducible sequence, as $drawn.
draw() {
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	drawn=$((seed / 65536 % $1))
}

# Nodes hold the most, so half of the kills are theirs.
draw_victim() {
	draw 8
	case $drawn in
	0 | 1 | 2) victim=oracle-$((drawn + 1)) ;;
	3) victim=route-1 ;;
	*) draw 3 && victim=node-$((drawn + 1)) ;;
	esac
}

test_expect_success "$kills kills, and the cluster serves after each" '
	for kill in $(seq "$kills"); do
		draw_victim && echo "kill $kill: $victim" &&
		draw 10 && sleep "0.$drawn" && cluster_kill "$victim" &&
		draw 10 && sleep "0.$drawn" && cluster_up || return
	done
'

test_expect_success 'the writers have written all the time, and end' '
	for writer in 1 2 3 counter; do
		test_stop "writer-$writer"
		sort "acked.$writer" >sorted && uniq -d sorted >twice && test_cmp /dev/null twice &&
		echo "$writer: $(wc -l <sorted) acknowledged, $(wc -l <"errors.$writer") errors" &&
		test "$(wc -l <sorted)" -gt "$kills" || return
	done
'

test_expect_success 'every row that was acknowledged is there' '
	sort acked.1 acked.2 acked.3 >acked && ddb-route --no-header -c "SELECT id FROM written" | sort >there &&
	comm -23 acked there >lost && test_cmp /dev/null lost
'

test_expect_success 'every increment happened once: the counter lies between what was acknowledged and that plus the unknown' '
	acked=$(wc -l <acked.counter) unknown=$(grep -vc " conflict" errors.counter)
	count=$(ddb-route --no-header -c "SELECT n FROM counter") &&
	echo "counter $count, acknowledged $acked, unknown $unknown" &&
	test "$count" -ge "$acked" && test "$count" -le $((acked + unknown))
'

test_expect_success 'all replicas agree' 'test_within 60 cluster_agree && cat replicas && cluster_down'

test_done
