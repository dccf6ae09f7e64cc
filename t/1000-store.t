#!/bin/sh
# One store under a real process: kills, damage, missing files. The oracle alone is the least that has a store.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

DDB_ORACLE=127.0.0.1:$(($(cluster_free_base) + 1))
export DDB_ORACLE

serve() {
	test_start oracle ddb-oracle serve --data data --listen "$DDB_ORACLE" || return
	test_within 20 ddb-oracle time --timeout 1s >/dev/null && return
	cat oracle.err
	return 1
}

# The server must end by itself with this exit status, and one line that names the file.
must_refuse() {
	test_expect_code "$1" timeout 20 ddb-oracle serve --data data --listen "$DDB_ORACLE" >out 2>err </dev/null &&
		test_cmp /dev/null out && test "$(wc -l <err)" -eq 1 && grep -F "$2" err
}

# flip FILE OFFSET
flip() {
	perl -e 'open my $f, "+<", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $b, 1; seek $f, $ARGV[1], 0;
		print $f chr(ord($b) ^ 0x41)' "$1" "$2"
}

# Starts from what the last test of damage left whole.
restore() {
	rm -rf data && cp -r --sparse=always whole data
}

test_expect_success 'killed ten times while it writes: nothing acknowledged is lost' '
	: >acknowledged &&
	for life in 1 2 3 4 5 6 7 8 9 10; do
		serve || return 1
		(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
			ddb-oracle put "k/$life-$i" x --timeout 5s >/dev/null 2>&1 && echo "k/$life-$i" >>acknowledged || exit 0
		done) &
		writer=$!
		sleep "0.$((life * 3 % 10))"
		test_stop oracle KILL
		wait "$writer"
	done
	serve && ddb-oracle get k/ --prefix --no-header | cut -f 1 | sort >there &&
	sort acknowledged | comm -23 - there >lost && test_cmp /dev/null lost &&
	test "$(wc -l <acknowledged)" -gt 10
'

test_expect_success 'a clean stop, for what follows' '
	ddb-oracle get "" --prefix >before && test_stop oracle && mv data whole && restore
'

segment=$(basename "$(find whole/log -name '*.log' | sort | tail -n 1)")

test_expect_success 'any damage to the log is found and named, and never served' '
	for offset in 0 9 17 33 41 49 57 4000 4095 4096 4101 4120 4128 4140; do
		restore && flip "data/log/$segment" "$offset" && must_refuse 65 "data/log/$segment" || return 1
	done
'

test_expect_success 'a segment cut short, or gone' '
	restore && truncate --size=1M "data/log/$segment" && must_refuse 65 "data/log/$segment was cut short" &&
	restore && rm "data/log/$segment" && must_refuse 65 "data/log/$segment is missing" &&
	restore && rm -r data/log && must_refuse 65 .log
'

test_expect_success 'a segment of another store' '
	restore && mv data mine &&
	serve && test_stop oracle && mv data other && mv mine data &&
	cp other/log/*1.log "data/log/$segment" && must_refuse 77 "data/log/$segment belongs to store"
'

test_expect_success 'a state cut short, or gone' '
	restore && truncate --size=16K data/state/data.mdb && must_refuse 65 data/state/data.mdb &&
	restore && rm -r data/state && must_refuse 65 "has a log but no state"
'

test_expect_success 'spare files, the reserve and the lock are of no consequence' '
	restore && rm -f data/log/spare-* data/reserve data/lock && printf x >data/log/spare-99 &&
	serve && ddb-oracle get "" --prefix >after && test_cmp before after && test_stop oracle
'

test_expect_success 'what was damaged serves again once it is whole' '
	restore && serve && ddb-oracle get "" --prefix >after && test_cmp before after && test_stop oracle
'

test_done
