#!/bin/sh
# PostgreSQL's own clients against ddb-route --pg.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

command -v psql >/dev/null || test_skip_all 'no psql: install postgresql-client'

PGHOST=127.0.0.1 PGUSER=tester PGDATABASE=ddb PGCONNECT_TIMEOUT=10
export PGHOST PGUSER PGDATABASE PGCONNECT_TIMEOUT

# A gateway for PostgreSQL's clients on any port, and psql without its settings.
pg_up() {
	setsid ddb-route --pg 127.0.0.1:0 --log "$trash/pg.log" &
	pg_pid=$!
	test_within 30 grep -q "serves PostgreSQL clients on" "$trash/pg.log" &&
		PGPORT=$(sed -n 's/.*serves PostgreSQL clients on .*://p' "$trash/pg.log") && export PGPORT
}
sql() {
	psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 "$@"
}
answer() {
	sql --no-align --tuples-only --command="$1"
}

test_expect_success 'a cluster, and a gateway with --pg' 'cluster_up -n 1 -m 1 && pg_up'

test_expect_success 'psql: tables, rows, errors with their place' '
	sql >out <<-\EOF &&
	CREATE TABLE demo (id integer PRIMARY KEY, v varchar(9) NOT NULL DEFAULT $$x$$, n numeric(10,2));
	CREATE INDEX demo_n ON demo (n);
	CREATE VIEW demo_view AS SELECT v FROM demo;
	INSERT INTO demo VALUES (1, E'\''a\tb'\'', 1.5), (2, '\''two'\'', NULL);
	EOF
	test "$(answer "SELECT n, v FROM demo WHERE id = 1")" = "1.5|a	b" &&
	test "$(answer "SELECT count(*) FROM demo WHERE v ~ '\''^t.o$'\''")" = 1 &&
	test_expect_code 1 sql --command="SELECT nonsense FROM demo" 2>err && grep "no such column: nonsense" err && grep "^ *^$" err &&
	test_expect_code 1 sql --set=VERBOSITY=verbose --command="INSERT INTO demo VALUES (1)" --command="" 2>err && grep "42601" err
'

test_expect_success 'psql: a transaction that failed, and one of several statements' '
	test_expect_code 3 sql <<-\EOF 2>err &&
	BEGIN;
	INSERT INTO demo VALUES (3, '\''three'\'', 3);
	SELECT 1 FROM nowhere;
	EOF
	grep "no such table: nowhere" err &&
	test_expect_code 1 sql --command="INSERT INTO demo VALUES (3, '\''x'\'', 3); INSERT INTO demo VALUES (1, '\''x'\'', 1)" 2>err &&
	test "$(answer "SELECT count(*) FROM demo")" = 2
'

test_expect_success 'psql: what backslash commands list' '
	sql --command="\d" >out && grep "public | demo_view | view" out &&
	sql --command="\dt" >out && grep "public | demo | table" out && ! grep demo_view out &&
	sql --command="\di" >out && grep "public | demo_n    | index | ddb   | demo" out && grep demo_pkey out &&
	sql --command="\d demo" >out && grep "v      | character varying(9) |           | not null | '\''x'\''" out && grep "demo_pkey. PRIMARY KEY, btree (id)" out &&
	grep "demo_n. btree (n)" out &&
	sql --command="\d+ demo" >out && grep "n      | numeric(10,2)" out &&
	sql --command="\d demo_view" >out && grep "v      | character varying(9)" out &&
	sql --command="\l" >out && grep "ddb  | ddb" out &&
	sql --command="\dn" --command="\dv" --command="\du" --command="\df" --command="\dp" >out && grep "public | ddb" out
'

