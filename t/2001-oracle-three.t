#!/bin/sh
# Three members: founding, the loss of a leader in every way, and directories that must not come back.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

base=$(cluster_free_base)
address() {
	echo "127.0.0.1:$((base + $1))"
}
DDB_ORACLE=$(address 1),$(address 2),$(address 3)
export DDB_ORACLE

start_member() {
	test_start "member-$1" ddb-oracle serve --data "data-$1" --listen "$(address "$1")" --peers "$DDB_ORACLE" --log "log-$1"
}
# The number of the member that leads.
leader() {
	ddb-oracle status 2>/dev/null | awk -F '\t' '$3 == "leader" { print $1; found = 1 } END { exit !found }'
}
# Whether all three stand at the same revision.
in_step() {
	ddb-oracle status >members 2>/dev/null && test "$(tail -n +2 members | cut -f 7 | sort -u | wc -l)" -eq 1
}
now() {
	ddb-oracle time --no-header | cut -f 1
}
# Whether time has passed $1.
later_than() {
	test "$(now)" -gt "$1"
}

start_member 1
start_member 2

test_expect_success 'until all have been heard of nobody serves, and they say whom they wait for (Z2)' '
	test_within 10 grep -q "has not heard from $(address 3)\$" log-2 &&
	test_expect_code 69 ddb-oracle time --timeout 2s 2>err &&
	test_expect_code 69 ddb-oracle status 2>err && grep "being founded: .* has not heard from $(address 3)" err
'

start_member 3

test_expect_success 'all three found one oracle, and one of them leads' '
	test_within 30 ddb-oracle time --timeout 1s >/dev/null &&
	ddb-oracle put k 0 >/dev/null && test_within 10 in_step &&
	test "$(tail -n +2 members | wc -l)" -eq 3 &&
	test "$(tail -n +2 members | cut -f 8 | sort -u | wc -l)" -eq 1 &&
	test "$(cut -f 3 members | grep -c leader)" -eq 1
'

test_expect_success 'any one address is enough' '
	for i in 1 2 3; do ddb-oracle get k -o "$(address $i)" >/dev/null || return 1; done
'

test_start watch ddb-oracle watch seq --from 1 -n 60

test_expect_success 'leaders killed, one after the other: writes and time go on' '
	n=0 && last=$(now) &&
	for victim in 1 2 3; do
		lead=$(leader) && { test_stop "member-$lead" KILL 2>/dev/null || true; } &&
		for i in $(seq 20); do
			n=$((n + 1)) && ddb-oracle put seq "$n" >/dev/null &&
			if [ $((n % 5)) -eq 0 ]; then ts=$(now) && test "$ts" -gt "$last" && last=$ts; fi || return 1
		done &&
		start_member "$lead" && test_within 20 in_step || return 1
	done
'

test_expect_success 'a watch that lived through it has missed nothing' '
	test_within 20 test_gone "$(cat watch.pid)" &&
	seq 60 >expected && tail -n +2 watch.out | cut -f 4 >actual && test_cmp expected actual
'

test_expect_success 'a leader that stands still and wakes up neither gives old time nor reads old data (SAFETY 3, 12)' '
	lead=$(leader) && pid=$(cat "member-$lead.pid") && old=$(now) &&
	kill -STOP "$pid" && test_within 20 ddb-oracle put k 1 >/dev/null && later=$(now) &&
	kill -CONT "$pid" &&
	test "$(ddb-oracle get k -o "$(address "$lead")" --no-header | cut -f 2)" = 1 &&
	woken=$(ddb-oracle time -o "$(address "$lead")" --no-header | cut -f 1) &&
	test "$later" -gt "$old" && test "$woken" -gt "$later"
'

test_expect_success 'a leader that is asked to end hands over: nobody waits' '
	test_within 20 in_step && lead=$(leader) && before=$(now) &&
	kill -TERM "$(cat "member-$lead.pid")" &&
	timeout 1 ddb-oracle put k 2 >/dev/null && later_than "$before" &&
	wait "$(cat "member-$lead.pid")" && start_member "$lead" && test_within 20 in_step
'

test_expect_success 'an old copy of a directory is refused, and the member goes on (A6)' '
	test_stop member-3 && cp -r data-3 copy-3 && start_member 3 &&
	test_within 20 in_step && test_within 20 eval "tail -n 1 log-3 | grep -q registered" && test_stop member-3 &&
	test_expect_code 77 timeout 30 ddb-oracle serve --data copy-3 --listen "$(address 3)" --peers "$DDB_ORACLE" 2>err &&
	grep "old copy" err && start_member 3 && test_within 20 in_step
'

test_expect_success 'an emptied directory is not taken back (Z2)' '
	test_stop member-1 && mv data-1 kept-1 && : >log-1 && start_member 1 &&
	test_within 20 grep -q "founded with another directory of $(address 1)" log-1 &&
	ddb-oracle put k 3 >/dev/null &&
	test_expect_code 69 ddb-oracle status 2>err &&
	test_stop member-1 && rm -rf data-1 && mv kept-1 data-1 && start_member 1 && test_within 20 in_step
'

test_expect_success 'with the majority gone nothing is served, and it comes back with it' '
	lead=$(leader) && last=$(now) &&
	for i in 1 2 3; do
		[ "$i" -eq "$lead" ] || test_stop "member-$i" KILL 2>/dev/null || true
	done &&
	sleep 2 && # the lease (L1) has run out
	test_expect_code 69 ddb-oracle time --timeout 2s 2>err &&
	test_expect_code 69 ddb-oracle get k --timeout 2s 2>err &&
	for i in 1 2 3; do
		[ "$i" -eq "$lead" ] || start_member "$i"
	done &&
	test_within 20 in_step && later_than "$last" && test "$(ddb-oracle get k --no-header | cut -f 2)" = 3
'

test_done
