#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh SECONDS [TARGET...]: builds the fuzz targets with clang, libFuzzer and the address and undefined-behaviour
# sanitizers, and lets each run for that long from its corpus; all of them if none is named. It stops at the first
# finding, whose input it leaves in BUILD/findings: mend it, and put the input into corpus/TARGET under a name that says
# what it is. What a run finds new is kept in BUILD/found/TARGET, where the next one goes on. Words of formats
# that are text stand in dictionaries/. `keep.sh` keeps the best of it in the corpus.
#
# BUILD: where all this is (build-fuzz). TAP goes to standard output, with the number of executions.
set -eu
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || {
	echo "usage: $0 SECONDS [TARGET...]" >&2
	exit 2
}
seconds=$1
shift
build=${BUILD:-build-fuzz}
if ! command -v clang >/dev/null; then
	echo "1..0 # SKIP clang is missing"
	exit 0
fi
# shellcheck disable=SC2046,SC2012 # names of ours, a word each
[ $# -gt 0 ] || set -- $(cd tests/fuzz && ls fuzz_*.c | sed 's/^fuzz_\(.*\)\.c$/\1/')
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

[ -f "$build/build.ninja" ] ||
	CC=clang meson setup "$build" -Dfuzz=true -Db_sanitize=address,undefined >&2
# shellcheck disable=SC2046 # a word per target
ninja -C "$build" $(printf 'tests/fuzz/fuzz_%s ' "$@") >&2
mkdir -p "$build/findings"

echo "1..$#"
# What is counted is memory that is used; formats may ask for more (a dictionary of lzma: 4 GiB).
cases=0
for target in "$@"; do
	cases=$((cases + 1))
	log=$build/findings/$target.log
	mkdir -p "$build/found/$target"
	seeds=tests/fuzz/corpus/$target
	[ "$target" != shard ] || seeds="$seeds tests/data/golden/shard-1 tests/data/broken"
	# Threads of a server or an index allocate beside the input, and leaks would be looked for after each. On a busy
	# machine these take seconds to begin.
	case $target in
	fuse | requests | row) leaks=0 timeout=25 ;;
	*) leaks=1 timeout=5 ;;
	esac
	words=
	[ ! -f "tests/fuzz/dictionaries/$target.dict" ] || words=-dict=tests/fuzz/dictionaries/$target.dict
	# shellcheck disable=SC2086 # folders, and an option that may be missing
	if ! "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=$timeout -rss_limit_mb=1024 \
		-malloc_limit_mb=4096 -max_len=65536 -detect_leaks=$leaks $words -print_final_stats=1 \
		-artifact_prefix="$build/findings/$target-" \
		"$build/found/$target" $seeds >"$log" 2>&1; then
		echo "not ok $cases - $target"
		grep -a -A 30 -E 'ERROR: |runtime error|SUMMARY: |Test unit' "$log" | head -n 80 | sed 's/^/# /'
		exit 1
	fi
	echo "ok $cases - $target"
	sed -n 's/^stat::number_of_executed_units: */# executions: /p' "$log"
done
