#!/bin/sh
# Every decoder against bent inputs: a short run, the same each time. `make fuzz` runs longer, under sanitizers.
. t/lib/tap.sh

for target in "$top"/t/fuzz/*.cpp; do
	name=$(basename "$target" .cpp)
	[ "$name" != main ] || continue
	test_expect_success "the $name target meets no input that it cannot take" '"$test_build/fuzz-$name" --count 20000'
done

test_expect_success 'an input can be given as a file' '
	printf "INSERT INTO t VALUES (1); SELECT \x27unfinished" >input && "$test_build/fuzz-sql" input && test_expect_code 1 "$test_build/fuzz-sql" absent
'

test_done
