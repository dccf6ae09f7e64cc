#!/bin/sh
# Dumps of real SQLite databases, loaded as they are; every table equals sqlite3's, row by row. In batches, since some
# are thousands of single statements; without foreign keys, which some declare before the table they refer to.
test_seconds=900
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

data=$(cd "$top" && cd "${DDB_SHARED:-../shared}/data" 2>/dev/null && pwd) || test_skip_all 'no dumps: set DDB_SHARED to a directory with data/*.sql'

# An expression over a table's columns that tells rows apart by value and type, in hexadecimal: no format is in the way.
row_of() {
	sqlite3 "$database" "SELECT 'hex(' || group_concat('quote(\"' || name || '\")', ' || ''|'' || ') || ')' FROM pragma_table_info('$1')"
}

for dump in "$data"/*.sql; do
	name=$(basename "$dump" .sql)
	database=$trash/$name.db
	cluster=$trash/$name

	test_expect_success "$name loads" '
		sqlite3 -cmd "PRAGMA synchronous = OFF" "$database" <"$dump" && cluster_up -m 1 &&
		{ echo "PRAGMA foreign_keys = OFF;" && cat "$dump"; } | ddb-route --batch 200
	'

	sqlite3 "$database" "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'" >tables
	test_expect_success "$name has all tables, views, indexes and triggers" '
		list="SELECT type, name FROM sqlite_schema WHERE name NOT LIKE '\''sqlite_%'\'' ORDER BY type, name" &&
		sqlite3 -separator "	" "$database" "$list" >expected && ddb-route --no-header -c "$list" >actual && test_cmp expected actual
	'
	while read -r table; do
		test_expect_success "$name: $table is the same, row by row" '
			rows="SELECT $(row_of "$table") FROM \"$table\"" &&
			sqlite3 "$database" "$rows" | sort >expected &&
			ddb-route --no-header -c "$rows" | sort >actual && test_cmp expected actual
		'
	done <tables
	test_expect_success "$name: all replicas agree" 'test_within 30 cluster_agree && cluster_down && rm -rf "$cluster"'
done

test_done
