#!/bin/sh
# The harness itself: a test library that cannot fail would pass everything.
. t/lib/tap.sh

mkdir -p inner/t/lib
cp "$top/t/lib/tap.sh" inner/t/lib/

# Runs a test script of its own; what it says goes to `said`.
inner() {
	printf '. t/lib/tap.sh\n%s\n' "$1" >inner/x.t
	(cd inner && /bin/sh x.t) >said 2>&1
}

test_expect_success 'a test that succeeds is ok' '
	inner "test_expect_success yes true; test_done" &&
	grep "^ok 1 - yes$" said && grep "^1[.][.]1$" said
'

test_expect_success 'a test that fails is not ok, shows why, and the script fails' '
	test_expect_code 1 inner "test_expect_success no \"echo why && false\"; test_done" &&
	grep "^not ok 1 - no$" said && grep "^# > why" said
'

test_expect_success 'another exit status than the expected one fails' '
	test_expect_code 1 inner "test_expect_success code \"test_expect_code 64 true\"; test_done" &&
	grep "^not ok 1" said
'

test_expect_success 'a test that returns early with a failure is not ok' '
	test_expect_code 1 inner "test_expect_success return \"false || return; true\"; test_done" &&
	grep "^not ok 1" said
'

test_expect_success 'a script that ends early is no success' '
	test_expect_code 1 inner "test_expect_success yes true; exit 0" &&
	grep "^Bail out!" said
'

test_expect_success 'a script that hangs is ended, and what it started with it' '
	test_seconds=1 && export test_seconds &&
	test_expect_code 124 inner "test_start s sleep 77; cat s.pid; sleep 77; test_done" &&
	test_within 5 test_gone "$(head -n 1 said)"
'
unset test_seconds

test_expect_success 'processes and files of a test are gone after it' '
	inner "test_start s sleep 88; cat s.pid; pwd; test_done" &&
	pid=$(sed -n 1p said) && directory=$(sed -n 2p said) &&
	test_within 5 test_gone "$pid" && ! test -e "$directory"
'

test_done
