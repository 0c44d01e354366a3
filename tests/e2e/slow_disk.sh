#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One shard answers after 10 s and 64 readers wait for it: everything else goes on.
. "$(dirname "$0")/lib.sh"
need_fuse

vitrine init >/dev/null
mkdir -p "$tmp/mnt" "$tmp/slow" "$tmp/quick"
for i in $(seq 64); do
	head -c 200000 /dev/urandom >"$tmp/slow/$i"
done
head -c 3000000 /dev/urandom >"$tmp/quick/file"
vitrine publish slow "$tmp/slow" >/dev/null
vitrine publish quick "$tmp/quick" >/dev/null
stop_servers
VITRINE_TEST_SOURCE=delay:1:10000 vitrine mount "$tmp/mnt" >/dev/null

# The seconds a command takes must be under 1.
quickly() {
	begun=$(date +%s%N)
	assert_ok "$@"
	took=$((($(date +%s%N) - begun) / 1000000))
	[ "$took" -lt 1000 ] || fail "$* took $took ms"
}

it "holds up nothing but the reads of the slow shard"
for i in $(seq 64); do
	cat "$tmp/mnt/slow/v1/$i" >"$tmp/read-$i" 2>/dev/null &
done
sleep 0.5
quickly ls -lR "$tmp/mnt"
quickly df "$tmp/mnt"
quickly cmp "$tmp/quick/file" "$tmp/mnt/quick/v1/file"
quickly vitrine status
quickly vitrine withdraw quick@v1 --reason test
wait

it "answers the slow reads with the right bytes"
for i in $(seq 64); do
	cmp "$tmp/slow/$i" "$tmp/read-$i" || fail "file $i differs"
done
