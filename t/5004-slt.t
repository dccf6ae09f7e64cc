#!/bin/sh
# sqllogictest files at a gateway over three nodes, their tables split under them.
test_seconds=900
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

shared=${DDB_SHARED:-$top/../shared}

test_expect_success 'a cluster' 'cluster_up'

test_expect_success 'our own files' '
	ddb-slt "$top"/t/sql/*.test >out 2>err && test_cmp /dev/null err &&
	awk "NR > 1 && (\$2 == 0 || \$3 != 0)" out >bad && test_cmp /dev/null bad &&
	test "$(wc -l <out)" -gt 8
'

test_expect_success 'a wrong answer is named by file and line, and fails' '
	printf "statement ok\nCREATE TABLE t(a)\n\nquery I nosort\nSELECT 1\n----\n2\n" >wrong.test &&
	test_expect_code 1 ddb-slt wrong.test >out 2>err &&
	grep -x "wrong.test	2	1" out && grep "^ddb-bench: wrong.test: line 4: wrong answer: SELECT 1" err &&
	test "$(tail -n 1 err)" = "ddb-bench: 1 of 2 records failed"
'

test_expect_success 'a database in use is left alone' '
	ddb-route -c "CREATE TABLE mine (a)" &&
	test_expect_code 77 ddb-slt wrong.test >out 2>err && test_cmp /dev/null out &&
	grep "the database holds 1 tables and views" err &&
	ddb-route -c "SELECT * FROM mine" && ddb-route -c "DROP TABLE mine"
'

test_expect_success 'wrong usage' '
	test_expect_code 64 ddb-slt 2>err && test_expect_code 64 ddb-slt -s x wrong.test 2>err &&
	test_expect_code 1 ddb-slt -s 0 missing.test 2>err && grep "cannot open missing.test" err
'

if [ -d "$shared/slt" ]; then
	test_expect_success 'files of the public corpus' '
		ddb-slt "$shared"/slt/evidence/in1.test "$shared"/slt/evidence/slt_lang_[c-u]*.test "$shared"/slt/select1.test >out 2>err &&
		test_cmp /dev/null err && awk "{ all += \$2 } END { exit all < 800 }" out
	'
else
	test_skip 'files of the public corpus' 'none at hand (set DDB_SHARED)'
fi

test_expect_success 'the cluster ends' 'cluster_down'

test_done
