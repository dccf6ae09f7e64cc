#!/bin/sh
# Every rule named in the code is dropped once, and somebody notices: the simulator, or a unit test, as t/sim/mutants.txt
# says. What takes the simulator long is dropped by DDB_MUTANTS=all only.
test_seconds=1800
. t/lib/tap.sh

mutants=$top/build-mutants
table=$top/t/sim/mutants.txt
quick=12 # seeds that a rule may have taken when the table was made
limit=150 # seeds after which it is taken for not found
[ "${DDB_MUTANTS-}" = all ] && quick=100000 limit=20000

test -x "$mutants/sim" || test_skip_all 'no mutants: make mutants'

test_expect_success 'the table names every rule in the code, and no other' '
	grep -rhoE "DDB_KEEPS\(\"[^\"]+\"\)" "$top/libshared" | sed "s/.*(\"//; s/\").*//" | sort -u >code &&
	sed "/^#/d; /^\$/d; s/ .*//" "$table" | sort -u >listed &&
	test_cmp code listed
'

test_expect_success 'with every rule kept nobody notices anything' '
	"$mutants/sim" --seeds 40 --jobs 2 &&
	(cd "$top" && for layer in raft range oracle txn; do "$mutants/unit-$layer" --no-colors=true || exit; done)
'

sed '/^#/d; /^$/d' "$table" >rules
while read -r rule by what rest; do
	if [ "$by" = sim ] && [ "$what" -le "$quick" ]; then
		test_expect_success "$rule: the simulator notices" '
			"$mutants/sim" --mutate "$rule" --seeds "$limit" --jobs 2 2>/dev/null </dev/null
		'
	elif [ "$by" = unit ]; then
		test_expect_success "$rule: a unit test of $what notices" '
			(cd "$top" && ! DDB_MUTATE=$rule "$mutants/unit-$what" --no-colors=true --test-case="$rest" </dev/null >/dev/null 2>&1)
		'
	fi
done <rules

test_done
