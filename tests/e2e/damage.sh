#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bits flipped in shards and in the index: an error or the right bytes, never wrong bytes, and no
# server that dies of it. STEP: of how many bits of the shard one is flipped. FLIPS: how many in the
# index. SEED.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools
step=${STEP:-7} flips=${FLIPS:-40} seed=${SEED:-$$}
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

it "never gives a wrong byte for a wrong bit in the index, and goes on"
for i in $(seq 20); do # more than one table, and some that were merged
	echo "$i" >"$tmp/src/number"
	vitrine publish --quiet ds "$tmp/src"
done
flip index "$flips" "$seed"
