# Tests in sh that speak TAP. Source it from the repository's top: `. t/lib/tap.sh`. It moves to an empty directory,
# which goes at the end, puts bin/ and scripts/ into PATH, and ends what the test started.
#
#   test_expect_success 'title' 'commands joined by &&'
#   test_expect_code 64 command...      inside one: the command must exit so
#   test_cmp expected actual            inside one: files are equal, else show how they differ
#   test_start name command...          a process in the background: name.pid, name.out, name.err
#   test_stop name [signal]             ends it and waits; its exit status
#   test_within 10 command...           inside one: the command succeeds, tried again for so many seconds
#   test_gone pid                       the process has ended
#   test_skip 'title' 'reason'          instead of test_expect_success
#   test_skip_all 'reason'              instead of everything
#   test_done                           last line
#
# A test that hangs is ended after test_seconds (set it before sourcing; 300).
# shellcheck shell=sh

set -u

if [ -z "${DDB_TEST_TIMED-}" ]; then
	DDB_TEST_TIMED=1 exec timeout --kill-after=20 "${test_seconds:-300}" /bin/sh "$0" "$@"
fi
unset DDB_TEST_TIMED

top=$PWD
trash=$(mktemp -d "${TMPDIR:-/tmp}/ddb-test.XXXXXX")
test_build=$top/${BUILD:-build}
PATH=$top/bin:$top/scripts:$PATH
LC_ALL=C.UTF-8
export PATH LC_ALL
unset DDB_ORACLE DDB_RPC
test_count=0
test_failed=0
test_finished=

# Ends every process that a test has noted in DIR/.../pid or NAME.pid, by id, and nothing else.
test_end_processes() {
	find "$trash" \( -name pid -o -name '*.pid' \) -type f -exec cat {} + 2>/dev/null | while read -r test_pid; do
		kill -KILL "$test_pid" 2>/dev/null
	done
}

test_cleanup() {
	test_status=$?
	trap - EXIT
	test_end_processes
	cd "$top" || exit 1
	[ -n "${DDB_TEST_KEEP-}" ] && echo "# kept: $trash" || rm -rf "$trash"
	if [ -z "$test_finished" ]; then
		echo "Bail out! $0 ended before test_done"
		exit 1
	fi
	exit "$test_status"
}
trap test_cleanup EXIT
trap 'exit 143' INT TERM HUP
cd "$trash" || exit 1

test_diagnose() {
	printf '%s\n' "$1" | sed 's/^/# /'
	tail -n 60 "$trash/.output" | sed 's/^/# > /'
}

# A function of its own, so that `return` in a body ends the body.
test_eval() {
	eval "$1"
}

test_expect_success() {
	test_count=$((test_count + 1))
	if test_eval "$2" >"$trash/.output" 2>&1 </dev/null; then
		echo "ok $test_count - $1"
	else
		test_failed=$((test_failed + 1))
		echo "not ok $test_count - $1"
		test_diagnose "$2"
	fi
	cd "$trash" || exit 1  # wherever the body went
}

test_expect_code() {
	test_wanted=$1
	shift
	"$@"
	test_got=$?
	[ "$test_got" -eq "$test_wanted" ] && return 0
	echo "exit status $test_got, not $test_wanted: $*"
	return 1
}

test_cmp() {
	diff -u "$1" "$2"
}

test_start() {
	test_name=$1
	shift
	"$@" >"$test_name.out" 2>"$test_name.err" </dev/null &
	echo $! >"$test_name.pid"
}

test_stop() {
	test_pid=$(cat "$1.pid")
	kill "-${2:-TERM}" "$test_pid"
	wait "$test_pid"
	test_status=$?
	rm -f "$1.pid"
	return $test_status
}

# Runs a command until it succeeds, for at most so many seconds.
test_within() {
	test_until=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$test_until" ] || return 1
		sleep 0.05
	done
}

# Whether a process has ended. A zombie has: it waits for a parent that may not look.
test_gone() {
	! { read -r _ _ test_state _ <"/proc/$1/stat"; } 2>/dev/null || [ "$test_state" = Z ]
}

test_skip() {
	test_count=$((test_count + 1))
	echo "ok $test_count - $1 # SKIP $2"
}

test_skip_all() {
	test_finished=1
	echo "1..0 # SKIP $1"
	exit 0
}

test_done() {
	test_finished=1
	echo "1..$test_count"
	[ "$test_failed" -eq 0 ] || exit 1
	exit 0
}
