#!/bin/sh
# ddb-oracle with one member: every verb, every refusal.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

port=$(($(cluster_free_base) + 1))
DDB_ORACLE=127.0.0.1:$port
export DDB_ORACLE

start_oracle() {
	test_start oracle ddb-oracle serve --data data --listen "$DDB_ORACLE"
}

# value COLUMN: of the only row on the standard input, found by its heading.
value() {
	awk -F '\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i } NR == 2 { print $column[name] }'
}

test_expect_success 'with nobody there: 69 within the timeout, naming the address' '
	test_expect_code 69 ddb-oracle time --timeout 1s 2>err >out &&
	test_cmp /dev/null out &&
	test "$(wc -l <err)" -eq 1 &&
	grep "^ddb-oracle: .*$DDB_ORACLE" err &&
	test_expect_code 69 ddb-oracle status 2>err &&
	test_expect_code 69 ddb-oracle watch a --timeout 1s 2>err
'

test_expect_success 'without an address: usage' '
	(unset DDB_ORACLE && test_expect_code 64 ddb-oracle time 2>err) &&
	grep DDB_ORACLE err
'

start_oracle

test_expect_success 'time: 48 bits of the present, and rising' '
	test_within 20 ddb-oracle time --timeout 1s >/dev/null &&
	ddb-oracle time >first && ddb-oracle time >second &&
	test "$(head -n 1 first)" = "timestamp	time	counter" &&
	test "$(value timestamp <second)" -gt "$(value timestamp <first)" &&
	seconds=$(($(value timestamp <second) / 65536 / 1000)) && now=$(date +%s) &&
	test "$seconds" -ge $((now - 5)) && test "$seconds" -le $((now + 5)) &&
	value time <second | grep -x "20[0-9-]*T[0-9:.]*Z"
'

test_expect_success 'time -n: so many in a row, none twice' '
	ddb-oracle time -n 1000 --no-header | cut -f 1 >many &&
	test "$(wc -l <many)" -eq 1000 &&
	sort -n -u many | cmp - many &&
	test $(($(tail -n 1 many) - $(head -n 1 many))) -eq 999 &&
	test_expect_code 64 ddb-oracle time -n 0 2>err &&
	test_expect_code 64 ddb-oracle time -n 65537 2>err
'

test_expect_success 'put, get, del' '
	ddb-oracle put a 1 >out && test "$(value revision <out)" -eq 2 &&
	ddb-oracle put a 2 >/dev/null &&
	printf "key\tvalue\trevision\tcreated\tversion\tlease\na\t2\t3\t2\t2\t0\n" >expected &&
	ddb-oracle get a >actual && test_cmp expected actual &&
	ddb-oracle del a >out && test "$(value revision <out)" -eq 4 &&
	test_expect_code 1 ddb-oracle get a 2>err >out && grep "no key a" err &&
	ddb-oracle del a >out && test "$(value revision <out)" -eq 4
'

test_expect_success 'put --if-revision changes the key only if nobody else did' '
	ddb-oracle put b 1 --if-revision 0 >out && revision=$(value revision <out) &&
	test_expect_code 1 ddb-oracle put b 2 --if-revision 0 2>err &&
	grep "^ddb-oracle: b is not at revision 0" err &&
	ddb-oracle put b 2 --if-revision "$revision" &&
	test_expect_code 1 ddb-oracle put b 3 --if-revision "$revision" 2>err &&
	ddb-oracle get b >out && test "$(value value <out)" = 2 &&
	test_expect_code 1 ddb-oracle del b --if-revision "$revision" 2>err &&
	ddb-oracle get b >out
'

test_expect_success 'values in UTF-8 are text, other bytes are not' '
	ddb-oracle put grüße "Zoë – 東京" >out && ddb-oracle get grüße --no-header | cut -f 1,2 >out && printf "grüße\tZoë – 東京\n" >expected && test_cmp expected out &&
	printf "\303(" | ddb-oracle put latin - >out && ddb-oracle get latin --no-header | cut -f 2 >out && printf "\\\\xc328\n" >expected && test_cmp expected out
'

test_expect_success 'get of many keys, in order' '
	for key in k/1 k/2 k/3 l; do ddb-oracle put "$key" "of $key" >/dev/null || return 1; done &&
	ddb-oracle get k/ --prefix --no-header | cut -f 1 | xargs >out && test "$(cat out)" = "k/1 k/2 k/3" &&
	ddb-oracle get k/2 --end l --no-header | cut -f 1 | xargs >out && test "$(cat out)" = "k/2 k/3" &&
	ddb-oracle get "" --prefix --no-header | cut -f 1 >out && grep -x config/replicas out && grep -x l out &&
	ddb-oracle get none/ --prefix >out && test "$(wc -l <out)" -eq 1 &&
	test_expect_code 64 ddb-oracle get "" 2>err &&
	test_expect_code 64 ddb-oracle get k --prefix --end l 2>err
'

test_expect_success 'values: from standard input, of any bytes, in other formats' '
	printf "two\nlines" | ddb-oracle put v - >/dev/null &&
	ddb-oracle get v --json | grep -F "\"value\":\"two\\nlines\"" &&
	printf "\000\377" | ddb-oracle put v - >/dev/null &&
	ddb-oracle get v >out && value value <out | grep -ixF "\\x00ff" &&
	ddb-oracle put v "$(printf "%0512d" 0)" >/dev/null &&
	test_expect_code 65 ddb-oracle put "$(printf "%0501d" 0)" v 2>err && grep "the limit is 500" err &&
	head -c 1100000 /dev/zero | test_expect_code 65 ddb-oracle put v - 2>err && grep "the limit is" err
