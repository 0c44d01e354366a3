#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Another user of the same host: cannot open what is in the store, change anything, or keep others
# from being served.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
tools=$(dirname "$0")/../tools

mkdir "$tmp/src" "$tmp/mnt"
echo mine >"$tmp/src/file"
vitrine init --quiet
vitrine publish --quiet --open ds "$tmp/src"
vitrine tag ds@v1 kept --quiet
vitrine mount "$tmp/mnt" --quiet
make_user stranger
stranger=$user
make_user bystander
bystander=$user

it "opens no file of the store to another user"
# vitrine.json and the socket are for all to see.
as_user "$stranger" find "$VITRINE_STORE" -type f -readable 2>/dev/null | grep -v '/vitrine.json$' >"$tmp/out" || true
assert_equal "$(cat "$tmp/out")" ""
find "$VITRINE_STORE" \( -type f -o -type d \) -perm /0066 ! -name vitrine.json >"$tmp/out"
assert_equal "$(cat "$tmp/out")" ""
for dir in index shards tmp stamps; do
	assert_status 2 as_user "$stranger" ls "$VITRINE_STORE/$dir"
done
as_user "$stranger" sh -c "echo x >'$VITRINE_STORE/run/mine'" 2>/dev/null && fail "a file in run"
as_user "$stranger" rm -f "$VITRINE_STORE/run/control.sock" 2>/dev/null && fail "the socket is gone"

it "lets nobody else change anything by the commands"
change() {
	assert_status 3 as_user "$stranger" "$VITRINE" "$@"
}
change publish ds "$tmp/src"
change publish new "$tmp/src"
change tag ds@v1 theirs
change untag ds@kept
change withdraw ds@v1 --reason none
change rm ds --all
change gc --now
change verify
change rollback ds@v1

it "is not stopped by garbage, halves of messages and a crowd"
install "$tools/rude.py" "$tmp" # the sources may be closed to others, as /root is
as_user "$stranger" "$tmp/rude.py" "$VITRINE_STORE/run/control.sock" 1 "${DURATION:-8}" >"$tmp/rude" 2>&1 &
rude=$!
pid=$(vitrine status --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["pid"])')
while kill -0 "$rude" 2>/dev/null; do
	assert_ok as_user "$bystander" "$VITRINE" cat ds:file
	assert_ok vitrine show ds
	assert_ok cat "$tmp/mnt/ds/v1/file"
done
wait "$rude" || fail "$(cat "$tmp/rude")"
echo "# $(cat "$tmp/rude")"
assert_equal "$(vitrine status --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["pid"])')" "$pid"
assert_ok vitrine verify
assert_equal "$(vitrine log ds --json | wc -l)" 1
grep -q "$(printf '\033')" "$VITRINE_STORE/run/server.log" && fail "an escape sequence in the log"
true
