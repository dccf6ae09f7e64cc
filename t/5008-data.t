#!/bin/sh
# ddb-route --data: a database in a directory, with nothing else to start.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

test_expect_success 'a directory is made, filled, and found again' '
	ddb-route -d db -c "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE); INSERT INTO t (a) VALUES ('\''x'\''), ('\''y'\'')" &&
	ddb-route -d db -c "INSERT INTO t (a) VALUES ('\''z'\'')" &&
	ddb-route -d db --no-header -c "SELECT * FROM t" >out &&
	printf "1\tx\n2\ty\n3\tz\n" >expected && test_cmp expected out &&
	ddb-route -d "$PWD/./db" --json -c "SELECT count(*) AS n FROM t" >out && echo "{\"n\":3}" >expected && test_cmp expected out
'

test_expect_success 'a dump goes in, a script runs, transactions hold' '
	printf "%s\n" "BEGIN;" "CREATE TABLE u (v);" "INSERT INTO u VALUES (1);" "COMMIT;" | ddb-route -d db &&
	ddb-route -d db -c "BEGIN; INSERT INTO u VALUES (2); ROLLBACK; PRAGMA integrity_check; SELECT count(*) FROM u" --no-header >out &&
	printf "ok\n1\n" >expected && test_cmp expected out
'

test_expect_success 'processes that meet take turns; one that waits too long says who has it' '
	for i in 1 2 3 4; do ddb-route -d db -c "INSERT INTO u VALUES ($i)" & done; wait
	test "$(ddb-route -d db --no-header -c "SELECT count(*) FROM u")" = 5 &&
	test_start gateway ddb-route -d db --listen 127.0.0.1:0 &&
	test_within 20 grep "serves on" gateway.err &&
	test_expect_code 75 ddb-route -d db -t 300ms -c "SELECT 1" 2>err && grep "is in use by process $(cat gateway.pid)" err
'

test_expect_success 'while one serves, the tools of a cluster reach it by its sockets' '
	DDB_ORACLE=unix:$PWD/db/oracle-1/socket &&
	ddb-split list --oracle "$DDB_ORACLE" >ranges && test $(wc -l <ranges) -ge 2 &&
	ddb-route --oracle "$DDB_ORACLE" --no-header -c "SELECT count(*) FROM t" >out && echo 3 >expected && test_cmp expected out
'

test_expect_success 'killed the hard way, nothing acknowledged is lost' '
	ddb-route --oracle "unix:$PWD/db/oracle-1/socket" -c "INSERT INTO t (a) VALUES ('\''last'\'')" &&
	kill -KILL "$(cat gateway.pid)" && test_gone "$(cat gateway.pid)" &&
	ddb-route -d db --no-header -c "SELECT a FROM t WHERE id = 4 OR a = '\''last'\''" >out && echo last >expected && test_cmp expected out
'

test_expect_success 'ddb-up goes on from it, and it from ddb-up' '
	eval "$(ddb-up -p "$(cluster_free_base)" db)" &&
	test "$(ddb-route --no-header -c "SELECT count(*) FROM t")" = 4 &&
	ddb-route -c "INSERT INTO t (a) VALUES ('\''by cluster'\'')" && ddb-down db && unset DDB_ORACLE DDB_RPC &&
	test "$(ddb-route -d db --no-header -c "SELECT a FROM t WHERE id = (SELECT max(id) FROM t)")" = "by cluster"
'

test_expect_success 'what cannot be a database says so' '
	: >file && test_expect_code 73 ddb-route -d file -c "SELECT 1" 2>err && grep "cannot create" err &&
	mkdir three && echo "3 3 1 7100" >three/cluster && test_expect_code 77 ddb-route -d three -c "SELECT 1" 2>err && grep "ddb-up" err &&
	long=$(printf "%0110d" 0) && test_expect_code 64 ddb-route -d "$long" -c "SELECT 1" 2>err && grep "too long" err
'

test_done
