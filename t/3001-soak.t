#!/bin/sh
# Rows overwritten over and over, tables made, filled and dropped: the space comes back, and is used again.
# DDB_SOAK=300 prove -v t/3001-soak.t goes on for as many seconds, and says what the stores hold meanwhile.
test_seconds=$((${DDB_SOAK-0} + 900))
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

rows=500     # of the table that stays
bytes=400    # of each of them
updates=4000 # of a round
made=1000    # rows of the table that a round makes and drops
rounds=0

# The sum of a column of ddb-node status over the ranges' leaders.
total() {
	ddb-node status --tsv | awk -F '\t' -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		$column["role"] == "leader" { sum += $column[name] }
		END { printf "%.0f\n", sum }'
}

# The largest of the nodes' LMDB files, in KB: as it is on disk.
file_kb() {
	du -k "$cluster"/node-*/data/state/data.mdb | sort -n | tail -n 1 | cut -f 1
}

figures() {
	printf '%s\t%s\t%s\t%s\t%s\n' "$rounds" "$(($(date +%s) - begun))" "$(total versions)" "$(total bytes)" "$(file_kb)" | tee -a figures
}

round() {
	rounds=$((rounds + 1))
	ddb-route -c "CREATE TABLE brief_$rounds (id INTEGER PRIMARY KEY, pad BLOB, UNIQUE (pad));
		WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < $made)
		INSERT INTO brief_$rounds SELECT i, randomblob($bytes) FROM n" &&
		echo "UPDATE soak SET pad = randomblob($bytes) WHERE id = :random + 1;" |
		ddb-bench sql --clients 8 --operations "$updates" --keys "$rows" - >/dev/null &&
		ddb-route -c "DROP TABLE brief_$rounds"
}

nothing_left() {
	test "$(total versions)" -lt $((rows + rows / 2)) && ! ddb-oracle get collect/dropped/ --prefix --no-header | grep .
}

test_expect_success 'a cluster that keeps old versions for five seconds' '
	cluster_up && ddb-oracle put config/collect_age 5 &&
	ddb-route -c "CREATE TABLE soak (id INTEGER PRIMARY KEY, pad BLOB);
		WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
		INSERT INTO soak SELECT i, randomblob($bytes) FROM n" &&
	begun=$(date +%s)
'

test_expect_success 'versions, and the rows of dropped tables, go' '
	round && ddb-oracle get collect/dropped/ --prefix --no-header | grep . && test_within 300 nothing_left &&
	test "$(ddb-route --no-header -c "SELECT count(*) FROM soak")" = "$rows"
'

# What was dropped is not to be found as rows of something else.
test_expect_success 'a table of the same name begins empty' '
	ddb-route -c "CREATE TABLE brief_1 (id INTEGER PRIMARY KEY, pad BLOB, UNIQUE (pad))" &&
	test "$(ddb-route --no-header -c "SELECT count(*) FROM brief_1")" = 0 && ddb-route -c "DROP TABLE brief_1"
'

test_expect_success 'the one who drops a table may be killed: its rows go all the same' '
	ddb-route -c "CREATE TABLE brief (id INTEGER PRIMARY KEY); INSERT INTO brief VALUES (1), (2), (3); DROP TABLE brief" &&
	cluster_kill route-1 && cluster_kill "$(cluster_leader)" && cluster_up && test_within 300 nothing_left
'

# LMDB holds no more than it must, or it would hold all that was ever written.
test_expect_success 'after six rounds the files are smaller than what was written' '
	for i in 2 3 4 5 6; do round && test_within 300 nothing_left && figures || return; done &&
	test "$(file_kb)" -lt $((6 * (updates + 2 * made) * bytes / 1024))
'

if [ -n "${DDB_SOAK-}" ]; then
	until [ $(($(date +%s) - begun)) -ge "$DDB_SOAK" ]; do round >round.out 2>&1 && figures | sed 's/^/# /' || cat round.out; done
	test_expect_success 'so it is after a long time' 'test_within 300 nothing_left && figures'
	echo "# round, seconds, versions, their bytes, the largest LMDB file in KB:"
	sed 's/^/# /' figures
fi

test_expect_success 'all replicas hold the same' 'test_within 60 cluster_agree && cluster_down'

test_done
