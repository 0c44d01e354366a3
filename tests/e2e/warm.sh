#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `vitrine warm` brings the stored bytes of files into memory: all, those below a path, those of an expression; for who may
# read them.
. "$(dirname "$0")/policy_lib.sh"

# Noise, of which a store has as many bytes as there are.
mkdir -p "$tmp/src/a" "$tmp/src/b"
for i in $(seq 40); do
	head -c 100000 /dev/urandom >"$tmp/src/a/$i"
	head -c 100000 /dev/urandom >"$tmp/src/b/$i"
done
head -c 5000000 /dev/urandom >"$tmp/src/large"
: >"$tmp/src/empty"
vitrine init >/dev/null
vitrine publish --quiet birds "$tmp/src"
vitrine grant "$alice" read birds >/dev/null
shards=$(find "$VITRINE_STORE/shards" -type f)

# How many KiB of the shards are in memory.
in_memory() {
	# shellcheck disable=SC2086 # names without blanks
	fincore --bytes --noheadings --output RES $shards | awk '{ sum += $1 } END { print int(sum / 1024) }'
}

forget() {
	sync
	for shard in $shards; do
		dd of="$shard" oflag=nocache conv=notrunc,fdatasync count=0 2>/dev/null
	done
}

# between LEAST MOST: what is in memory
between() {
	now=$(in_memory)
	[ "$now" -ge "$1" ] && [ "$now" -le "$2" ] || fail "$now KiB are in memory, not $1 to $2"
}

it "brings a version, and tells how much that was"
forget
[ "$(in_memory)" -lt 1000 ] || skip "the file system keeps what it was told to forget"
assert_ok vitrine warm birds
assert_out "birds@v1: 82 files of 12.4 MiB are in memory, in 12.4 MiB, after "
between 12600 20000
assert_ok vitrine warm birds@v1 --json
assert_json version files bytes stored_bytes complete
assert_equal "$(json_member 1 files),$(json_member 1 bytes),$(json_member 1 complete)" "82,13000000,true"

it "brings what is below a path, and one file"
forget
assert_ok vitrine warm birds:a --json
assert_equal "$(json_member 1 files)" 40
between 3900 7000
forget
assert_ok vitrine warm birds:large --json
assert_equal "$(json_member 1 files),$(json_member 1 bytes)" "1,5000000"
between 4880 7000
assert_ok vitrine warm birds:empty --quiet
assert_equal "$(cat "$tmp/out")" ""

it "brings what an expression means, alone and below a path"
forget
assert_ok vitrine warm birds --where 'size>1M' --json
assert_equal "$(json_member 1 files)" 1
between 4880 7000
assert_ok vitrine warm birds:b --where 'name ~ "1*"' --json
assert_equal "$(json_member 1 files)" 11
assert_ok vitrine warm birds:b --where 'size>1M' --json
assert_equal "$(json_member 1 files)" 0

it "says what is wrong"
assert_status 2 vitrine warm birds --where 'size>'
assert_err "column 6"
assert_status 4 vitrine warm birds:none
assert_err "birds@v1"
assert_status 4 vitrine warm birds@v7
assert_status 2 vitrine warm
assert_status 2 vitrine warm birds --progress often

it "is for who may read"
assert_ok as_user "$alice" "$VITRINE" warm birds
assert_status 3 as_user "$bob" "$VITRINE" warm birds
vitrine revoke "$alice" read birds >/dev/null
assert_status 3 as_user "$alice" "$VITRINE" warm birds

it "leaves what a shard lacks to those who read it"
for shard in $shards; do
	truncate -s 100000 "$shard"
done
vitrine stop --quiet
assert_ok vitrine warm birds --quiet
assert_status 5 vitrine cat birds:large
