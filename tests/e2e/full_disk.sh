#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The disk of a store is full while it is served, log and all: what is open is read on, what is guarded stops as soon as it
# cannot be recorded, no change is half made, and all works again when there is room. ROUNDS: how often.
. "$(dirname "$0")/lib.sh"
need_fuse
need_root
tools=$(dirname "$0")/../tools
export VITRINE_CACHE=1 # nothing is read from memory twice

"$tools/make_tree.py" "$tmp/src" 3 50
chmod -R a+rX "$tmp/src"
echo guarded >"$tmp/src/secret"
seq -s ' ' 20000 >"$tmp/words"
count=0
head -c 3000000 /dev/urandom >"$tmp/large"
mkdir "$tmp/small" "$tmp/mnt" "$tmp/big"
mv "$tmp/large" "$tmp/big"
mount -t tmpfs -o size=60m,mode=0755 none "$tmp/small" # of which the log keeps 16 MiB in reserve
export VITRINE_STORE="$tmp/small/store"
make_user alice
alice=$user
vitrine init --quiet
vitrine publish --quiet --open ds "$tmp/src"
vitrine publish --quiet guarded "$tmp/src" 2>"$tmp/err"
vitrine grant "$alice" read guarded >"$tmp/out"
vitrine mount --quiet "$tmp/mnt"

read_guarded() {
	as_user "$alice" cat "$tmp/mnt/guarded/v1/secret"
}

# Takes every byte, also one that is given back, until $tmp/filling is gone.
fill() {
	while [ -e "$tmp/filling" ]; do
		cat /dev/zero >>"$tmp/small/filler" 2>"$tmp/null" || true
		sleep 0.05
	done
}

# until_so STATUS COMMAND...: it will have that status some time.
until_so() {
	wanted=$1 tries=300
	shift
	while
		is=0
		"$@" >"$tmp/out" 2>"$tmp/err" || is=$?
		[ "$is" -ne "$wanted" ]
	do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "$*: status $is: $(cat "$tmp/err")"
		sleep 0.1
	done
}

# A log that RocksDB has set aside room for has room for small changes.
change() {
	count=$((count + 1))
	vitrine label set ds@v1:secret "count=$count" --message "$(head -c 60000 "$tmp/words")"
}

changes() {
	vitrine ls --json ds | sha256sum
	vitrine log --json ds | sha256sum
}

# RocksDB takes no change after a full disk, or recovers by itself, which it may never end: the server has to be another one.
began_anew() {
	[ "$(grep -c 'beginning anew, the disk has room' "$VITRINE_STORE/run/server.log")" -eq "$1" ]
}

assert_equal "$(read_guarded)" guarded
touch "$tmp/reading"
"$tools/readers.py" "$tmp/src" "$tmp/mnt/ds/v1" "$tmp/reading" 4 >"$tmp/readers" 2>&1 &
reader=$!

for round in $(seq "${ROUNDS:-2}"); do
	it "refuses changes on a full disk, and no change is half made, round $round"
	touch "$tmp/filling"
	fill &
	filler=$!
	until_so 1 change
	before=$(changes)
	assert_status 1 vitrine publish --quiet other "$tmp/big"
	assert_err "vitrine: "
	assert_status 1 change
	assert_err "vitrine: "
	assert_equal "$(changes)" "$before"
	assert_status 4 vitrine show other

	it "lets nobody in who could not be recorded, and others read on, round $round"
	until_so 1 read_guarded
	vitrine deny "$alice" read ds >"$tmp/out" 2>&1 || true
	assert_equal "$(cat "$tmp/mnt/ds/v1/secret")" guarded
	kill -0 "$reader" || fail "$(cat "$tmp/readers")"

	it "works again, by itself, when there is room, round $round"
	rm "$tmp/filling"
	wait "$filler"
	rm "$tmp/small/filler"
	until_so 0 began_anew "$round"
	until_so 0 read_guarded
	assert_equal "$(cat "$tmp/out")" guarded
	until_so 0 vitrine tag ds@v1 "after$round"
	until_so 0 vitrine publish --quiet "again$round" "$tmp/big"
	assert_ok change
	assert_ok vitrine verify
	assert_ok vitrine audit verify
done

it "let nobody notice who read what is open"
rm "$tmp/reading"
wait "$reader" || fail "$(cat "$tmp/readers")"
echo "# $(awk '{ n += $1 } END { print n }' "$tmp/readers") operations"
assert_ok vitrine audit list --kind gap
vitrine umount --quiet "$tmp/mnt"
vitrine stop --quiet
