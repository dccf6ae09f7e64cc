# Completion for bash: options and commands as each program's --help tells them, so that this file never lags behind.
# shellcheck shell=bash

_ddb() {
	local tool=$1 word=$2 before=$3 command='' i
	case $before in
	--format)
		mapfile -t COMPREPLY < <(compgen -W 'table tsv csv json quote' -- "$word")
		return
		;;
	--data | --log | --history | --file | --sqlite | -d) # a path: bash knows better
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == [a-z]* ]]; then
			command=${COMP_WORDS[i]}
			break
		fi
	done

	local help words
	help=$("$tool" ${command:+"$command"} --help 2>/dev/null) || help=$("$tool" --help 2>/dev/null) || return
	if [[ $word == -* ]]; then
		words=$(grep -oE -e '(^|[ ,])--?[a-z][a-z-]*' <<<"$help" | tr -d ' ,')
	elif [[ -z $command ]]; then
		words=$(sed -n '/^Subcommands:/,$s/^  \([a-z][a-z-]*\) .*/\1/p' <<<"$help")
	fi
	mapfile -t COMPREPLY < <(compgen -W "${words-}" -- "$word")
}

_ddb_script() {
	local options=''
	case $1 in
	*ddb-up) options='-n -m -g -p' ;;
	*ddb-slt) options='-s' ;;
	*ddb-chaos) options='--duration --calm --down --kinds --members --seed' ;;
	esac
	[[ $2 == -* ]] && mapfile -t COMPREPLY < <(compgen -W "$options" -- "$2")
}

complete -o default -F _ddb ddb-oracle ddb-node ddb-route ddb-dump ddb-bench ddb-split
complete -o dirnames -F _ddb_script ddb-up ddb-down ddb-status ddb-chaos ddb-slt
