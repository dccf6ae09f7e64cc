#!/bin/sh
# ddb-bench check: workloads on a live cluster whose answers fit together, and that notice when they do not.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

# Each of these workloads is a valid row with so many successes at least.
valid() {
	table=$1 least=$2
	shift 2
	for workload; do
		awk -F '\t' -v workload="$workload" -v least="$least" '
			NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
			$column["workload"] == workload && $column["verdict"] == "valid" && $column["ok"] >= least &&
				$column["ok"] + $column["failed"] + $column["unknown"] == $column["operations"] { found = 1 }
			END { exit !found }' "$table" || { echo "$workload"; return 1; }
	done
}

test_expect_success 'a cluster' 'cluster_up -n 1 -m 1'

test_expect_success 'every workload over SQL' '
	ddb-bench check -d 3s --history h.jsonl >out 2>err && test_cmp /dev/null err &&
	valid out 20 register list-append bank write-skew sequential set
'

test_expect_success 'its history says the same' '
	ddb-bench check --file h.jsonl >again && sort out >one && sort again >two && test_cmp one two
'

test_expect_success 'chosen workloads, straight at the nodes' '
	ddb-bench check -d 1s --via kv --seed 7 bank list-append >out && valid out 20 bank list-append && test "$(wc -l <out)" -eq 3
'

# Whether a workload's table, which the test has dropped, is there and has rows.
filled() {
	ddb-route --no-header -c "SELECT k FROM check_$1 LIMIT 1" >rows && test -s rows
}

test_expect_success 'who changes its rows meanwhile is noticed' '
	ddb-route -c "DROP TABLE check_bank" && test_start check ddb-bench check -d 4s bank && test_within 20 filled bank &&
	ddb-route -c "UPDATE check_bank SET v = v + 1 WHERE k = (SELECT min(k) FROM check_bank)" &&
	wait "$(cat check.pid)"; status=$?; rm -f check.pid; test "$status" -eq 1 &&
	grep -q "^ddb-bench: bank: wrong sum: all accounts hold 801, not 800" check.err
'

test_expect_success 'an interrupt ends it early, with a verdict' '
	ddb-route -c "DROP TABLE check_set" && test_start early ddb-bench check -d 60s set && test_within 20 filled set &&
	test_stop early INT && valid early.out 1 set
'

test_expect_success 'what it refuses' '
	test_expect_code 64 ddb-bench check soup 2>err && grep soup err &&
	test_expect_code 64 ddb-bench check --via pigeon 2>err &&
	test_expect_code 64 ddb-bench check -c 0 2>err &&
	( unset DDB_RPC && test_expect_code 64 ddb-bench check bank 2>err && grep DDB_RPC err ) &&
	test_expect_code 73 ddb-bench check -d 1s --history /nowhere/h bank 2>err
'

test_done
