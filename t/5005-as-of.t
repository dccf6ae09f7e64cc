#!/bin/sh
# AS OF SYSTEM TIME: queries of the past.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

test_expect_success 'a cluster and a table' '
	cluster_up &&
	ddb-route -c "CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, '\''old'\''), (2, '\''old'\'')" &&
	ddb-split at t 2
'

test_expect_success 'a timestamp of the oracle, an age, a date: the rows of that time, over all ranges' '
	sleep 2 && then=$(ddb-oracle time --no-header | cut -f 1) && date=$(date -u "+%F %T") && sleep 2 &&
	ddb-route -c "UPDATE t SET b = '\''new'\''; INSERT INTO t VALUES (3, '\''new'\'')" &&
	ddb-route --no-header -c "SELECT * FROM t AS OF SYSTEM TIME $then" >out &&
	printf "1\told\n2\told\n" >expected && test_cmp expected out &&
	ddb-route --no-header -c "SELECT * FROM t AS OF SYSTEM TIME '\''$date'\''" >out && test_cmp expected out &&
	ddb-route --no-header -c "BEGIN AS OF SYSTEM TIME '\''-1s'\''; SELECT count(*) FROM t; COMMIT" >out &&
	grep -xE "2|3" out && test "$(ddb-route --no-header -c "SELECT count(*) FROM t")" = 3
'

test_expect_success 'the session'\''s setting' '
	ddb-route --no-header -c "PRAGMA as_of_system_time = $then; SELECT * FROM t" >out && test_cmp expected out
'

test_expect_success 'what writes, lies ahead, is too old or makes no sense is refused' '
	test_expect_code 77 ddb-route -c "BEGIN AS OF SYSTEM TIME '\''-1s'\''; DELETE FROM t" 2>err && grep "only reads" err &&
	test_expect_code 77 ddb-route -c "SELECT 1 AS OF SYSTEM TIME '\''2200-01-01'\''" 2>err && grep "has yet to come" err &&
	test_expect_code 1 ddb-route -c "SELECT 1 AS OF SYSTEM TIME '\''soon'\''" 2>err && grep "takes an age" err &&
	test_expect_code 77 ddb-route -c "SELECT * FROM t AS OF SYSTEM TIME '\''2020-01-01'\''" 2>err &&
	grep "table t was made or changed at 20.*, after the time asked for: ask for a later time" err &&
	test "$(ddb-route --no-header -c "SELECT count(*) FROM t")" = 3
'

test_expect_success 'the cluster ends' 'cluster_down'

test_done
