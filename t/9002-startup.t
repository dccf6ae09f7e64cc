#!/bin/sh
# Servers that cannot start say why in one line and leave everything as it was.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

test_expect_success 'a cluster' 'cluster_up -n 1 -m 1'

# Runs a server that must end by itself with this exit status.
must_not_start() {
	code=$1
	shift
	test_expect_code "$code" timeout 20 "$@" >out 2>err </dev/null && test_cmp /dev/null out && tail -n 1 err
}

free=$((cluster_base + 50))

test_expect_success 'a port in use' '
	must_not_start 73 ddb-node serve --data fresh --listen "127.0.0.1:$(cluster_port node-1)" | grep "in use" &&
	must_not_start 73 ddb-oracle serve --data fresh2 --listen "127.0.0.1:$(cluster_port oracle-1)" | grep "in use" &&
	must_not_start 73 ddb-route --listen "127.0.0.1:$(cluster_port route-1)" | grep "in use"
'

test_expect_success 'a data directory that another process uses' '
	must_not_start 77 ddb-node serve --data "$cluster/node-1/data" --listen "127.0.0.1:$free" | grep "$cluster/node-1/data" &&
	must_not_start 77 ddb-oracle serve --data "$cluster/oracle-1/data" --listen "127.0.0.1:$free" | grep "$cluster/oracle-1/data"
'

test_expect_success 'an address beyond loopback, unless --insecure' '
	must_not_start 77 ddb-node serve --data fresh --listen "0.0.0.0:$free" | grep insecure &&
	must_not_start 77 ddb-oracle serve --data fresh --listen "0.0.0.0:$free" | grep insecure &&
	must_not_start 77 ddb-route --listen "0.0.0.0:$free" | grep insecure
'

test_expect_success 'a data directory that cannot be made' '
	: >file &&
	must_not_start 73 ddb-node serve --data file/data --listen "127.0.0.1:$free" | grep file/data
'

first_oracle=$DDB_ORACLE
test_expect_success 'another cluster' '
	cluster=$trash/other cluster_base=$(cluster_free_base) &&
	cluster_up -n 1 -m 1 && other_oracle=$DDB_ORACLE && cluster_down
'
cluster=$trash/cluster

test_expect_success 'a data directory of another cluster' '
	DDB_ORACLE=$first_oracle &&
	must_not_start 77 ddb-node serve --data "$trash/other/node-1/data" --listen "127.0.0.1:$free" | grep -i cluster
'

test_expect_success 'the refused directory still belongs to its own cluster' '
	cluster=$trash/other && cluster_up && ddb-route -c "SELECT 1" && cluster_down
'
cluster=$trash/cluster

test_expect_success 'ddb-up: a taken port is told before anything starts' '
	test_expect_code 73 ddb-up -p "$((cluster_base - 1))" -n 1 -m 1 third 2>err; cat err;
	ls third
'

test_done
