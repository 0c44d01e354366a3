#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bits flipped in shards and in the index: an error or the right bytes, never wrong bytes, and no
# server that dies of it. STEP: of how many bits of the shard one is flipped. FLIPS: how many in the
# index. LOG_STEP: of how many bits of the last records of its log. SEED.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools
step=${STEP:-7} flips=${FLIPS:-40} log_step=${LOG_STEP:-101} seed=${SEED:-$$}
export VITRINE_CACHE=1 # nothing is read from memory twice
echo "# SEED=$seed"

mkdir -p "$tmp/src/deep" "$tmp/mnt"
seq 100 >"$tmp/src/text"
head -c 300 /dev/urandom >"$tmp/src/noise"
head -c 50 /dev/zero >"$tmp/src/deep/zeros"
: >"$tmp/src/empty"
vitrine init --quiet
vitrine publish --quiet ds "$tmp/src"

flip() {
	what=$1
	shift
	assert_ok "$tools/flip.py" "$what" "$VITRINE_STORE" ds "$tmp/src" "$@"
	sed 's/^/# /' "$tmp/out"
}

it "never gives a wrong byte, whatever bit of a shard is wrong"
vitrine mount "$tmp/mnt" >/dev/null
flip shard "$step"

it "nor through the mount"
flip mount "$((flips * 2))" "$seed" "$tmp/mnt"

it "finds and names each by verify"
flip verify "$flips" "$seed"
vitrine umount "$tmp/mnt" >/dev/null

it "never gives a wrong byte when files of the index are gone or cut short, and verify says so"
flip gone

it "never gives a wrong byte for a wrong bit in the index, and goes on"
for i in $(seq 20); do # more than one table, and some that were merged
	echo "$i" >"$tmp/src/number"
	vitrine publish --quiet ds "$tmp/src"
done
flip index "$flips" "$seed"

it "never shows an older state for a wrong bit at the end of the log after a kill, and keeps the shards"
echo after-the-kill >"$tmp/src/number"
vitrine publish --quiet ds "$tmp/src"
flip log 2 "$log_step"

it "says what an index lost, and goes on without it on demand, with every shard kept"
echo last >"$tmp/src/number"
vitrine publish --quiet ds "$tmp/src"
kill -9 "$(vitrine status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')"
log=$(find "$VITRINE_STORE/index" -name '*.log' | sort | tail -n 1)
before=$(find "$VITRINE_STORE/shards" -name '*.vsh' | wc -l)
truncate -s -100 "$log"
assert_status 5 vitrine ls ds
assert_err "lost the last"
assert_err "vitrine verify --accept-loss"
assert_ok vitrine verify --accept-loss
assert_out "given up"
assert_ok vitrine ls ds
assert_equal "$(find "$VITRINE_STORE/shards" "$VITRINE_STORE/lost" -name '*.vsh' | wc -l)" "$before"
assert_status 6 vitrine verify --accept-loss
echo again >"$tmp/src/number"
assert_ok vitrine publish --quiet ds "$tmp/src"
assert_ok vitrine verify
