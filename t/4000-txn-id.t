#!/bin/sh
# ddb-route --txn-id and ddb-route outcome: what an interrupted commit came to, decided once and for all.
test_seconds=600
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

kills=${DDB_TEST_KILLS:-60}

answer() {
	ddb-route --no-header -c "$1"
}

# The outcome of NAME as one word.
outcome() {
	ddb-route outcome --no-header "$1" | cut -f 2
}

test_expect_success 'a cluster, where every payment is in several ranges' '
	cluster_up &&
	ddb-route -c "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INT); INSERT INTO account VALUES (1, 0), (2, 0);
		CREATE TABLE payment (name TEXT PRIMARY KEY)" &&
	ddb-split at account 2 && ddb-split at payment "'\''kill-3'\''"
'

# The statements of payment NAME.
pay() {
	echo "UPDATE account SET balance = balance - 1 WHERE id = 1; UPDATE account SET balance = balance + 1 WHERE id = 2;
		INSERT INTO payment VALUES ('$1');"
}

test_expect_success 'a name commits once, and a repeated run is a success that does nothing' '
	pay one | ddb-route --txn-id one >out 2>err && test_cmp /dev/null err &&
	pay one | ddb-route --txn-id one 2>err && grep "^ddb-route: transaction one was committed, at 20.*Z: nothing more was done" err &&
	test "$(answer "SELECT balance FROM account")" = "$(printf "%s\n" -1 1)" &&
	ddb-route outcome one >out && grep "^name	outcome	time$" out && grep "^one	committed	20.*Z$" out
'

test_expect_success 'who asks for a name that has not committed closes it: exit 1' '
	test_expect_code 1 ddb-route outcome two >out 2>err && grep "^two	aborted	20" out && test_cmp /dev/null err &&
	pay two | test_expect_code 77 ddb-route --txn-id two 2>err && grep "two was given up by ddb-route outcome: run it under another name" err &&
	test "$(answer "SELECT count(*) FROM payment")" = 1 && test "$(outcome two)" = aborted
'

test_expect_success 'a run under way that was given up can no longer commit, whatever it has read' '
	mkfifo in && { ddb-route --no-header --txn-id late <in >out 2>err & echo $! >route.pid; } && exec 3>in &&
	echo "SELECT 7; SELECT balance - balance FROM account WHERE id = 1; INSERT INTO payment VALUES ('\''late'\'');" >&3 &&
	test_within 10 grep -x 0 out && test "$(outcome late)" = aborted &&
	exec 3>&- && test_expect_code 77 wait "$(cat route.pid)" && rm route.pid &&
	test "$(answer "SELECT count(*) FROM payment")" = 1
'

test_expect_success 'a run in one transaction, whatever BEGIN and COMMIT say, or none of it' '
	echo "BEGIN; INSERT INTO payment VALUES ('\''a'\''); COMMIT; INSERT INTO payment VALUES ('\''b'\''); SELECT nonsense;" |
		test_expect_code 1 ddb-route --txn-id half 2>err && test "$(answer "SELECT count(*) FROM payment")" = 1 &&
	ddb-route --txn-id half -c "BEGIN; INSERT INTO payment VALUES ('\''a'\''); COMMIT" -c "DELETE FROM payment WHERE name = '\''a'\''" &&
	test "$(outcome half)" = committed && ddb-route --txn-id nothing -c "SELECT 1" && test "$(outcome nothing)" = committed
'

test_expect_success 'a forgotten name is new' '
	ddb-route outcome --forget two >out && test_cmp /dev/null out &&
	pay two | ddb-route --txn-id two && test "$(outcome two)" = committed
'

test_expect_success 'refused: no name, a long one, statements that stand alone, options that make more than one transaction' '
	test_expect_code 64 ddb-route --txn-id "" -c "SELECT 1" 2>err && grep "1 to 128 bytes" err &&
	test_expect_code 64 ddb-route outcome "$(printf "%0129d" 0)" 2>err && grep "1 to 128 bytes" err &&
	test_expect_code 64 ddb-route outcome 2>err && test_expect_code 64 ddb-route -c "SELECT 1" outcome x 2>err &&
	test_expect_code 64 ddb-route --txn-id x -c "CREATE TABLE u (a)" 2>err && grep "run this statement without --txn-id" err &&
	test_expect_code 64 ddb-route --txn-id x -c "SELECT 1; ROLLBACK" 2>err &&
	test_expect_code 64 ddb-route --txn-id x --batch 2 -c "SELECT 1" 2>err && grep "one transaction" err &&
	test_expect_code 64 ddb-route --txn-id x -k -c "SELECT 1" 2>err && grep "one transaction" err &&
	test "$(outcome x)" = aborted
'

# Kills come later after a run that was killed before its commit, and sooner after one that was not: so they gather around it.
next_delay() {
	echo "$1 $2" | awk '{ print $1 * ($2 == "committed" ? 0.85 : 1.2) }'
}

test_expect_success "$kills runs killed at any moment: the outcome is decided, and the rows agree with it" '
	delay=0.03 &&
	: >committed && : >aborted &&
	for kill in $(seq "$kills"); do
		pay "kill-$kill" >script
		ddb-route --txn-id "kill-$kill" script 2>/dev/null & echo $! >route.pid
		sleep "$delay"
		kill -KILL "$(cat route.pid)" 2>/dev/null
		what=$(outcome "kill-$kill") && echo "kill-$kill" >>"$what" && delay=$(next_delay "$delay" "$what") || return
		wait "$(cat route.pid)" 2>/dev/null
	done
	echo "$(wc -l <committed) committed, $(wc -l <aborted) aborted" &&
	test -s committed && test -s aborted &&
	answer "SELECT name FROM payment WHERE name GLOB '\''kill-*'\''" | sort >there &&
	sort committed >expected && test_cmp expected there
'

test_expect_success 'no payment is half done, and a second answer is the first one' '
	count=$(answer "SELECT count(*) FROM payment") &&
	test "$(answer "SELECT balance FROM account")" = "$(printf "%s\n" "-$count" "$count")" &&
	while read -r name; do
		test "$(outcome "$name")" = committed || return
	done <committed &&
	while read -r name; do
		test "$(outcome "$name")" = aborted || return
	done <aborted
'

test_expect_success 'runs of one name at the same time: one commits, and all succeed' '
	before=$(answer "SELECT balance FROM account WHERE id = 2") && pay same >script &&
	for run in 1 2 3 4; do
		ddb-route --txn-id same script 2>"err.$run" & echo $! >"same-$run.pid"
	done &&
	for run in 1 2 3 4; do
		wait "$(cat "same-$run.pid")" || { cat "err.$run"; return 1; }
		rm "same-$run.pid"
	done &&
	cat err.1 err.2 err.3 err.4 && test "$(cat err.? | grep -c "same was committed, at")" -ge 3 &&
	test "$(answer "SELECT balance FROM account WHERE id = 2")" = $((before + 1))
'

test_expect_success 'it ends' cluster_down

test_done
