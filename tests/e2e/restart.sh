#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The server is killed under readers: they notice nothing, and a withdrawal afterwards still bites.
# KILLS: how often.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools
kills=${KILLS:-20}
case $(uname -r) in
[0-5].* | 6.[0-8].*) skip "this kernel cannot send requests again" ;;
esac

vitrine init >/dev/null
mkdir "$tmp/mnt"
"$tools/make_tree.py" "$tmp/src" 3 200
chmod -R a+rX "$tmp/src"
vitrine publish ds "$tmp/src" >/dev/null
vitrine mount "$tmp/mnt"

server_pid() {
	vitrine status --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["pid"])'
}

it "goes on reading over $kills kills"
"$tools/readers.py" "$tmp/src" "$tmp/mnt/ds/v1" $((kills / 2 + 2)) 8 >"$tmp/readers" 2>&1 &
readers=$!
done_kills=0
while [ "$done_kills" -lt "$kills" ]; do
	kill -9 "$(server_pid)"
	done_kills=$((done_kills + 1))
	sleep 0.3
done
wait "$readers" || fail "$(cat "$tmp/readers")"
echo "# $(cat "$tmp/readers")"

it "keeps an open descriptor, and takes it away by a withdrawal after a kill"
exec 9<"$tmp/mnt/ds/v1/$(cd "$tmp/src" && find . -type f -size +2 | head -n 1)"
kill -9 "$(server_pid)"
head -c 10 <&9 >/dev/null
assert_ok vitrine withdraw ds@v1 --reason test
assert_status 1 head -c 10 /proc/self/fd/9
exec 9<&-
