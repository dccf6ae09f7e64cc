#!/bin/sh
# What every program keeps: help, version, usage errors, a stdout that is checked.
. t/lib/tap.sh

for main in "$top"/tools/*/main.cpp; do
	tool=$(basename "$(dirname "$main")")

	test_expect_success "$tool --help: stdout, exit 0" '
		"$tool" --help >out 2>err && test -s out && test_cmp /dev/null err
	'

	test_expect_success "$tool --version: its name and number" '
		"$tool" --version >out 2>err && grep -qxE "$tool [0-9]+[.][0-9]+[.][0-9]+" out && test_cmp /dev/null err
	'

	test_expect_success "$tool refuses an unknown option: one line on stderr, exit 64" '
		test_expect_code 64 "$tool" --no-such-option >out 2>err &&
		test_cmp /dev/null out && test "$(wc -l <err)" -eq 1 && grep -q "^$tool: .*no-such-option" err
	'

	test_expect_success "$tool --help on a full disk is an I/O error" '
		test_expect_code 74 "$tool" --help 2>err >/dev/full && grep -q "^$tool: " err
	'
done

test_done
