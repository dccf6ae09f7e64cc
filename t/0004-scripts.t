#!/bin/sh
# Scripts: POSIX sh, clean.
. t/lib/tap.sh

for script in "$top"/scripts/* "$top"/.ci/run; do
	case $(head -n 1 "$script") in '#!/bin/sh') ;; *) continue ;; esac
	name=${script#"$top/"}
	test_expect_success "$name is clean POSIX sh, executable, and stops at errors" '
		shellcheck --shell=sh "$script" && test -x "$script" && grep -qx "set -eu" "$script"
	'
done

for script in "$top"/t/*.t "$top"/t/lib/*.sh; do
	name=${script#"$top/"}
	# Variables that tests set for their evaluated bodies look unused; bodies stand in single quotes.
	test_expect_success "$name is clean POSIX sh" '
		shellcheck --shell=sh --exclude=SC1091,SC2016,SC2034,SC2154 --severity=warning "$script"
	'
done

test_expect_success 'the completion is clean bash' '
	shellcheck --shell=bash "$top/scripts/completion.bash"
'

# What bash offers for a command line, whose last word is being typed.
completed() {
	bash -c '. "$top/scripts/completion.bash"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_ddb "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		echo "${COMPREPLY[*]}"' bash "$@"
}
export top

test_expect_success 'the completion knows commands, options and formats' '
	test "$(completed ddb-node st)" = status &&
	test "$(completed ddb-node serve --adv)" = --advertise &&
	test "$(completed ddb-route --format js)" = json &&
	test "$(completed ddb-route --no-h)" = --no-header
'

test_expect_success 'the list of packages has each once, by name' '
	grep -vE "^(#.*|[a-z0-9][a-z0-9.+-]*)\$" "$top/scripts/packages" >bad
	grep -v "^#" "$top/scripts/packages" | sort | uniq -d >>bad
	test_cmp /dev/null bad
'

test_done
