#!/bin/sh
# The main job: what scripts/demo shows is true.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

command -v dpkg-query >/dev/null || test_skip_all 'no package database: dpkg-query is missing'
base=$(cluster_free_base)

test_expect_success 'the demo runs to its end' '
	sh "$top/scripts/demo" -b -p "$base" cluster >shown && cat shown
'

test_expect_success 'it loaded the package database' '
	packages=$(dpkg-query --show --showformat="\${Package} \${Architecture}\n" | sort -u | wc -l) &&
	grep -A 2 "^packages  *needs" shown | grep -E "^ *$packages  "
'

test_expect_success 'the dead leader was written around, and its replica agrees again' '
	grep "^written-without-node-" shown && grep "^== All replicas have applied the same" shown
'

test_expect_success 'it left the cluster up, and said how to reach and stop it' '
	eval "$(sed -n "s/^connect *\(export [^;]*\);.*/\1/p" shown)" &&
	test "$(ddb-route --no-header -c "SELECT count(*) FROM package WHERE section = '\''demo'\''")" = 1 &&
	stop=$(sed -n "s/^stop *//p" shown) && (cd "$top" && PATH=$PATH sh -c "cd \"$trash\" && $top/$stop") &&
	! ddb-route --timeout 1s -c "SELECT 1" 2>err
'

test_expect_success 'it can be run again where it was' '
	sh "$top/scripts/demo" -b -p "$base" cluster >shown && grep "^stop " shown && ddb-down cluster
'

test_done
