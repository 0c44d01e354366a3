#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The server is killed under readers: they notice nothing, and a withdrawal afterwards still bites.
# KILL_SECONDS: how long.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools
seconds=${KILL_SECONDS:-15}
case $(uname -r) in
[0-5].* | 6.[0-8].*) skip "this kernel cannot send requests again" ;;
esac

vitrine init >/dev/null
mkdir "$tmp/mnt"
"$tools/make_tree.py" "$tmp/src" 3 200
chmod -R a+rX "$tmp/src"
vitrine publish ds "$tmp/src" >/dev/null
vitrine mount "$tmp/mnt" >/dev/null

server_pid() {
	vitrine status --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["pid"])'
}

# Two deaths that follow at once on the one before, then one that does not: after more the keeper
# takes its time, as it should, and this test would.
it "goes on reading while the server is killed for $seconds s"
"$tools/readers.py" "$tmp/src" "$tmp/mnt/ds/v1" "$seconds" 8 >"$tmp/readers" 2>&1 &
readers=$!
kills=0
while [ ! -s "$tmp/readers" ]; do
	kill -9 "$(server_pid)"
	kills=$((kills + 1))
	if [ $((kills % 3)) -eq 0 ]; then sleep 1.2; else sleep 0.2; fi
done
wait "$readers" || fail "$(cat "$tmp/readers")"
[ "$kills" -gt 2 ] || fail "only $kills kills"
echo "# $(cat "$tmp/readers"), $kills kills"

it "keeps an open descriptor, and takes it away by a withdrawal after a kill"
exec 9<"$tmp/mnt/ds/v1/$(cd "$tmp/src" && find . -type f -size +2 | head -n 1)"
kill -9 "$(server_pid)"
head -c 10 <&9 >/dev/null
assert_ok vitrine withdraw ds@v1 --reason test
assert_status 1 head -c 10 /proc/self/fd/9
exec 9<&-