test_expect_success 'psql: COPY, in text and CSV' '
	sql --command="CREATE TABLE c (a int PRIMARY KEY, b text, c boolean)" &&
	printf "1\tx\\\\ty\tt\n2\t\\\\N\t\\\\N\n" >in.tsv &&
	sql --command="\copy c FROM in.tsv" && sql --command="\copy c TO out.tsv" && test_cmp in.tsv out.tsv &&
	printf "a,b,c\n3,\"x,y\",f\n4,,t\n" >in.csv &&
	sql --command="\copy c FROM in.csv CSV HEADER" && sql --command="\copy (SELECT * FROM c WHERE a > 2) TO out.csv CSV HEADER" && test_cmp in.csv out.csv &&
	printf "5\tx\n" | test_expect_code 3 sql --command="COPY c FROM STDIN" --file=/dev/stdin 2>err || test_expect_code 1 sql --command="\copy c FROM out.csv" 2>err &&
	grep "COPY c, line 1: missing data" err && test "$(answer "SELECT count(*) FROM c")" = 4
'

test_expect_success 'psql: rows by cursor' '
	test "$(sql --no-align --tuples-only --set=FETCH_COUNT=7 --command="SELECT * FROM generate_series(1, 100)" | tail -n 1)" = 100
'

if command -v pgbench >/dev/null; then
	test_expect_success 'pgbench: initialize, and run TPC-B in every mode' '
		{ pgbench --initialize --quiet 2>err || { cat err; false; }; } && test "$(answer "SELECT count(*) FROM pgbench_accounts")" = 100000 &&
		for mode in simple extended prepared; do
			pgbench --protocol=$mode --client=2 --transactions=20 --max-tries=1000 >out 2>err && grep "actually processed: 40/40" out || { cat out err; return 1; }
		done &&
		pgbench --protocol=prepared --select-only --client=2 --transactions=20 --no-vacuum >out 2>err && grep "actually processed: 40/40" out &&
		test "$(answer "SELECT count(*) FROM pgbench_history")" -ge 40 &&
		test "$(answer "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches)")" = t
	'
else
	test_skip 'pgbench' 'no pgbench: it comes with the package postgresql-15, the server'
fi

if /usr/bin/python3 -c 'import psycopg2' 2>/dev/null; then
	cat >client.py <<-'EOF'
	import io, psycopg2
	connection = psycopg2.connect("")
	cursor = connection.cursor()
	cursor.execute("CREATE TABLE py (a int PRIMARY KEY, b text, c bytea, e boolean)")
	cursor.execute("INSERT INTO py VALUES (%s, %s, %s, %s)", (1, "x\\y'z", psycopg2.Binary(b"\x00\xff"), True))
	connection.commit()
	cursor.execute("SELECT * FROM py")
	row = cursor.fetchone()
	assert row[:2] == (1, "x\\y'z") and bytes(row[2]) == b"\x00\xff" and row[3] is True, row
	try:
	    cursor.execute("INSERT INTO py VALUES (1)")
	    assert False
	except psycopg2.Error:
	    connection.rollback()
	try:
	    cursor.execute("INSERT INTO py (a) VALUES (1)")
	    assert False
	except psycopg2.errors.UniqueViolation:
	    connection.rollback()
	cursor.copy_from(io.StringIO("2\ttwo\n3\t\\N\n"), "py", columns=("a", "b"))
	connection.commit()
	named = connection.cursor("named")
	named.itersize = 2
	named.execute("SELECT a FROM py ORDER BY a")
	assert [a for (a,) in named] == [1, 2, 3]
	cursor.execute("SELECT b FROM py WHERE a = ANY(%s)", ([2, 3],))
	assert cursor.fetchall() == [("two",), (None,)]
	EOF
	test_expect_success 'psycopg2: values, errors, COPY, named cursors' '/usr/bin/python3 client.py'
else
	test_skip 'psycopg2' 'no psycopg2: install python3-psycopg2'
fi

test_expect_success '--pg is for servers, and refuses the network without --insecure' '
	test_expect_code 64 ddb-route --pg 127.0.0.1:0 -c "SELECT 1" 2>err && grep -e "--listen and --pg serve programs" err &&
	test_expect_code 77 ddb-route --pg 0.0.0.0:0 2>err && grep "without TLS" err
'

test_expect_success 'SIGTERM ends it cleanly' '
	kill "$pg_pid" && test_within 30 test_gone "$pg_pid" && grep stopping pg.log
'

test_done
