#!/bin/sh
# The shape of the code: layers include only what stands above them, and the cores know no clock, thread, socket or file.
. t/lib/tap.sh

# The order is the Makefile's.
list() {
	sed -n "s/^$1 *:= *//p" "$top/Makefile"
}
core_dirs=$(list CORE_DIRS)
all_dirs="$core_dirs $(list SHELL_DIRS)"

# "FILE: LAYER" for every include of a folder that is not above the including one, or is unknown.
misplaced_includes() {
	above=
	for dir in $all_dirs; do
		above="$above $dir"
		find "$1/$dir" -name '*.[ch]pp' 2>/dev/null | sort | while read -r file; do
			sed -n 's|^ *# *include *"\([^"]*\)".*|\1|p' "$file" | while read -r include; do
				case " $above " in
				*" ${include%%/*} "*) ;;
				*) echo "$file includes \"$include\"" ;;
				esac
			done
		done
	done
}

test_expect_success 'the Makefile names the layers' '
	test -n "$core_dirs" && test -n "$(list SHELL_DIRS)"
'

test_expect_success 'every folder of libshared is a layer' '
	for dir in "$top"/libshared/*/; do
		case " $all_dirs " in
		*" $(basename "$dir") "*) ;;
		*) echo "$dir" ;;
		esac
	done >unknown &&
	test_cmp /dev/null unknown
'

test_expect_success 'a folder includes only folders above it' '
	misplaced_includes "$top/libshared" >misplaced &&
	test_cmp /dev/null misplaced
'

test_expect_success 'an include of a folder below is noticed' '
	mkdir -p libshared/base && echo "#include \"sql/session.hpp\"" >libshared/base/x.hpp &&
	misplaced_includes libshared >misplaced &&
	grep "libshared/base/x.hpp includes \"sql/session.hpp\"" misplaced
'

# What the linker would have to find for a clock, a thread, a socket, a file or chance.
outside='^(mdb_|pthread_create|socket|bind|listen|connect|accept|send|recv|poll|epoll|select$|open|creat$|read$|write$|pread|pwrite|fsync|fdatasync|rename|unlink|mmap|fopen|fread|fwrite$|getenv|getrandom|rand|srand|time$|gettimeofday|clock|nanosleep|usleep|sleep|getpid|system$|fork|exec|std::chrono::|std::thread|std::random_device|std::condition_variable|std::mutex|std::basic_[io]*fstream|std::filesystem)'
archive=$test_build/libddbcore.a

test_expect_success 'the cores ask the linker for nothing outside' '
	test -s "$archive" &&
	nm --undefined-only --demangle "$archive" >symbols &&
	test -s symbols &&
	sed -n "s/^ *U //p" symbols | sort -u | grep -E "$outside" >found
	test_cmp /dev/null found
'

test_expect_success 'a clock in an archive would be noticed' '
	printf "%s\n" "#include <chrono>" "long now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }" >now.cpp &&
	g++ -c now.cpp && ar rcs now.a now.o &&
	nm --undefined-only --demangle now.a | sed -n "s/^ *U //p" | grep -E "$outside"
'

test_expect_success 'no core throws' '
	for dir in $core_dirs; do
		find "$top/libshared/$dir" -name "*.[ch]pp" -exec grep -nwH throw {} + | grep -vE "^[^:]*:[0-9]+: *//"
	done >found
	test_cmp /dev/null found
'

test_done
