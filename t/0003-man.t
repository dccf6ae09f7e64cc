#!/bin/sh
# Man pages: one for every program, clean, and complete.
. t/lib/tap.sh

for page in "$top"/man/*.[1-8]; do
	test_expect_success "$(basename "$page") is clean mdoc" '
		mandoc -T lint -W warning "$page" >lint
		test_cmp /dev/null lint
	'
done

for main in "$top"/tools/*/main.cpp; do
	tool=$(basename "$(dirname "$main")")
	test_expect_success "$tool has a page with the sections every program has" '
		for section in NAME SYNOPSIS DESCRIPTION OPTIONS "EXIT STATUS" ENVIRONMENT EXAMPLES "SEE ALSO"; do
			grep -qx "[.]Sh $section" "$top/man/$tool.1" || echo "no $section"
		done >missing &&
		test_cmp /dev/null missing
	'

	test_expect_success "$tool: its page has every option that its help has" '
		mandoc -T ascii "$top/man/$tool.1" | sed "s/.$(printf "\b")//g" >page &&
		"$tool" --help >help &&
		sed -n "/^Subcommands:/,\$s/^  \([a-z][a-z-]*\) .*/\1/p" help >commands &&
		while read -r command; do
			"$tool" "$command" --help
		done <commands >>help &&
		grep -oE -e "--[a-z][a-z-]+" help | sort -u >options &&
		while read -r option; do
			grep -qE -e "$option([^a-z-]|\$)" page || echo "$option"
		done <options >undocumented &&
		while read -r command; do
			grep -qw -e "$command" page || echo "$command"
		done <commands >>undocumented &&
		test_cmp /dev/null undocumented
	'
done

test_expect_success 'pages refer to pages that exist here or are the system'\''s' '
	sed -n "s/^[.]Xr \(ddb[a-z-]*\) \([1-8]\).*/\1.\2/p" "$top"/man/*.[1-8] | sort -u | while read -r page; do
		test -e "$top/man/$page" || echo "$page"
	done >missing &&
	test_cmp /dev/null missing
'

test_done
