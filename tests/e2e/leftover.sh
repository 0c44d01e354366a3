#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Server and keeper killed together leave a dead mount whose cached pages nobody can take away. The next
# server says who still has them, and serves nothing guarded until that is over or an administrator
# answers for it.
. "$(dirname "$0")/policy_lib.sh"

mkdir "$tmp/src" "$tmp/src2" "$tmp/bound" "$tmp/other" "$tmp/third"
seq 200000 >"$tmp/src/data"
echo "for all" >"$tmp/src2/data"
vitrine init --quiet
vitrine publish --quiet birds "$tmp/src"
vitrine publish --quiet --open roads "$tmp/src2"
for who in "$alice" "$bob"; do vitrine grant "$who" read birds >/dev/null; done

# Alice maps what she may read, in the background: process $holder, the child of $shell.
hold() {
	rm -f "$tmp/held" # else what an earlier one said may be read before this one has begun
	mkfifo "$tmp/go"
	cp "$(dirname "$0")/../tools/hold.py" "$tmp/hold.py" && chmod 0755 "$tmp/hold.py"
	as_user "$alice" "$tmp/hold.py" "$mnt/birds/v1/data" <"$tmp/go" >"$tmp/held" 2>&1 &
	shell=$!
	exec 7>"$tmp/go"
	until grep -q held "$tmp/held" 2>/dev/null; do
		kill -0 "$shell" || fail "$(cat "$tmp/held")"
		sleep 0.05
	done
	holder=$(tr -d ' ' <"/proc/$shell/task/$shell/children")
}

let_go() {
	exec 7>&-
	wait "$shell" || true
	rm "$tmp/go"
}

# until_read USER: within the time that the server takes to look anew.
until_read() {
	for _ in $(seq 100); do
		if as_user "$1" cmp -s "$tmp/src/data" "$mnt/birds/v1/data"; then return; fi
		sleep 0.1
	done
	fail "birds is not served to $1"
}

assert_only_open() {
	for who in "$alice" "$bob"; do
		assert_status 1 as_user "$who" cat "$mnt/birds/v1/data"
		assert_err "Permission denied"
		assert_ok as_user "$who" cmp "$tmp/src2/data" "$mnt/roads/v1/data"
	done
}

# How many lines of the audit log have all these texts.
recorded() {
	vitrine audit list --json >"$tmp/log"
	for text in "$@"; do
		grep -F -- "$text" "$tmp/log" >"$tmp/log.new" || true
		mv "$tmp/log.new" "$tmp/log"
	done
	wc -l <"$tmp/log"
}

it "a mount that nobody uses is gone with the next mount, and all is served"
assert_ok vitrine mount "$mnt"
as_user "$alice" cat "$mnt/birds/v1/data" >"$tmp/null"
kill_both
assert_ok vitrine mount "$mnt"
assert_err "had lost its server is gone"
assert_equal "$(mounts_below)" "$mnt"
assert_ok as_user "$bob" cmp "$tmp/src/data" "$mnt/birds/v1/data"
assert_equal "$(recorded '"kind":"gap"' '"state":"leftover"')" 1
assert_equal "$(recorded '"kind":"leftover"' '"how":"ended"')" 1

it "one that alice still maps is named, with her process"
hold
kill_both
assert_ok vitrine mount "$mnt"
assert_err "What the mount on $mnt "
grep -qx "  pid $holder  $alice  [^ ]*  file, mapping, folder" "$tmp/err" || fail "$(cat "$tmp/err")"
assert_err "--accept-leftover"
assert_equal "$(recorded '"kind":"gap"' '"state":"leftover"' "\"mount\":\"$mnt\"")" 2

it "while she has it nobody opens what is guarded, and everybody what is open"
assert_only_open
assert_status 3 vitrine lease acquire birds --for 1h
assert_err "lost its server"
assert_status 3 as_user "$alice" "$VITRINE" cat birds@v1:data
assert_err "lost its server"
assert_ok as_user "$bob" "$VITRINE" cat roads@v1:data
vitrine explain "user:$bob" read birds --json >"$tmp/out" || true
assert_out '"reason":"leftover"'

it "status and doctor say so, to programs too, and mount as JSON"
assert_ok vitrine status
assert_out "pid $holder"
assert_ok vitrine status --json
python3 - "$tmp/out" "$holder" <<-'END' || fail "$(cat "$tmp/out")"
	import json, sys
	[one] = json.load(open(sys.argv[1]))["leftovers"]
	[holder] = one["holders"]
	assert holder["pid"] == int(sys.argv[2]) and holder["holds"] == ["file", "mapping", "folder"], holder
	assert one["all_seen"] and one["known"] and one["kind"] == "shared" and one["mounted"] == [], one
