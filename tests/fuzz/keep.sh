#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# keep.sh TARGET...: of what run.sh has found, keeps in corpus/TARGET what reaches edges that the rest of it does not: as
# few inputs as that takes, the 60 shortest, under names found-*. Those that were kept before are chosen anew.
#
# BUILD: where run.sh was (build-fuzz).
set -eu
cd "$(dirname "$0")/../.."
most=60
build=${BUILD:-build-fuzz}
chosen=$(mktemp -d)
trap 'rm -rf "$chosen"' EXIT

for target in "$@"; do
	corpus=tests/fuzz/corpus/$target
	mkdir -p "$corpus" "$chosen/$target"
	case $target in
	page) others="tests/data/golden/tree-1 tests/data/golden/labels-1" ;;
	shard) others="tests/data/golden/shard-1 tests/data/broken" ;;
	*) others= ;;
	esac
	for old in "$corpus"/found-*; do
		[ ! -e "$old" ] || mv "$old" "$build/found/$target/"
	done
	# shellcheck disable=SC2086 # folders
	find "$corpus" $others -type f -exec cp -p {} "$chosen/$target/" \;
	touch "$chosen/before" && sleep 0.01
	"$build/tests/fuzz/fuzz_$target" -set_cover_merge=1 -use_counters=0 -detect_leaks=0 -max_len=65536 \
		-malloc_limit_mb=4096 "$chosen/$target" "$build/found/$target" >"$build/findings/$target.keep" 2>&1
	find "$chosen/$target" -type f -newer "$chosen/before" -printf '%s %f\n' | sort -n | head -n $most |
		while read -r _ name; do
			cp "$chosen/$target/$name" "$corpus/found-$(printf %.8s "${name#found-}")"
		done
	echo "$target: $(find "$corpus" -type f | wc -l) inputs"
done
