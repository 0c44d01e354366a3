#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes one mistake after another in a copy of policy/ and demands that the unit tests see each.
#
#     policy.sh BUILD_DIR LIST [EVERY]      EVERY: only each EVERYth, for a short run
#
# Needs the compiler and a build of the tests' libraries in BUILD_DIR. TAP on standard output.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
list=$root/tests/mutants/$2
every=${3:-1}
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# One seed, so that a mistake is seen in every run or in none; no fork: a failure ends the program.
export CK_FORK=no VT_SEED=1 VT_COMPARISONS=20000 VT_STEPS=1000

flags="-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I$root -pthread -w"
libraries="-lcheck_pic -lsubunit -lrt -lm -lpthread"
store="$build/index/libvtindex.a $build/index/base/libvtbase.a"
store="$store -lrocksdb -lcrypto -lxxhash -ljansson"
wrap=
case $2 in
gate.list) tests=gate ;;
lease.list) tests='lease_model lease' wrap=-Wl,--wrap=vt_store_write ;;
instant.list) tests=instant wrap=-Wl,--wrap=vt_store_write ;;
*)
	tests='evaluate evaluate_random boundary explain'
	store=
	;;
esac
[ -z "$store" ] || unset CK_FORK # each of these tests opens a store of its own

for test in $tests; do
	$cc $flags -O1 -c "$root/tests/unit/test_$test.c" -o "$work/$test.o"
done
$cc $flags -O1 -c "$root/tests/unit/no_sync.c" -o "$work/no_sync.o"

# The tests with $1 (an object, or nothing) in place of the library's. 0: all of them pass.
passes() {
	for test in $tests; do
		$cc -pthread -o "$work/test_$test" "$work/$test.o" "$work/no_sync.o" $1 $wrap \
			-Wl,--start-group "$build"/policy/lib*.a $store $libraries \
			-Wl,--end-group || exit 1
		timeout 120 "$work/test_$test" >"$work/log" 2>&1 || return 1
	done
}

number=0 failed=0
say() {
	number=$((number + 1))
	echo "$1 $number - $2"
	[ "$1" = ok ] || failed=1
}

if passes ''; then
	say ok 'the tests pass without a mistake'
else
	cat "$work/log" >&2
	say 'not ok' 'the tests pass without a mistake'
fi

seen=0
while read -r line; do
	case $line in '' | '#'*) continue ;; esac
	seen=$((seen + 1))
	[ $((seen % every)) = 0 ] || continue
	name=${line%% | *}
	rest=${line#* | }
	file=${rest%% | *}
	sed "${rest#* | }" "$root/policy/$file" >"$work/mutant.c"
	if cmp -s "$root/policy/$file" "$work/mutant.c"; then
		say 'not ok' "$name: the line that it changes is gone"
	elif ! $cc $flags -O1 -c "$work/mutant.c" -o "$work/mutant.o" 2>"$work/log"; then
		cat "$work/log" >&2
		say 'not ok' "$name: does not compile"
	elif passes "$work/mutant.o"; then
		say 'not ok' "$name: nothing saw it"
	else
		say ok "$name is seen by $(basename "$test")"
	fi
done <"$list"
echo "1..$number"
exit $failed
