#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes one mistake after another in a copy of a folder's sources and demands that the unit tests see each.
#
#     mutants.sh BUILD_DIR LIST [EVERY]      EVERY: only each EVERYth, for a short run; 0: none
#
# Whatever EVERY is, each line that a mistake changes must be there.
#
# A list begins with "in: FOLDER" and "tests: NAME…" (of tests/unit/test_NAME.c); then a mistake a line:
# "name | file | sed". Needs a build of the libraries in BUILD_DIR; CC and LINK are its compiler and what it
# links with besides (sanitizers). TAP on standard output.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
list=$root/tests/mutants/$2
every=${3:-1}
cc="${CC:-cc} ${LINK:-}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# One seed, so that a mistake is seen in every run or in none.
export VT_SEED=1 VT_COMPARISONS=20000 VT_STEPS=1000 VT_TEST_DATA="$root/tests/data"
export CK_TIMEOUT_MULTIPLIER=3 # a busy machine is not to be taken for one that saw a mistake

setting() {
	sed -n "s/^$1: //p" "$list"
}

folder=$(setting in)
tests=$(setting tests)
flags="-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314 -I$root -pthread -w"
flags="$flags $(pkg-config --cflags fuse3)"
archives="$build/index/libvtindex.a $build/index/base/libvtbase.a"
libraries="-Wl,--as-needed -lfuse3 -lzstd -llz4 -lrocksdb -lcrypto -lxxhash -ljansson -lroaring -lm"
libraries="$libraries -lcheck_pic -lsubunit -lrt -lm -lpthread"
for archive in "$build"/policy/lib*.a; do archives="$archive $archives"; done
[ "$folder" = policy ] || archives="$build/$folder/libvt$folder.a $archives"

build_tests() {
	for test in $tests; do
		$cc $flags -O1 -c "$root/tests/unit/test_$test.c" -o "$work/$test.o"
		nm "$work/$test.o" | sed -n 's/.* T __wrap_/-Wl,--wrap=/p' >"$work/$test.wrap"
	done
	$cc $flags -O1 -c "$root/tests/unit/no_sync.c" -o "$work/no_sync.o"
}

# The tests with $1 (an object, or nothing) in place of the library's. 0: all of them pass.
passes() {
	for test in $tests; do
		$cc -pthread -o "$work/test_$test" "$work/$test.o" "$work/no_sync.o" $1 \
			$(cat "$work/$test.wrap") -Wl,--start-group $archives -Wl,--end-group \
			$libraries || exit 1
		timeout 300 "$work/test_$test" >"$work/log" 2>&1 || return 1
	done
}

number=0 failed=0
say() {
	number=$((number + 1))
	echo "$1 $number - $2"
	[ "$1" = ok ] || failed=1
}

if [ "$every" != 0 ]; then
	build_tests
	if passes ''; then
		say ok 'the tests pass without a mistake'
	else
		cat "$work/log" >&2
		say 'not ok' 'the tests pass without a mistake'
	fi
fi

seen=0
while read -r line; do
	case $line in '' | '#'* | in:* | tests:*) continue ;; esac
	seen=$((seen + 1))
	name=${line%% | *}
	rest=${line#* | }
	file=${rest%% | *}
	sed "${rest#* | }" "$root/$folder/$file" >"$work/mutant.c"
	if cmp -s "$root/$folder/$file" "$work/mutant.c"; then
		say 'not ok' "$name: the line that it changes is gone"
	elif [ "$every" = 0 ] || [ $((seen % every)) != 0 ]; then
		continue
	elif ! $cc $flags -O1 -c "$work/mutant.c" -o "$work/mutant.o" 2>"$work/log"; then
		cat "$work/log" >&2
		say 'not ok' "$name: does not compile"
	elif passes "$work/mutant.o"; then
		say 'not ok' "$name: nothing saw it"
	else
		say ok "$name is seen by $(basename "$test")"
	fi
done <"$list"
[ "$every" != 0 ] || [ "$failed" = 1 ] || say ok "the lines of all $seen mistakes are there"
echo "1..$number"
exit $failed
