#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes one mistake after another in a copy of policy/ and demands that the unit tests see each.
#
#     lease.sh BUILD_DIR LIST [EVERY]      EVERY: only each EVERYth, for a short run
#
# Needs the compiler and a build of the tests' libraries in BUILD_DIR. TAP on standard output.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
list=$root/tests/mutants/$2
every=${3:-1}
tests='instant lease_model lease'
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export VT_STEPS="${VT_STEPS:-4000}"

flags="-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I$root -pthread -w -O1"
libraries="$build/policy/libvtbook.a $build/index/libvtindex.a $build/index/base/libvtbase.a"
libraries="$libraries -lrocksdb -lcrypto -lxxhash -ljansson -lcheck_pic -lsubunit -lrt -lm"

for test in $tests no_sync; do
	name=test_$test
	[ "$test" = no_sync ] && name=no_sync
	$cc $flags -c "$root/tests/unit/$name.c" -o "$work/$test.o"
done

# The tests $2 with $1 (an object, or nothing) in place of the library's. 0: all of them pass.
passes() {
	for test in $2; do
		$cc -pthread -o "$work/program" "$work/$test.o" "$work/no_sync.o" $1 \
			-Wl,--wrap=vt_store_write -Wl,--start-group $libraries \
			-Wl,--end-group || exit 1
		timeout 120 "$work/program" >"$work/log" 2>&1 || return 1
	done
}

number=0 failed=0
say() {
	number=$((number + 1))
	echo "$1 $number - $2"
	[ "$1" = ok ] || failed=1
}

if passes '' "$tests"; then
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
	# The quick ones first; those of leases take the clock's word for what time it is.
	case $file in instant.c) order='instant lease' ;; *) order='lease_model lease' ;; esac
	sed "${rest#* | }" "$root/policy/$file" >"$work/mutant.c"
	if cmp -s "$root/policy/$file" "$work/mutant.c"; then
		say 'not ok' "$name: the line that it changes is gone"
	elif ! $cc $flags -c "$work/mutant.c" -o "$work/mutant.o" 2>"$work/log"; then
		cat "$work/log" >&2
		say 'not ok' "$name: does not compile"
	elif passes "$work/mutant.o" "$order"; then
		say 'not ok' "$name: nothing saw it"
	else
		say ok "$name is seen by $test"
	fi
done <"$list"
echo "1..$number"
exit $failed
