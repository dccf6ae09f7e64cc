#!/bin/sh
# The checker's verdicts: on histories that others have judged, on broken ones, and on what is no history.
. t/lib/tap.sh

shared=${DDB_SHARED:-$top/../shared}/histories

# Prints "NAME OURS THEIRS" for each register history on which we differ.
differing_registers() {
	for file in "$shared"/lin/*.jsonl; do
		if ddb-bench check --file "$file" >/dev/null 2>&1; then found=true; else found=false; fi
		grep -q "\"$(basename "$file")\": $found" "$shared/lin/expected.json" || echo "$(basename "$file"): $found"
	done
}

# Prints a line for each level of isolation on which we differ about a history of lists. Where a process begins something before it has
# ended another thing only the ends are given: ddb-history(5) has no such processes.
differing_lists() {
	perl -MJSON::PP -MIPC::Open2 -e '
		my $json = JSON::PP->new->canonical;
		my $checked = 0;
		while (my $line = <>) {
			my $history = decode_json($line);
			my (%busy, $twice);
			for (@{$history->{events}}) {
				if ($_->{type} eq "invoke") { $twice = 1 if $busy{$_->{process}}++ } else { delete $busy{$_->{process}} }
			}
			open my $file, ">", "history" or die;
			print $file $json->encode($_), "\n" for grep { !$twice || $_->{type} ne "invoke" } @{$history->{events}};
			close $file;
			my @rows = split /\n/, `ddb-bench check --no-header --file history 2>err`;
			@rows == 1 or die "line $.: no verdict: @rows\n";
			my %out = map { $_ => 1 } split / /, (split /\t/, $rows[0])[7] // "";
			for my $level (sort keys %{$history->{elle_valid}}) {
				my $theirs = $history->{elle_valid}{$level} ? 1 : 0;
				my $ours = $out{$level} ? 0 : 1;
				print "line $.: $level: ours $ours, theirs $theirs\n" if $ours != $theirs;
			}
			$checked++;
		}
		die "nothing checked\n" unless $checked;
	' "$@"
}

if [ -d "$shared" ]; then
	test_expect_success 'registers: verdicts of others' '
		differing_registers >differing && test_cmp /dev/null differing
	'
	test_expect_success 'lists: verdicts of others, at every level of isolation' '
		differing_lists "$shared"/elle/elle_*.jsonl >differing && test_cmp /dev/null differing
	'
	test_expect_success 'lists: anomalies found in real databases' '
		for file in gh30 paper_example si_without_g_single; do
			test_expect_code 1 ddb-bench check --file "$shared/elle/$file.jsonl" || return 1
		done
	'
else
	test_skip 'registers: verdicts of others' "no $shared"
	test_skip 'lists: verdicts of others, at every level of isolation' "no $shared"
	test_skip 'lists: anomalies found in real databases' "no $shared"
fi

cat >stale <<\EOF
{"process": 1, "type": "invoke", "f": "write", "key": "x", "value": 1, "time": 1}
{"process": 1, "type": "ok", "f": "write", "key": "x", "value": 1, "time": 2}
{"process": 2, "type": "invoke", "f": "read", "key": "x", "value": null, "time": 3}
{"process": 2, "type": "ok", "f": "read", "key": "x", "value": null, "time": 4}
EOF

test_expect_success 'a violation is a row, words on stderr, and exit status 1' '
	test_expect_code 1 ddb-bench check --file - <stale >out 2>err &&
	printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n" workload operations ok failed unknown verdict violations rules_out \
		register 2 2 0 0 violation 1 strict-serializable >expected &&
	test_cmp expected out &&
	grep -q "^ddb-bench: register: stale read: x: " err &&
	grep -q "(process 1, from line 1 to 2) wrote x = 1" err
'

test_expect_success 'the history without its end is valid' '
	head -n 3 stale | ddb-bench check --no-header --file - >out && grep -q "valid" out
'

cat >circle <<\EOF
{"process": 0, "type": "invoke", "f": "txn", "value": [["append", "x", 1], ["append", "y", 1]]}
{"process": 1, "type": "invoke", "f": "txn", "value": [["r", "x", null], ["r", "y", null]]}
{"process": 0, "type": "ok", "f": "txn", "value": [["append", "x", 1], ["append", "y", 1]]}
{"process": 1, "type": "ok", "f": "txn", "value": [["r", "x", [1]], ["r", "y", []]]}
EOF

test_expect_success 'a circle is told in words' '
	test_expect_code 1 ddb-bench check --file circle >out 2>err && cat >expected <<\EOF &&
ddb-bench: list-append: G-single: fractured read: one of the two saw one effect of the other and missed another
ddb-bench:   T1 (process 0, from line 1 to 3) appended 1 to x, appended 1 to y
ddb-bench:   T2 (process 1, from line 2 to 4) read x = [1], read y = []
ddb-bench:   T1 came before T2: what it appended to x was read
ddb-bench:   T2 came before T1: it did not see what the other appended to y
ddb-bench: 1 of 1 workloads violated
EOF
	test_cmp expected err
'

test_expect_success 'what is no history is refused, by line' '
	{ cat stale; echo "{\"process\": 1}"; } >bad &&
	test_expect_code 65 ddb-bench check --file bad 2>err && grep -q "^ddb-bench: bad:5: " err &&
	test_expect_code 65 ddb-bench check --file /dev/null 2>err && grep -q "is empty" err &&
	test_expect_code 1 ddb-bench check --file nowhere 2>err && grep -q "nowhere" err
'

test_done
