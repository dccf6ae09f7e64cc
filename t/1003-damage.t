#!/bin/sh
# Rows that changed on a stopped node's disk are found, and its replica serves nobody (H1).
test_seconds=600
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

# damage NODE TEXT [with its checksum]: the last bit of the text's last character, wherever it stands; it ends the row.
damage() {
	perl -e '
		my ($file, $text, $sealed) = @ARGV;
		open my $in, "<:raw", $file or die; local $/; my $data = <$in>; close $in;
		my $found = 0;
		while ($data =~ /\Q$text\E/g) {
			my $end = pos $data;
			substr($data, $end - 1, 1) = substr($data, $end - 1, 1) ^ "\x01";
			# CRC32C is linear: what one bit in the last byte changes in it is the same for all rows.
			substr($data, $end, 4) = substr($data, $end, 4) ^ pack("V", 0xF26B8303) if $sealed;
			$found++;
		}
		die "no such text" unless $found;
		open my $out, "+<:raw", $file or die; print $out $data; close $out;' "$cluster/$1/data/state/data.mdb" "$2" "${3-}"
}

# Of all ranges, by key.
states() {
	ddb-split list --tsv | awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		{ print $column["state"] }'
}

names_are() {
	test "$(ddb-route --timeout 5s --no-header -c "SELECT group_concat(name) FROM (SELECT name FROM t ORDER BY id)")" = "$1"
}

row_dumped() {
	grep -q "the-row-that-$1-A" "$cluster/node-2/data/state/data.mdb"
}

# What is there was flushed, and the node's replicas lead nothing when it comes back.
stopped_node_2() {
	test_within 30 row_dumped "$1" && cluster_kill node-2 TERM
}

test_expect_success 'sound replicas compare as equal' '
	cluster_up && ddb-route -c "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
		INSERT INTO t VALUES (1, '\''the-row-that-breaks-A'\''), (2, '\''the-row-that-lies-A'\'')" &&
	ddb-split at t 2 && ddb-split check --tsv >out && cat out && test "$(grep -c "	ok	" out)" = "$(($(wc -l <out) - 1))" &&
	test "$(states | sort -u)" = ok &&
	ddb-node status --tsv >out && awk -F "\t" "NR > 1 && \$17 != \"ok\" { bad = 1 } END { exit bad }" out
'

test_expect_success 'what its checksum gives away: the replica is named, and the rows are right' '
	stopped_node_2 breaks && damage node-2 the-row-that-breaks-A && cluster_up &&
	test_within 60 cluster_agree &&
	test_expect_code 1 ddb-split check --tsv >out 2>err && cat out err && grep "	damaged	2	" out && grep "not sound" err &&
	states | grep -x damaged:2 && grep "the replica on node 2 has [0-9]* damaged rows" "$cluster"/node-*/log &&
	test_within 60 names_are the-row-that-breaks-A,the-row-that-lies-A
'

test_expect_success 'what was changed with its checksum: only the others tell' '
	stopped_node_2 lies && damage node-2 the-row-that-lies-A sealed && cluster_up &&
	test_expect_code 1 ddb-split check --tsv >out 2>err && cat out err && test "$(grep -c "	damaged	2	" out)" = 2 &&
	grep "the replica on node 2 does not hold what the majority holds" "$cluster"/node-*/log &&
	grep "the replica here is damaged" "$cluster"/node-2/log &&
	ddb-node status --tsv | awk -F "\t" "\$1 == 2 && \$17 == \"damaged\" { n++ } END { exit n < 2 }"
'

test_expect_success 'without one of the sound ones the other leads, and serves what is right' '
	cluster_kill node-1 && test_within 60 names_are the-row-that-breaks-A,the-row-that-lies-A &&
	ddb-route -c "UPDATE t SET name = '\''new'\'' WHERE id = 2" && names_are the-row-that-breaks-A,new &&
	test "$(cluster_leader)" = node-3
'

test_expect_success 'a range that is none, a word that is no range' '
	test_expect_code 1 ddb-split check 4711 2>err && grep 4711 err &&
	test_expect_code 64 ddb-split check seven 2>err && grep seven err
'

test_expect_success 'it ends' cluster_down

test_done
