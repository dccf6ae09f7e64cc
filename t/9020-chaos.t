#!/bin/sh
# Chaos: members are killed, stopped, started again and cut off from each other under load that checks what it is told; no answer is wrong.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

# Every workload is valid and did something.
valid() {
	awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		$column["verdict"] != "valid" || $column["ok"] < 20 { bad = 1 }
		END { exit bad || NR != 7 }' "$1"
}

# Every member that ddb-up knows is up.
all_up() {
	for file in "$cluster"/*/pid; do
		! test_gone "$(cat "$file")" || return 1
	done
}

# One node has a small file system for itself, where that is permitted.
disk=$cluster/node-1/data
mkdir -p "$disk"
if mount -t tmpfs -o size=400m none "$disk" 2>/dev/null; then
	kinds=kill,stop,restart,disk
	trap 'test_end_processes; umount --lazy "$disk" 2>/dev/null; test_cleanup' EXIT
else
	kinds=kill,stop,restart
fi

test_expect_success 'a cluster of three, with two gateways' 'cluster_up -n 3 -m 3 -g 2'

test_expect_success 'no violation while members are killed, stopped and restarted' '
	test_start check ddb-bench check -d 25s --timeout 5s --history h.jsonl &&
	ddb-chaos --duration 18 --calm 1 --down 3 --seed 5 --kinds "$kinds" "$cluster" >hits &&
	wait "$(cat check.pid)" && rm -f check.pid && cat hits check.out && valid check.out
'

test_expect_success 'it did what it says' '
	head -n 1 hits >header && printf "second\tkind\tmember\n" | test_cmp - header &&
	test "$(wc -l <hits)" -gt 3 && cut -f 2 hits | sort -u | test "$(wc -l)" -gt 2
'

test_expect_success 'all members are up again, and the replicas agree' 'all_up && test_within 20 cluster_agree'

one_gone() {
	for file in "$cluster"/node-*/pid; do
		! test_gone "$(cat "$file")" || return 0
	done
	return 1
}

test_expect_success 'ended early, it leaves everything up' '
	test_start chaos ddb-chaos --kinds kill --members node --calm 0 --down 600 "$cluster" && test_within 20 one_gone &&
	kill "$(cat chaos.pid)" && { wait "$(cat chaos.pid)"; test $? -eq 143; } && rm -f chaos.pid && all_up
'

if [ "$kinds" != kill,stop,restart ]; then
	test_expect_success 'a full disk is filled, and room is made again' '
		ddb-chaos --kinds disk --duration 2 --calm 1 --down 2 "$cluster" >hits &&
		grep "^[0-9]*	disk	node-1$" hits && test ! -e "$disk/filler"
	'
	test_expect_success 'only a small disk that a member has for itself is filled' '
		test_expect_code 69 ddb-chaos --kinds disk --members oracle "$cluster" 2>err && grep "file system of its own" err
	'
else
	test_skip 'a full disk is filled, and room is made again' 'mounting a small file system takes root'
	test_expect_success 'a disk that a member does not have for itself is not filled' '
		test_expect_code 69 ddb-chaos --kinds disk "$cluster" 2>err && grep "file system of its own" err
	'
fi

test_expect_success 'without namespaces no network is cut, and it says so' '
	ddb-chaos --kinds cut,restart --members route --duration 1 --calm 1 "$cluster" >hits 2>err && grep "no cut: .* one network" err &&
	test_expect_code 69 ddb-chaos --kinds split "$cluster" 2>err && test_expect_code 64 ddb-up -N "$cluster" 2>err
'

test_expect_success 'what it refuses' '
	test_expect_code 64 ddb-chaos 2>err && grep ^usage err &&
	test_expect_code 64 ddb-chaos --kinds burn "$cluster" 2>err && grep "burn" err &&
	test_expect_code 64 ddb-chaos --duration long "$cluster" 2>err && grep "takes a number" err &&
	test_expect_code 64 ddb-chaos --speed 3 "$cluster" 2>err && grep ^usage err &&
	mkdir -p empty && test_expect_code 64 ddb-chaos empty 2>err && grep "holds no cluster" err
'

cluster_down

# The same with a network of its own for each process, where that is permitted.
cluster=$trash/apart
cluster_base=
if ip netns add "ddb-test-$$" 2>/dev/null; then
	ip netns del "ddb-test-$$"
	trap 'test_end_processes; ddb-down "$cluster"; umount --lazy "$disk" 2>/dev/null; test_cleanup' EXIT
	test_expect_success 'a cluster whose processes have a network each' '
		cluster_up -N -g 2 && ddb-route -c "CREATE TABLE t (id INTEGER PRIMARY KEY)" && test "$(wc -l <"$cluster/namespaces")" = 8
	'
	test_expect_success 'no violation while processes are cut off, one way and both, and cut in two' '
		test_start check ddb-bench check -d 25s --timeout 5s --history h.jsonl &&
		ddb-chaos --duration 18 --calm 1 --down 3 --seed 3 --kinds cut,split,mute,deaf "$cluster" >hits &&
		wait "$(cat check.pid)" && rm -f check.pid && cat hits check.out && valid check.out &&
		test "$(wc -l <hits)" -gt 3
	'
	test_expect_success 'who is cut off is not heard, and when it is ended early all hear each other again' '
		lost() { ip -netns "$(grep -o ".*-node-1" "$cluster/namespaces")" neigh show nud permanent | wc -l; } &&
		test_start chaos ddb-chaos --kinds cut --members node --calm 0 --down 600 --seed 4 "$cluster" &&
		test_within 20 eval "test \$(lost) -gt 0" && kill "$(cat chaos.pid)" && { wait "$(cat chaos.pid)"; test $? -eq 143; } &&
		rm -f chaos.pid && test "$(lost)" = 0 && test_within 60 cluster_agree
	'
	test_expect_success 'ddb-down leaves no namespace, and ddb-up makes them anew' '
		cluster_down && ! ip netns list | grep "ddb$cluster_base-" && test ! -e "/sys/class/net/ddb$cluster_base" &&
		cluster_up && ddb-route -c "INSERT INTO t VALUES (1)" && cluster_down
	'
else
	test_skip 'no violation while processes are cut off, one way and both, and cut in two' 'making network namespaces takes root'
fi

test_done
