#!/bin/sh
# Unit tests of every layer: doctest speaks no TAP, so each program is one line here.
. t/lib/tap.sh

for unit in "$top"/t/unit/*/; do
	layer=$(basename "$unit")
	ls "$unit"*.cpp >/dev/null 2>&1 || continue
	test_expect_success "unit tests of $layer" '
		cd "$top" && "$test_build/unit-$layer" --no-colors=true
	'
done

test_expect_success 'there are unit tests' 'test "$test_count" -gt 5'

test_done
