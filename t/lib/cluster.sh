# Real clusters for tests, on free ports, in the test's own directory. After tap.sh: `. "$top/t/lib/cluster.sh"`.
#
#   cluster_up [ddb-up's options]   starts "$cluster", or what of it is down; sets DDB_ORACLE and DDB_RPC
#   cluster_down                    stops it
#   cluster_pid node-2              the process of that name
#   cluster_port node-2             its port
#   cluster_kill node-2 [signal]    kills it (KILL) and waits until it is gone
#   cluster_leader                  the name of the node that leads (the last table's) range
#   cluster_agree [nodes]           all replicas have applied the same and hold the same rows
# shellcheck shell=sh

cluster=$trash/cluster

# Whether nobody listens, or lately did, on any of 60 ports from this one on.
cluster_ports_free() {
	awk -v from="$1" '
		BEGIN { for (i = 0; i < 16; i++) digit[substr("0123456789ABCDEF", i + 1, 1)] = i }
		{
			split($2, local, ":")
			port = 0
			for (i = 1; i <= 4; i++) port = port * 16 + digit[substr(local[2], i, 1)]
			if (port >= from && port < from + 60) used = 1
		}
		END { exit used }' /proc/net/tcp
}

cluster_free_base() {
	test_base=$((10000 + $$ % 200 * 100))
	until cluster_ports_free "$test_base"; do
		test_base=$((test_base + 100))
	done
	echo "$test_base"
}

cluster_up() {
	[ -n "${cluster_base-}" ] || cluster_base=$(cluster_free_base)
	cluster_said=$(ddb-up -p "$cluster_base" "$@" "$cluster") || return
	eval "$cluster_said"
}

cluster_down() {
	ddb-down "$cluster"
}

cluster_pid() {
	cat "$cluster/$1/pid"
}

cluster_port() {
	case $1 in
	oracle-*) echo $((cluster_base + ${1#oracle-})) ;;
	node-*) echo $((cluster_base + 20 + ${1#node-})) ;;
	route-*) echo $((cluster_base + 40 + ${1#route-})) ;;
	esac
}

cluster_kill() {
	cluster_victim=$(cluster_pid "$1") || return
	kill "-${2:-KILL}" "$cluster_victim" || return
	test_within 30 test_gone "$cluster_victim"
}

cluster_leader() {
	ddb-node status --tsv 2>/dev/null | awk -F '\t' -v base="$cluster_base" '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		$column["role"] == "leader" && $column["term"] >= term { term = $column["term"]; address = $column["address"] }
		END { if (address == "") exit 1; sub(/.*:/, "", address); print "node-" address - base - 20 }'
}

cluster_agree() {
	ddb-node status --tsv >"$trash/replicas" 2>/dev/null &&
		awk -F '\t' -v wanted="${1:-3}" '
			NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
			{ lines++; seen[$column["range"] " " $column["applied"] " " $column["hash"]]; ranges[$column["range"]] }
			END { for (s in seen) states++; for (r in ranges) count++; exit !(lines >= wanted * count && states == count && count > 0) }' "$trash/replicas"
}
