#!/bin/sh
# The README's tutorial, word by word: each line after `$ ` is run in one shell, and what it prints is compared.
. t/lib/tap.sh
. "$top/t/lib/cluster.sh"

cluster=$trash/shop
DDB_BASEPORT=$(cluster_free_base)
export DDB_BASEPORT

# Only the directories are others.
sed -n '/^```console$/,/^```$/p' "$top/README.md" | grep -v '^```' | sed "s|/tmp/shop|$cluster|g; s|/tmp/notes|$trash/notes|g" >expected
awk -v quote="'" '
	/^\$ / {
		command = substr($0, 3)
		shown = $0
		gsub(quote, quote "\\" quote quote, shown)
		print "status=$?; printf \"%s\\n\" " quote shown quote "; (exit $status)"  # for a command that asks for $?
		print command
	}' expected >tutorial

test_expect_success 'there is a tutorial' 'test "$(grep -c "^\\$ " expected)" -gt 10'

test_expect_success 'the tutorial does what it says' '
	(cd "$top" && /bin/sh "$trash/tutorial") >actual 2>&1
	test_cmp expected actual
'

test_expect_success 'ddb-status said who leads' '
	grep "^Ranges" shop/status
'

test_done
