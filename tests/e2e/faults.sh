#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Calls on the store's files fail, or our own memory does, once or from then on, in every command that changes or reads a
# store, in its start and through a mount. What is then true: tests/tools/faults.py. COUNT: faults, 0 for all; SEED.
. "$(dirname "$0")/lib.sh"
need_fuse
: "${FAULTS:?the library that has calls fail}"
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
STORE_MOST=500 # faults to a store
export VITRINE VITRINE_CACHE=1 VITRINE_FAULTS="$tmp/faults" # nothing is read from memory twice

# faults COUNT OPERATION...: in a store of their own.
faults() {
	"$VITRINE" stop --quiet 2>/dev/null || true # of the store before
	rm -rf "$tmp/work" "$VITRINE_STORE"
	mkdir "$tmp/work"
	LD_PRELOAD=$FAULTS "$(dirname "$0")/../tools/faults.py" "$tmp/work" "$seed" "$@" >"$tmp/out" 2>&1 ||
		fail "$(cat "$tmp/out")"
	sed 's/^/# /' "$tmp/out"
}

it "opens again whichever sync of a publish failed"
faults 0 publish:sync

it "lists no folders that it had no memory to name"
faults 0 publish:memory:60

it "waits for no answer to what it had no memory to ask"
drawn=$seed
seed=1 # the first message of a connection is among those
faults 120 verify:memory
seed=$drawn

it "loses no mount that a keeper had no memory for"
faults 0 mount:memory

it "does what it says or fails with a sentence, and loses nothing"
echo "# SEED=$seed"
left=${COUNT:=100}
[ "$left" -gt 0 ] || faults 0
while [ "$left" -gt 0 ]; do # a store grows with each of them, and slower
	faults "$((left < STORE_MOST ? left : STORE_MOST))"
	left=$((left - STORE_MOST))
	seed=$((seed + 1))
done
