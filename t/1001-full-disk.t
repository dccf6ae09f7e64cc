#!/bin/sh
# Test 24 of REPLICAS.md: a disk fills up; the store says so, refuses writes, goes on reading, and recovers (A7).
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

# A file system of its own, small enough to fill.
disk=$cluster/node-1/data
mkdir -p "$disk"
mount -t tmpfs -o size=400m none "$disk" 2>/dev/null ||
	test_skip_all 'mounting a small file system takes root'
trap 'test_end_processes; umount --lazy "$disk"; test_cleanup' EXIT

# fill MEGABYTES: leaves about so many free.
fill() {
	free=$(df --output=avail --block-size=1M "$disk" | tail -n 1)
	head -c "$((free - $1 + 1))M" /dev/zero >"$disk/filler" || [ "$1" -eq 0 ]
}

count() {
	ddb-route -c 'SELECT count(*) FROM t' --no-header
}

insert() {
	ddb-route -c "INSERT INTO t (v) VALUES (hex(randomblob(2000)))"
}

refused() {
	! insert 2>err && grep -i 'full' err
}

test_expect_success 'a cluster on a small disk' '
	cluster_up -n 1 -m 1 &&
	ddb-route -c "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)" &&
	for i in 1 2 3 4 5; do insert || return 1; done &&
	test "$(count)" -eq 5
'

test_expect_success 'first mark: writes are refused, in words; reads go on' '
	fill 20 &&
	test_within 20 refused && cat err &&
	test "$(count)" -ge 5
'

test_expect_success 'nothing left at all: reads go on' '
	head -c 50M /dev/zero >>"$disk/filler"
	test "$(df --output=avail "$disk" | tail -n 1)" -lt 1000 &&
	sleep 3 && before=$(count) && test "$before" -ge 5 &&
	refused && sleep 3 && test "$(count)" -eq "$before"
'

test_expect_success 'killed, and started on the full disk: reads go on' '
	before=$(count) && cluster_kill node-1 && cluster_up && test "$(count)" -eq "$before" && refused
'

test_expect_success 'space is back: so are writes, and nothing is lost' '
	rm "$disk/filler" && cluster_up && before=$(count) &&
	test_within 30 insert && test "$(count)" -eq $((before + 1))
'

# Writes half a megabyte at a time until it is refused; at most so many times.
insert_until_refused() {
	i=0
	while [ $i -lt "$1" ]; do
		ddb-route -c "INSERT INTO t (v) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
			SELECT hex(randomblob(500)) FROM n" 2>err || break
		i=$((i + 1))
	done
	echo "$i times" && cat err && grep -i full err
}

test_expect_success 'filled by its own writes: refused before anything breaks' '
	pid=$(cluster_pid node-1) && fill 120 && insert_until_refused 300 &&
	count && rm "$disk/filler" && test_within 30 insert && kill -0 "$pid"
'

test_expect_success 'filled at once, under writes: refused as soon as it is noticed' '
	fill 0 && insert_until_refused 300 &&
	count && rm "$disk/filler" && test_within 30 insert && kill -0 "$pid"
'

test_done
