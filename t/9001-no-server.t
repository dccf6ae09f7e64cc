#!/bin/sh
# Nobody to talk to: 69, within the time allowed, naming who was asked.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

base=$(cluster_free_base)
nobody=127.0.0.1:$((base + 1)),127.0.0.1:$((base + 2))

# Runs a command that must give up within so many seconds.
gives_up_within() {
	seconds=$1
	shift
	before=$(date +%s)
	test_expect_code 69 "$@" >out 2>err </dev/null || return
	test $(($(date +%s) - before)) -le "$seconds"
}

test_expect_success 'SQL without an oracle gives up in time and names the addresses' '
	gives_up_within 3 ddb-route --oracle "$nobody" --timeout 2s -c "SELECT 1" &&
	test_cmp /dev/null out && test "$(wc -l <err)" -eq 1 &&
	grep "^ddb-route: .*127.0.0.1:$((base + 1))" err && grep "127.0.0.1:$((base + 2))" err
'

test_expect_success 'and so do the verbs of the oracle and the node' '
	gives_up_within 3 ddb-oracle time --oracle "$nobody" --timeout 2s &&
	grep "^ddb-oracle: .*127.0.0.1:$((base + 1))" err &&
	gives_up_within 12 ddb-node status --oracle "$nobody" &&
	grep "^ddb-node: .*127.0.0.1:$((base + 1))" err
'

test_expect_success 'no oracle named at all is a usage error that says what to do' '
	test_expect_code 64 ddb-route -c "SELECT 1" 2>err &&
	grep "^ddb-route: .*DDB_ORACLE" err
'

test_expect_success 'an oracle that is no address is a usage error' '
	test_expect_code 64 ddb-route --oracle here -c "SELECT 1" 2>err && grep "^ddb-route: .*here" err &&
	test_expect_code 64 env DDB_ORACLE=127.0.0.1 ddb-route -c "SELECT 1" 2>err && grep "DDB_ORACLE" err
'

# A port where somebody accepts and says nothing.
perl -MIO::Socket::INET -e '
	$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 9, ReuseAddr => 1) or die;
	push @clients, $s->accept while 1' "$((base + 3))" &
echo $! >silent.pid

test_expect_success 'a silent server is given up as well' '
	gives_up_within 4 ddb-route --oracle "127.0.0.1:$((base + 3))" --timeout 2s -c "SELECT 1" &&
	grep "127.0.0.1:$((base + 3))" err
'

test_done