'

test_expect_success 'watch: what was, and what comes, in order' '
	ddb-oracle put w/0 early >out && from=$(value revision <out) &&
	test_start watch ddb-oracle watch w/ --prefix --from "$from" -n 4 &&
	test_within 10 grep -q early watch.out &&
	ddb-oracle put w/1 x >/dev/null && ddb-oracle put other y >/dev/null && ddb-oracle del w/0 >/dev/null &&
	ddb-oracle put w/2 z >/dev/null &&
	test_within 10 test_gone "$(cat watch.pid)" &&
	cut -f 2-4 watch.out >actual &&
	printf "event\tkey\tvalue\nput\tw/0\tearly\nput\tw/1\tx\ndelete\tw/0\t\\\\N\nput\tw/2\tz\n" >expected &&
	test_cmp expected actual
'

test_expect_success 'watch ends quietly when told to, and when its reader goes' '
	test_start watch ddb-oracle watch w/ --prefix &&
	test_within 10 test -s watch.out &&
	test_stop watch &&
	rm -f code && { { ddb-oracle watch w/ --prefix --from 1 2>err; echo $? >code; } | head -n 1 >out & } &&
	test_within 10 eval "ddb-oracle put w/3 x >/dev/null && test -e code" &&
	test_cmp /dev/null err
'

test_expect_success 'a lease takes its keys along, when revoked and when it runs out' '
	lease=$(ddb-oracle grant 60s --no-header | cut -f 1) &&
	ddb-oracle put leased x --lease "$lease" >/dev/null &&
	ddb-oracle keep "$lease" >out && test "$(value ttl_ms <out)" -eq 60000 &&
	ddb-oracle revoke "$lease" &&
	test_expect_code 1 ddb-oracle get leased 2>err &&
	test_expect_code 1 ddb-oracle revoke "$lease" 2>err &&
	test_expect_code 1 ddb-oracle put leased x --lease "$lease" 2>err &&
	lease=$(ddb-oracle grant 500ms --no-header | cut -f 1) &&
	ddb-oracle put leased x --lease "$lease" >/dev/null &&
	test_within 10 eval "! ddb-oracle get leased" &&
	test_expect_code 1 ddb-oracle keep "$lease" 2>err
'

test_expect_success 'status and stores' '
	ddb-oracle status >out && test "$(value role <out)" = leader && test "$(value address <out)" = "$DDB_ORACLE" &&
	ddb-oracle stores >out && test "$(wc -l <out)" -eq 1
'

test_expect_success 'rows on a full disk are an I/O error' '
	test_expect_code 74 ddb-oracle time >/dev/full 2>err && grep "^ddb-oracle: " err
'

test_expect_success 'a second process on the directory is refused, a second one on the port too' '
	test_expect_code 77 ddb-oracle serve --data data --listen 127.0.0.1:0 2>err && grep data err &&
	test_expect_code 73 ddb-oracle serve --data other --listen "$DDB_ORACLE" 2>err && grep "$port" err &&
	ddb-oracle time >/dev/null
'

test_expect_success 'serve refuses what it cannot mean' '
	test_expect_code 64 ddb-oracle serve 2>err &&
	test_expect_code 64 ddb-oracle serve --data x --listen nowhere 2>err &&
	test_expect_code 64 ddb-oracle serve --data x --listen 127.0.0.1:0 --replicas 0 2>err &&
	test_expect_code 64 ddb-oracle serve --data x --listen 127.0.0.1:$((port + 1)) --peers 127.0.0.1:1,127.0.0.1:2 2>err &&
	grep -e --peers err &&
	test_expect_code 64 ddb-oracle serve --data x --listen 127.0.0.1:$((port + 1)) --peers 127.0.0.1:1,127.0.0.1:1 2>err &&
	test_expect_code 77 ddb-oracle serve --data x --listen 0.0.0.0:0 2>err && grep insecure err
'

test_expect_success 'garbage on the port harms nobody' '
	head -c 100000 /dev/urandom >garbage &&
	timeout 5 perl -MIO::Socket -e "
		\$SIG{PIPE} = q(IGNORE);
		my \$s = IO::Socket::INET->new(q($DDB_ORACLE)) or die;
		open my \$f, q(<), q(garbage) or die;
		print \$s \$_ while <\$f>;
		1 while <\$s>;  # until the other side closes
	" &&
	ddb-oracle time >/dev/null
'

test_expect_success 'kill -9 and start again: all is there, and time goes on' '
	ddb-oracle get "" --prefix >before && ddb-oracle time >first &&
	{ test_stop oracle KILL || true; } && start_oracle &&
	test_within 20 ddb-oracle time --timeout 1s >second &&
	test "$(value timestamp <second)" -gt "$(value timestamp <first)" &&
	ddb-oracle get "" --prefix >after && test_cmp before after &&
	ddb-oracle watch a --from 2 -n 3 --no-header | cut -f 1 | xargs >out && test "$(cat out)" = "2 3 4"
'

test_expect_success 'SIGTERM ends it cleanly' '
	test_stop oracle &&
	start_oracle && test_within 20 ddb-oracle time --timeout 1s >/dev/null && test_stop oracle
'

test_expect_success 'a damaged founding record is named' '
	cp data/founding whole && printf xxxxxxxx | dd of=data/founding bs=1 seek=4 conv=notrunc 2>/dev/null &&
	test_expect_code 65 ddb-oracle serve --data data --listen 127.0.0.1:0 2>err && grep data/founding err &&
	cp whole data/founding
'

test_done
