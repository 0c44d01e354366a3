#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A disk that gives errors when it is written to: reads go on, changes are refused and not half made, and when the disk
# takes writes again so does the store, by itself; for a disk that stays bad no server is ended.
. "$(dirname "$0")/lib.sh"
need_fuse
: "${FAULTS:?the library that has calls fail}"
tools=$(dirname "$0")/../tools
eio=5
export VITRINE_CACHE=1 VITRINE_FAULTS="$tmp/faults" # nothing is read from memory twice

fault() {
	"$tools/fault.py" "$VITRINE_FAULTS" "$@" >"$tmp/fired"
}

times_begun() {
	grep -c "beginning anew" "$VITRINE_STORE/run/server.log" || true
}

# A server that has lived for so long begins anew as soon as the disk is well.
live_for_a_while() {
	sleep 10
}

# until_done SECONDS COMMAND...
until_done() {
	tries=$(($1 * 5))
	shift
	until "$@" >"$tmp/out" 2>"$tmp/err"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "$*: $(cat "$tmp/err")"
		sleep 0.2
	done
}

fault
"$tools/make_tree.py" "$tmp/src" 3 50
chmod -R a+rX "$tmp/src"
mkdir "$tmp/mnt"
export LD_PRELOAD="$FAULTS"
vitrine init --quiet
vitrine publish --quiet --open ds "$tmp/src"
vitrine mount --quiet "$tmp/mnt"
pid=$(pids_of server)
touch "$tmp/reading"
LD_PRELOAD='' "$tools/readers.py" "$tmp/src" "$tmp/mnt/ds/v1" "$tmp/reading" 4 >"$tmp/readers" 2>&1 &
reader=$!
live_for_a_while

it "refuses changes while the disk fails, with a sentence, and ends no server"
fault write "$eio" 1 forever
assert_status 1 vitrine tag ds@v1 first
assert_err "vitrine: "
assert_status 1 vitrine publish --quiet other "$tmp/src"
sleep 12
assert_status 1 timeout 20 "$VITRINE" tag ds@v1 second # it waits for a server that cannot open its store
assert_equal "$(pids_of server)" "$pid"
assert_equal "$(times_begun)" 0
kill -0 "$reader" || fail "$(cat "$tmp/readers")"

it "takes changes again when the disk does, by itself, and nothing was half made"
fault none
[ "$(cat "$tmp/fired")" -gt 0 ] || fail "nothing failed"
until_done 20 vitrine tag ds@v1 third
[ "$(pids_of server)" != "$pid" ] || fail "it is the same server"
assert_equal "$(times_begun)" 1
assert_status 4 vitrine show other
assert_ok vitrine publish --quiet other "$tmp/src"
assert_ok vitrine verify
assert_ok vitrine audit verify

# Calls that fail, one at a time, while changes are asked for: try_changes COUNT CALL
try_changes() {
	for i in $(seq "$1"); do
		fault "$2" "$eio" 2
		vitrine tag ds@v1 "$2$i" >"$tmp/out" 2>&1 || true
		sleep 0.6
	done
	fault none
}

it "begins anew at once for one error alone"
live_for_a_while
try_changes 4 write
assert_equal "$(times_begun)" 2
until_done 20 vitrine tag ds@v1 fourth

it "does so every ten seconds at most, for a disk that fails now and again"
begun=$(times_begun) since=$(date +%s)
try_changes 20 sync
most=$((($(date +%s) - since) / 10 + 1))
begun=$(($(times_begun) - begun))
echo "# $begun of $most times"
[ "$begun" -le "$most" ] || fail "$begun times"

it "let nobody notice who read meanwhile"
until_done 20 vitrine tag ds@v1 sixth
rm "$tmp/reading"
wait "$reader" || fail "$(cat "$tmp/readers")"
echo "# $(awk '{ n += $1 } END { print n }' "$tmp/readers") operations, begun anew $(times_begun) times"
assert_ok vitrine verify
assert_ok vitrine audit verify
