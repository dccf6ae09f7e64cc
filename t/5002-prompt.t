#!/bin/sh
# ddb-route at a terminal, which script(1) plays: prompt, continuation, ^C, ^Z, ^D, history.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

command -v script >/dev/null || test_skip_all 'no script(1)'
test_expect_success 'a cluster' 'cluster_up -m 1'

# What the terminal showed, once it shows so many lines that match.
shown() { # COUNT PATTERN
	test "$(tr -d '\r' <screen | sed 's/\x1b\[?2004[hl]//g' | grep -c -- "$2")" -ge "$1"
}
type_keys() {
	# shellcheck disable=SC2059
	printf "$1" >&3
}
sit_down() {
	rm -f keys screen && mkfifo keys &&
		{ HOME=$trash TERM=xterm script --quiet --flush --return --command ddb-route screen <keys >/dev/null & echo $! >script.pid; } &&
		exec 3>keys && test_within 10 shown 1 '^ddb> $'
}
leave() {
	type_keys '\004' && wait "$(cat script.pid)" && exec 3>&- && rm script.pid
}

test_expect_success 'a prompt, rows under headings, and another prompt for the rest of a statement' '
	sit_down && type_keys "SELECT 1 + 1 AS two;\r" && test_within 10 shown 1 "^two\$" &&
	type_keys "SELECT\r" && test_within 10 shown 1 "^\.\.\.> " && type_keys "6 * 7 AS answer;\r" && test_within 10 shown 1 "^answer\$" &&
	! shown 1 "^$"
'

test_expect_success 'an error is one line with its place, and the prompt returns' '
	type_keys "SELECT nonsense;\r" && test_within 10 shown 1 "^ddb-route: stdin:4:8: no such column: nonsense \[42703\]\$" &&
	type_keys "SELECT 4 AS four;\r" && test_within 10 shown 1 "^four\$"
'

test_expect_success '^C drops what is typed, and the unfinished statement' '
	type_keys "SELECT (\r oops" && test_within 10 shown 1 "oops" && type_keys "\003" && test_within 10 shown 1 "oops^C\$" &&
	type_keys "SELECT 5 AS five;\r" && test_within 10 shown 1 "^five\$"
'

test_expect_success '^C ends a statement that would not end' '
	type_keys "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;\r" && sleep 0.5 && type_keys "\003" &&
	test_within 10 shown 1 "^ddb-route: stdin:8:1: interrupted \[57014\]\$" &&
	type_keys "SELECT 6 AS six;\r" && test_within 10 shown 1 "^six\$"
'

test_expect_success '^Z without a shell that could go on shows the line again' '
	type_keys "SELECT 7 AS" && test_within 10 shown 1 "SELECT 7 AS" && type_keys "\032" && sleep 0.3 && type_keys " seven;\r" && test_within 10 shown 1 "^seven\$"
'

test_expect_success 'tabs in pasted text are text' '
	type_keys "\033[200~SELECT\t8 AS\teight;\033[201~\r" && test_within 10 shown 1 "^eight\$"
'

test_expect_success 'tab completes keywords, tables and columns' '
	ddb-route -c "CREATE TABLE bicycle (id INTEGER PRIMARY KEY, saddle_height REAL); INSERT INTO bicycle VALUES (1, 0.75)" &&
	type_keys "SELEC\tsaddl\tFRO\tbicyc\t;\r" && test_within 10 shown 1 "SELECT saddle_height FROM bicycle ;\$" && test_within 10 shown 1 "^ *0.75\$"
'

test_expect_success 'commands with a dot: tables, schema, modes, headers, help' '
	type_keys ".tables\r" && test_within 10 shown 1 "^bicycle *\$" &&
	type_keys ".schema bicycle\r" && test_within 10 shown 1 "^CREATE TABLE bicycle (id INTEGER PRIMARY KEY, saddle_height REAL);\$" &&
	type_keys ".mode csv\r.headers off\rSELECT id, '\''a,b'\'' FROM bicycle;\r" && test_within 10 shown 1 "^1,.a,b.\$" &&
	type_keys ".mode\r" && test_within 10 shown 1 "^current output mode: csv\$" && type_keys ".mode table\r.headers on\r" &&
	type_keys ".help\r" && test_within 10 shown 1 "^.timer on|off" && type_keys ".timer on\rSELECT 5;\r" && test_within 10 shown 1 "^Run Time: real [0-9.]*\$" &&
	type_keys ".timer off\r.frobnicate\r" && test_within 10 shown 1 "^ddb-route: there is no command .frobnicate: .help lists them\$" &&
	type_keys ".mode wrong\r" && test_within 10 shown 1 "is not table, tsv, csv, json or quote\$"
'

test_expect_success '.dump, .read and .import' '
	printf "id,saddle_height\n2,0.8\n2,0.9\n" >more.csv && echo "INSERT INTO bicycle VALUES (3, 1);" >more.sql &&
	type_keys ".import --csv --skip 1 more.csv bicycle\r" && test_within 10 shown 1 "^ddb-route: more.csv:3: UNIQUE constraint failed" &&
	type_keys ".read more.sql\r.dump bicycle\r" && test_within 10 shown 1 "^INSERT INTO bicycle VALUES(3,1.0);\$" && shown 1 "^INSERT INTO bicycle VALUES(2,0.8);\$" &&
	type_keys ".import --csv more.csv fresh\r.schema fresh\r" && test_within 10 shown 1 "^\"saddle_height\" TEXT\$" &&
	type_keys ".read none.sql\r" && test_within 10 shown 1 "^ddb-route: cannot open none.sql"
'

test_expect_success 'a transaction left open by ^D leaves nothing' '
	type_keys "CREATE TABLE t (a INTEGER PRIMARY KEY); BEGIN; INSERT INTO t VALUES (1); SELECT '\''in it'\'' AS x;\r" &&
	test_within 10 shown 1 "^in it\$" && leave && test "$(ddb-route --no-header -c "SELECT count(*) FROM t")" -eq 0
'

test_expect_success 'what was typed is found again, in the next session too' '
	grep "SELECT 4 AS four" .ddb_history && sit_down && type_keys "SELECT 9 AS nine;\r" && test_within 10 shown 1 "^nine\$" &&
	type_keys "\022AS six\r" && test_within 10 shown 1 "^six\$" && leave
'

test_expect_success '.quit leaves' 'sit_down && type_keys ".quit\r" && wait "$(cat script.pid)" && exec 3>&- && rm script.pid'

test_done
