#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# publish dies, by kill -9, at random moments, in the server's part and in its own. What was there
# stays, nothing new shows, and the next command cleans up. Each point of its protocol: crash_points.sh.
# KILLS: how many random ones.
. "$(dirname "$0")/lib.sh"
tools=$(dirname "$0")/../tools
kills=${KILLS:-12}

# What is left besides shards that are recorded: imports under way. A publisher's death is noticed
# by the server when its connection closes, a moment later.
assert_clean() {
	tries=0
	while [ -n "$(ls "$VITRINE_STORE/tmp")" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || fail "left in tmp:" "$(find "$VITRINE_STORE/tmp")"
		sleep 0.05
	done
	vitrine verify --json >"$tmp/out" || fail "$(cat "$tmp/out")"
	assert_equal "$(json_member 1 summary | python3 -c 'import json, sys; print(json.load(sys.stdin)["shards"])')" \
		"$(find "$VITRINE_STORE/shards" -type f | wc -l)"
}

versions() {
	vitrine log "$1" --json | python3 -c '
import json, sys
print(*sorted(json.loads(line)["version"] for line in sys.stdin))'
}

# Something that is stored anew each time.
renew() {
	head -c 300000 /dev/urandom >"$tmp/src/fresh"
	seq "$(date +%N)" 5 900000 | head -n 60000 >"$tmp/src/fresh.csv"
}

vitrine init --quiet
"$tools/make_tree.py" "$tmp/src" 4 150 200000
renew
vitrine publish --quiet ds "$tmp/src"

if has_crash_points; then
	it "says what may have happened when the server dies in the commit"
	renew
	vitrine stop --quiet
	status=0
	(VITRINE_TEST_CRASH=import-committed vitrine publish ds "$tmp/src") 2>"$tmp/err" || status=$?
	assert_equal "$status" 1
	assert_err "vitrine log"
fi

it "names the server that ended, and not what it then stumbles over"
mkfifo "$tmp/pipe"
vitrine publish ds - <"$tmp/pipe" >"$tmp/out" 2>"$tmp/err" &
publisher=$!
exec 9>"$tmp/pipe"
tar -C "$tmp/src" -cf - . | head -c 100000 >&9
while [ -z "$(ls "$VITRINE_STORE/tmp")" ]; do sleep 0.05; done
kill -9 "$(pids_of server)"
assert_ok vitrine ls # the next one takes away what was begun
assert_clean
exec 9>&- # the archive is cut off
status=0
wait "$publisher" || status=$?
assert_equal "$status" 1
assert_err "ended meanwhile, so nothing was kept: try again"

it "leaves the old state or the new one after $kills kills at random"
vitrine stop --quiet
i=0
while [ "$i" -lt "$kills" ]; do
	i=$((i + 1))
	renew
	before=$(versions ds)
	"$VITRINE" publish --quiet ds "$tmp/src" 2>/dev/null &
	publisher=$!
	sleep "0.$(printf %03d $((i * 37 % 250)))"
	if [ $((i % 2)) -eq 0 ]; then
		kill -9 "$publisher" 2>/dev/null || true
	else
		victim=$(vitrine status --json 2>/dev/null | python3 -c '
import json, sys
print(json.loads(sys.stdin.readline() or "{}").get("pid", ""))')
		[ -z "$victim" ] || kill -9 "$victim" 2>/dev/null || true
	fi
	published=no
	wait "$publisher" 2>/dev/null && published=yes
	after=$(versions ds)
	grown=$(($(echo "$after" | wc -w) - $(echo "$before" | wc -w)))
	[ "$grown" -ge 0 ] && [ "$grown" -le 1 ] || fail "$before, then $after"
	[ "$published" = no ] || assert_equal "$grown" 1
	assert_clean
done

it "has nothing left that gc and verify cannot take"
assert_ok vitrine gc --now
assert_ok vitrine verify
renew
assert_ok vitrine publish --quiet ds "$tmp/src"
vitrine cat ds:fresh | cmp - "$tmp/src/fresh"
