#!/bin/sh
# Garbage on a port: the connection is closed, the server goes on, unharmed and without eating memory.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

test_expect_success 'a cluster' 'cluster_up -n 1 -m 1'

# shout PORT: writes standard input to a port, then succeeds if the server closes the connection in time: at once, or when it has waited
# ten seconds for a greeting.
cat >shout.pl <<'PERL'
use IO::Socket::INET;
$SIG{PIPE} = "IGNORE";
alarm 20;
binmode STDIN;
my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die "no connection";
local $/;
print $socket <STDIN>;
$socket->flush;
1 while sysread($socket, my $reply, 65536);
PERL

resident_kb() {
	awk '/^RssAnon/ { print $2 }' "/proc/$(cluster_pid "$1")/status"
}

for server in oracle-1 node-1 route-1; do
	test_expect_success "$server: random bytes, a frame over the limit, another protocol" '
		port=$(cluster_port "$server") && before=$(resident_kb "$server") &&
		for seed in 1 2 3 4 5 6 7 8; do
			perl -e "srand $seed; print pack(q(C*), 193, map { int rand 256 } 1 .. 100_000)" | perl shout.pl "$port" || return
		done &&
		perl -e "print pack(q(VV), 4_000_000_000, 1), q(x) x 1_000_000" | perl shout.pl "$port" &&
		perl -e "print qq(\\x94\\x00\\x01\\xdb\\xff\\xff\\xff\\xff)" | perl shout.pl "$port" &&
		printf "GET / HTTP/1.1\r\nHost: x\r\n\r\n" | perl shout.pl "$port" &&
		test $(($(resident_kb "$server") - before)) -lt 65536
	'

	test_expect_success "$server goes on" '
		kill -0 "$(cluster_pid "$server")" && ddb-route -c "SELECT 1" && ddb-node status && ddb-oracle status
	'
done

# rpc PORT: writes a MessagePack-RPC request in hexadecimal, prints the reply so.
cat >rpc.pl <<'PERL'
use IO::Socket::INET;
alarm 10;
my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die "no connection";
print $socket pack("H*", $ARGV[1]);
$socket->flush;
sysread($socket, my $reply, 65536) or die "closed";
print unpack("H*", $reply), "\n";
PERL

test_expect_success 'the gateway answers a request byte by byte as ddb-rpc(5) says' '
	perl rpc.pl "$(cluster_port route-1)" 940007a470696e6790 >reply && echo 940107c0c3 >expected && test_cmp expected reply
'

test_expect_success 'SQL over MessagePack-RPC' '
	sql=$(printf "SELECT 40 + 2 AS a" | od -An -tx1 | tr -d " \n") &&
	perl rpc.pl "$(cluster_port route-1)" "940001a76578656375746591b2$sql" >reply &&
	grep "^940101c086a7636f6c756d6e7391a161" reply && grep "a4726f777391912a" reply
'

test_done
