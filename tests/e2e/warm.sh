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

it "brings what a list names, in its order, and says what of it is no file"
forget
printf './b/%s\n' $(seq 20) >"$tmp/order"
printf 'no\nb\n\nb/21' >>"$tmp/order"
assert_ok vitrine warm birds --order "$tmp/order" --json
assert_equal "$(json_member 1 files),$(json_member 1 bytes),$(json_member 1 missing)" "21,2100000,2"
assert_err "2 of the names in '$tmp/order' are of no file of birds@v1, 'no' first"
between 2050 6000
forget
assert_ok sh -c 'printf "a/1\0large\0" | "$0" warm birds@v1 --order - --null' "$VITRINE"
assert_out "birds@v1: 2 files of 4.9 MiB are in memory, in 4.9 MiB, after "
between 4980 8000
: >"$tmp/nothing"
assert_ok vitrine warm birds --order "$tmp/nothing" --json
assert_equal "$(json_member 1 files)" 0

it "stays so far ahead of readers, whatever mount they read through, and no further"
seq 40 | sed 's,^,a/,' >"$tmp/order"
seq 40 | sed 's,^,b/,' >>"$tmp/order"
mkdir -p "$mnt"
vitrine mount "$mnt" >/dev/null
forget
vitrine warm birds --order "$tmp/order" --ahead 1M --json >"$tmp/ahead" 2>&1 &
warming=$!
for _ in $(seq 100); do
	[ "$(in_memory)" -lt 900 ] || break
	sleep 0.1
done
sleep 0.5
between 900 2600 # a megabyte, and what is read along
kill -0 "$warming" || fail "it did not wait"
for i in $(seq 40); do
	timeout 10 cat "$mnt/birds/v1/a/$i" | cmp - "$tmp/src/a/$i" || fail "a/$i"
done
for _ in $(seq 100); do
	[ "$(in_memory)" -lt 4800 ] || break
	sleep 0.1
done
between 4800 7000
for i in $(seq 1 8 40); do # some are left out
	timeout 10 cat "$mnt/birds/v1/b/$i" >/dev/null
done
wait "$warming" || fail "it failed" "$(cat "$tmp/ahead")"
cp "$tmp/ahead" "$tmp/out"
assert_equal "$(json_member 1 files),$(json_member 1 missing)" "80,0"

it "is taken to be passed by readers who read none of it"
for i in $(seq 300); do
	echo "$i" >"$tmp/src/a/small$i"
done
vitrine publish --quiet birds "$tmp/src"
vitrine warm birds@v1 --order "$tmp/order" --ahead 1M --quiet >"$tmp/ahead" 2>&1 &
warming=$!
for _ in $(seq 20); do
	kill -0 "$warming" 2>/dev/null || break
	timeout 20 cat "$mnt"/birds/v2/a/small* >/dev/null
	sleep 0.2
done
wait "$warming" || fail "it failed" "$(cat "$tmp/ahead")"

it "ends when it is told to, and with the server"
vitrine warm birds@v1 --order "$tmp/order" --ahead 1M --quiet >"$tmp/ahead" 2>&1 &
warming=$!
sleep 0.5
kill -TERM "$warming" # a shell makes what it starts with & deaf to Ctrl-C
! wait "$warming" || fail "it went on to the end"
for _ in 1 2; do
	vitrine warm birds@v1 --order "$tmp/order" --ahead 1M --quiet >"$tmp/ahead" 2>&1 &
done
warming=$!
sleep 0.5
assert_status 1 vitrine warm birds@v1 --order "$tmp/order"
assert_err "at most, in 2 of one user"
vitrine umount "$mnt" >/dev/null
vitrine stop --quiet
! wait "$warming" || fail "it went on without a server"
cp "$tmp/ahead" "$tmp/out"
assert_out "the server ended meanwhile"

it "says what is wrong"
assert_status 2 vitrine warm birds:a --order "$tmp/order"
assert_status 2 vitrine warm birds --ahead 1M
assert_err "--order"
assert_status 4 vitrine warm birds --order "$tmp/none"
assert_err "$tmp/none"
printf 'c/%s\n' $(seq 5) >"$tmp/order"
assert_status 4 vitrine warm birds@v1 --order "$tmp/order"
assert_err "no name in '$tmp/order' is of a file of 'birds@v1'"
head -c 200000 /dev/zero >"$tmp/order"
assert_status 2 vitrine warm birds@v1 --order "$tmp/order"
assert_err "a line of more than"
assert_status 2 vitrine warm birds --where 'size>'
assert_err "column 6"
assert_status 4 vitrine warm birds:none
assert_err "birds@v2"
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
