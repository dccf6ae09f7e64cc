#!/bin/sh
# The simulator: a set of seeds, each a whole cluster under every fault. More by hand: build/sim --seeds 10000.
test_seconds=600
. t/lib/tap.sh

test_expect_success 'no seed finds a violation' '
	cd "$top" && "$test_build/sim" --seeds "${DDB_SIM_SEEDS:-120}"
'

test_expect_success 'a seed replays exactly' '
	"$test_build/sim" --seed 7 --trace >one 2>&1 &&
	"$test_build/sim" --seed 7 --trace >two 2>&1 &&
	test_cmp one two && grep "ms  " one
'

test_done