END
assert_status 1 vitrine doctor
assert_out "lost its server"
assert_ok vitrine mount --json --open-only "$tmp/other"
assert_json device mountpoint holders
assert_ok as_user "$bob" "$VITRINE" status
grep -q "$holder" "$tmp/out" && fail "bob learns of alice's process" "$(cat "$tmp/out")"
vitrine umount --quiet "$tmp/other"

it "a server that is started anew still knows, and its mounts go on"
exec 6<"$mnt/roads/v1/data"
kill -9 "$(vitrine status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')"
assert_only_open
cat <&6 >"$tmp/null"
exec 6<&-
assert_ok vitrine status
assert_equal "$(grep -c "can still be read" "$tmp/out")" 1

it "when she has ended all is served, without another word"
let_go
until_read "$bob"
until_read "$alice"
assert_ok vitrine status
grep -q "lost its server" "$tmp/out" && fail "$(cat "$tmp/out")"
assert_equal "$(recorded '"kind":"leftover"' '"how":"ended"')" 2

it "a descriptor that no process shows counts as well"
python3 - "$mnt/birds/v1/data" "$tmp/go" <<-'END' &
	import os, socket, sys
	here, there = socket.socketpair()
	fd = os.open(sys.argv[1], os.O_RDONLY)
	os.mkfifo(sys.argv[2])
	os.read(fd, 10)
	socket.send_fds(here, [b"x"], [fd])
	os.close(fd)
	open(sys.argv[2]).read()
END
carrier=$!
until [ -p "$tmp/go" ]; do sleep 0.05; done
exec 7>"$tmp/go"
sleep 0.2
kill_both
assert_ok vitrine mount "$mnt"
assert_err "can still be read there, without a server."
assert_only_open
exec 7>&-
wait "$carrier"
rm "$tmp/go"
until_read "$bob"

it "one that is mounted elsewhere too counts until that is ended"
mount --bind "$mnt" "$tmp/bound"
kill_both
assert_ok vitrine mount "$mnt"
assert_err "vitrine umount --lazy $tmp/bound"
assert_only_open
assert_ok vitrine umount --lazy "$tmp/bound"
until_read "$alice"

it "an administrator may accept it, and nobody else; it is recorded who did"
hold
kill_both
assert_ok vitrine mount "$mnt"
assert_only_open
assert_status 3 as_user "$bob" "$VITRINE" mount --accept-leftover "$tmp/other"
assert_equal "$(recorded '"kind":"leftover"' '"how":"accepted"')" 0
assert_ok vitrine mount --accept-leftover "$tmp/third"
assert_out "accepted"
assert_no_err
until_read "$bob"
assert_equal "$(recorded '"kind":"leftover"' '"how":"accepted"' '"user":"root"' "\"mount\":\"$mnt\"")" 1
kill -9 "$(vitrine status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')"
until_read "$bob"
let_go

it "an open-only mount leaves nothing over"
assert_ok vitrine umount "$mnt"
assert_ok vitrine umount "$tmp/third"
assert_ok vitrine mount --open-only "$mnt"
exec 6<"$mnt/roads/v1/data"
kill_both
assert_ok vitrine mount "$tmp/third"
assert_no_err
assert_ok as_user "$bob" cmp "$tmp/src/data" "$tmp/third/birds/v1/data"
exec 6<&-

# The kernel gives the lowest number that is free.
it "a device number that another store's mount has got meanwhile is not taken for it"
assert_ok vitrine umount "$tmp/third"
assert_ok vitrine umount --lazy "$mnt"
assert_ok vitrine mount "$mnt"
kill_both
umount -l "$mnt"
vitrine --store "$tmp/second" init --quiet
assert_ok vitrine --store "$tmp/second" mount "$tmp/other"
assert_ok vitrine mount "$mnt"
assert_no_err
assert_ok as_user "$bob" cmp "$tmp/src/data" "$mnt/birds/v1/data"
assert_ok vitrine umount "$mnt"
assert_ok vitrine --store "$tmp/second" umount "$tmp/other"

it "what is recorded of it all is sound"
assert_ok vitrine audit verify
assert_out "all sound"
