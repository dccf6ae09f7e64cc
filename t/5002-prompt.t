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

test_expect_success 'tabs are text' 'type_keys "SELECT\t8 AS\teight;\r" && test_within 10 shown 1 "^eight\$"'

test_expect_success 'a transaction left open by ^D leaves nothing' '
	type_keys "CREATE TABLE t (a INTEGER PRIMARY KEY); BEGIN; INSERT INTO t VALUES (1); SELECT '\''in it'\'' AS x;\r" &&
	test_within 10 shown 1 "^in it\$" && leave && test "$(ddb-route --no-header -c "SELECT count(*) FROM t")" -eq 0
'

test_expect_success 'what was typed comes back with the arrow, in the next session too' '
	grep "SELECT 4 AS four" .ddb_history && sit_down && type_keys "SELECT 9 AS nine;\r" && test_within 10 shown 1 "^nine\$" &&
	type_keys "\033[A\033[A\033[A\r" && test_within 10 shown 1 "^eight\$" && leave
'

test_done
