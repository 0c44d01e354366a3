#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An import of labels that dies, by kill -9 of the server, Ctrl-C or the client's death, leaves the labels as they were,
# and nothing in the way of the next one.
. "$(dirname "$0")/lib.sh"
need_crash_points
. "$(dirname "$0")/labels_lib.sh"

mkdir -p "$tmp/src/d"
for i in $(seq 2000); do echo "$i" >"$tmp/src/d/$i"; done
vitrine init >/dev/null
vitrine publish --quiet ds "$tmp/src"
row d/1 first | vitrine import-labels ds - --format jsonl --quiet
vitrine export-labels ds >"$tmp/before"
# more than fits between two ends of a connection
for i in $(seq 2000); do row "d/$i" "$(printf '%01500d' "$i")"; done >"$tmp/many.jsonl"

# unchanged NAME...: those are all versions, the labels are as before, no import is left. A client's death is noticed
# when its connection closes, a moment later.
unchanged() {
	vitrine export-labels ds >"$tmp/after"
	cmp "$tmp/before" "$tmp/after" || fail "labels are not as they were"
	assert_equal "$(vitrine log ds --json | grep -c '"version"')" "$1"
	tries=0
	while [ -n "$(ls "$VITRINE_STORE/tmp")" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "left in tmp:" "$(find "$VITRINE_STORE/tmp")"
		sleep 0.05
	done
}

# begin_import: one that has rows to send and a server that takes none; its pid is in $import
begin_import() {
	vitrine ls >"$tmp/null" # there is a server
	server=$(pids_of server)
	rm -f "$tmp/rows"
	mkfifo "$tmp/rows"
	# Not by the function: $! must be the program. In the background sh has Ctrl-C ignored.
	env --default-signal=INT "$VITRINE" import-labels ds --format jsonl "$tmp/rows" >"$tmp/import.out" 2>"$tmp/import.err" &
	import=$!
	exec 9>"$tmp/rows" # from here on it is connected, and reads
	kill -STOP "$server"
	cat "$tmp/many.jsonl" >&9
	exec 9>&-
	tries=0
	while ! grep -q poll "/proc/$import/wchan" 2>/dev/null && [ "$tries" -lt 40 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
}

end_import() { # end_import STATUS: how it ended
	status=0
	wait "$import" || status=$?
	assert_equal "$status" "$1"
}

it "leaves the old labels when the server is killed under it"
begin_import
kill -KILL "$server"
end_import 1
unchanged 2

it "leaves them when it is interrupted, and when it is killed"
for signal in INT KILL; do
	begin_import
	kill -s "$signal" "$import"
	wait "$import" && fail "it ended well"
	kill -CONT "$server"
	unchanged 2
done

it "leaves the old labels, or has the new ones, wherever the server dies in its commit"
for point in revision-begun revision-committed; do
	vitrine stop --quiet
	(VITRINE_TEST_CRASH=$point vitrine import-labels ds "$tmp/many.jsonl") 2>"$tmp/err" && fail "$point was not reached"
	case $point in
	revision-begun) unchanged 2 ;;
	*)
		assert_equal "$(vitrine log ds --json | grep -c '"version"')" 3
		assert_equal "$(labels ds | wc -l)" 2001
		[ -z "$(ls "$VITRINE_STORE/tmp")" ] || fail "$(find "$VITRINE_STORE/tmp")"
		;;
	esac
done

it "labels as ever afterwards"
assert_ok vitrine import-labels ds "$tmp/many.jsonl"
assert_out "has these labels already"
assert_ok vitrine label rm ds:d/1 class
assert_out "v1.3"
