#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Attempts on the server: races with an end, readers that stop or flood to delay a revoke, its death, its socket, its
# descriptors, its log and its memory. Numbers are the rows of attacks.md. Controls: what holds bob up or out lets alice
# go on in the same case.
. "$(dirname "$0")/policy_lib.sh"
for tool in attack race; do
	cp "$(dirname "$0")/../tools/$tool.py" "$tmp/$tool.py"
	chmod 0755 "$tmp/$tool.py"
done

mkdir "$tmp/src" "$tmp/slow" "$tmp/his" "$tmp/hers"
for i in $(seq 20); do head -c 300000 /dev/urandom >"$tmp/slow/$i"; done
"$tmp/attack.py" make "$tmp/src"
vitrine init --quiet
vitrine publish --quiet slow "$tmp/slow" # in the first shard, which is to be slow
vitrine publish --quiet birds "$tmp/src"
vitrine publish --quiet --open roads "$tmp/src"
for dataset in slow birds; do
	vitrine grant "$alice" read $dataset --quiet
	vitrine grant "$bob" read $dataset --quiet
done
stop_servers
VITRINE_TEST_SOURCE=delay:1:4000 vitrine mount "$mnt" --quiet
vitrine mount --for "$bob" "$tmp/his" --quiet
vitrine mount --for "$alice" "$tmp/hers" --quiet

server_pid() {
	vitrine status --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["pid"])'
}

# In the background: what has the pid is the program itself.
become() {
	who=$1
	shift
	exec setpriv --reuid="$who" --regid="$(id -g "$who")" --clear-groups "$@"
}

# The seconds a command takes must be under a bound, generous beside what it waits for.
within() {
	bound=$1
	shift
	begun=$(date +%s)
	assert_ok "$@"
	[ $(($(date +%s) - begun)) -lt "$bound" ] || fail "$* took $(($(date +%s) - begun)) s"
}

it "30 a read under way over a revoke: nothing arrives after it, and the revoke does not wait for the disk"
for at in "$mnt" "$tmp/his"; do
	as_user "$bob" cat "$at/slow/v1/1" >"$tmp/got" 2>"$tmp/said" &
	reader=$!
	sleep 0.5
	within 30 vitrine revoke "$bob" read slow
	got=$(wc -c <"$tmp/got")
	wait "$reader" || true
	assert_equal "$(wc -c <"$tmp/got")" "$got"
	grep -qE 'Stale|denied' "$tmp/said" || fail "$(cat "$tmp/said")"
	assert_ok vitrine grant "$bob" read slow
done
as_user "$alice" cmp "$mnt/slow/v1/1" "$tmp/slow/1" || fail "alice reads something else"

it "31 32 readers that stop in a read, and a flood of slow reads, delay no revoke"
for at in "$mnt" "$tmp/his"; do
	readers=
	for i in $(seq 2 20); do
		become "$bob" cat "$at/slow/v1/$i" >"$tmp/got.$i" 2>"$tmp/null" &
		readers="$readers $!"
	done
	sleep 0.5
	# shellcheck disable=SC2086 # one word per process
	kill -STOP $readers
	within 30 vitrine revoke "$bob" read slow
	# shellcheck disable=SC2086
	kill -CONT $readers
	for reader in $readers; do
		wait "$reader" && fail "a read went well"
	done
	assert_equal "$(find "$tmp" -maxdepth 1 -name 'got.*' -size +0)" ""
	assert_ok vitrine grant "$bob" read slow
done
as_user "$alice" cmp "$mnt/slow/v1/2" "$tmp/slow/2" || fail "alice reads something else"

it "29 opens that race the end of a grant: none works after it"
until_ns=$(python3 -c 'import time; print(int(time.time() * 1e9) + 5 * 10**9)')
ends=$(date -u -d "@$((until_ns / 1000000000))" +%Y-%m-%dT%H:%M:%SZ)
assert_ok vitrine revoke "$bob" read birds
assert_ok vitrine grant "$bob" read birds --until "$ends"
as_user "$bob" "$tmp/race.py" "$mnt/birds/v1/read" "$ends" >"$tmp/raced" &
first=$!
as_user "$bob" "$tmp/race.py" "$mnt/birds/v1/pread" "$ends" >"$tmp/raced2" &
wait $! || fail "$(cat "$tmp/raced2")"
wait "$first" || fail "$(cat "$tmp/raced")"
echo "# $(cat "$tmp/raced")"
assert_ok as_user "$alice" cat "$mnt/birds/v1/read"
assert_ok vitrine grant "$bob" read birds

it "46 who watched a file or folder learns of no reader after a lease"
cat >"$tmp/watch.py" <<-'END'
	import ctypes, os, select, struct, sys
	libc = ctypes.CDLL(None)
	fd = libc.inotify_init()
	for path in sys.argv[2:]:
	    assert libc.inotify_add_watch(fd, path.encode(), 0xFFF) > 0
	print("watches", flush=True)
	with open(sys.argv[1]): # a fifo: until somebody writes
	    pass
	while select.select([fd], [], [], 0.2)[0]:
	    data = os.read(fd, 65536)
	    while data:
	        mask, _, length = struct.unpack_from("III", data, 4)
	        data = data[16 + length :]
	        if mask & 0x31: # IN_ACCESS, IN_CLOSE_NOWRITE, IN_OPEN
	            print("event", flush=True)
END
watch_begins() {
	rm -f "$tmp/watch.go"
	mkfifo "$tmp/watch.go"
	chmod 0644 "$tmp/watch.go"
	start watches "$tmp/watched" as_user "$1" /usr/bin/python3 "$tmp/watch.py" "$tmp/watch.go" "$2" "$2/read"
	watcher=$!
}
watch_ends() {
	: >"$tmp/watch.go"
	wait "$watcher" || fail "$(cat "$tmp/watched")"
	assert_equal "$(cat "$tmp/watched")" watches
}
watch_begins "$bob" "$mnt/birds/v1"
as_user "$alice" cat "$mnt/birds/v1/read" >"$tmp/null"
: >"$tmp/watch.go"
wait "$watcher"
grep -q event "$tmp/watched" || fail "the control saw nothing"
watch_begins "$bob" "$mnt/birds/v1"
assert_ok as_user "$alice" "$VITRINE" lease acquire birds --for 1h
as_user "$alice" cat "$mnt/birds/v1/read" "$tmp/hers/birds/v1/read" >"$tmp/null"
watch_ends
assert_ok as_user "$alice" "$VITRINE" lease release birds

it "73 bob aborts no connection, nor does alice her own"
mkdir "$tmp/connections"
if mount -t fusectl none "$tmp/connections" 2>/dev/null; then
	for user in "$alice" "$bob"; do
		for at in "$mnt" "$tmp/hers" "$tmp/his"; do
			abort=$tmp/connections/$(mountpoint -d "$at" | cut -d: -f2)/abort
			[ -e "$abort" ] || fail "no $abort"
			as_user "$user" sh -c "echo 1 >'$abort'" 2>"$tmp/null" && fail "$user aborts $at"
		done
	done
	umount "$tmp/connections"
fi
assert_ok as_user "$alice" cat "$tmp/hers/birds/v1/read"

it "49 keeper killed, then a revoke: it bites"
keep orphan "$bob" -n 20 -m 5 "$mnt/birds/v1"
keep stays "$alice" -n 20 -m 5 "$tmp/hers/birds/v1"
pid=$(server_pid)
keeper=$(pids_of keeper)
kill -9 "${keeper:?no keeper}"
assert_ok vitrine revoke "$bob" read birds
kept orphan
kept stays
works orphan pread "0/20 ESTALE"
works orphan map "0/5 SIGBUS"
works stays pread "20/20"
works stays map "5/5"
assert_equal "$(server_pid)" "$pid"
assert_ok vitrine grant "$bob" read birds

it "52 who one says one is over the socket is nothing"
cat >"$tmp/claim.py" <<-'END'
	import json, socket, struct, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	text = json.dumps({"op": "whoami", "uid": 0, "user": "root", "args": {"uid": 0, "user": "root", "gid": 0, "pid": 1}}).encode()
	s.sendall(struct.pack("<4sIII", b"VTC1", len(text), 0, 0) + text)
	head = s.recv(16, socket.MSG_WAITALL)
	print(s.recv(struct.unpack_from("<I", head, 4)[0], socket.MSG_WAITALL).decode())
END
as_user "$bob" /usr/bin/python3 "$tmp/claim.py" "$VITRINE_STORE/run/control.sock" >"$tmp/out"
grep -q '"uid": *0[,}]' "$tmp/out" && fail "$(cat "$tmp/out")"
grep -qE "\"uid\": *$(id -u "$bob")|error" "$tmp/out" || fail "$(cat "$tmp/out")"
as_user "$alice" /usr/bin/python3 "$tmp/claim.py" "$VITRINE_STORE/run/control.sock" >"$tmp/a"
cmp -s "$tmp/a" "$tmp/out" && ! grep -q error "$tmp/out" && fail "alice is bob"

it "51 nobody puts a socket or a folder in the store's place"
for at in "$VITRINE_STORE/run/control.sock" "$VITRINE_STORE/run" "$VITRINE_STORE"; do
	as_user "$bob" mv "$at" "$at.old" 2>"$tmp/null" && fail "moved $at"
	as_user "$bob" sh -c "ln -sf /tmp '$VITRINE_STORE/run/x'" 2>"$tmp/null" && fail "a link in run"
done
assert_ok as_user "$alice" "$VITRINE" status

it "56 opens without end stop at a bound of one's own, and leave room for others"
each=19000
prlimit --pid $$ --nofile=20000 # for each of these
holders=
for i in 1 2 3 4; do
	as_user "$bob" /usr/bin/python3 -c '
import os, sys, time
fds = []
try:
    for _ in range(int(sys.argv[2])):
        fds.append(os.open(sys.argv[1], os.O_RDONLY))
    print("all", flush=True)
except OSError as e:
    print(e.strerror, flush=True)
while os.path.isdir(os.path.dirname(sys.argv[3])) and not os.path.exists(sys.argv[3]):
    time.sleep(0.05)' "$mnt/birds/v1/read" "$each" "$tmp/enough" >"$tmp/opens.$i" 2>&1 &
	holders="$holders $!"
done
for i in 1 2 3 4; do
	until [ -s "$tmp/opens.$i" ]; do sleep 0.1; done
done
cat "$tmp"/opens.* >"$tmp/opens"
grep -q "Too many open files" "$tmp/opens" || fail "no bound" "$(cat "$tmp/opens")"
grep -qvE "^all$|Too many open files" "$tmp/opens" && fail "$(cat "$tmp/opens")"
assert_ok as_user "$alice" cat "$mnt/birds/v1/read"
within 60 vitrine revoke "$bob" read birds
assert_ok as_user "$alice" cat "$mnt/birds/v1/read"
: >"$tmp/enough"
for holder in $holders; do wait "$holder"; done
assert_ok vitrine grant "$bob" read birds
until as_user "$bob" cat "$mnt/birds/v1/read" >"$tmp/null" 2>&1; do sleep 0.1; done

it "40 no core of the server or the keeper, and no look inside by another process of their user"
make_user service
install -d -o "$user" "$tmp/services"
as_user "$user" env VITRINE_STORE="$tmp/services/store" "$VITRINE" init --quiet
mkdir "$tmp/point"
vitrine --store "$tmp/services/store" mount "$tmp/point" --quiet
become "$user" sleep 60 &
control=$!
until [ "$(stat -c %U "/proc/$control")" = "$user" ]; do sleep 0.05; done
assert_ok as_user "$user" cat "/proc/$control/maps"
assert_equal "$(pids_of 'server|keeper' "$tmp/services/store" | wc -l)" 2
for pid in $(pids_of 'server|keeper' "$tmp/services/store"); do
	assert_equal "$(awk '/^Uid/ { print $2 }' "/proc/$pid/status")" "$(id -u "$user")"
	assert_equal "$(stat -c %U "/proc/$pid/environ")" root # as of what is not to be dumped
	assert_status 1 as_user "$user" cat "/proc/$pid/maps"
done
kill "$control"
assert_ok vitrine --store "$tmp/services/store" umount "$tmp/point"

it "70 the audit log cannot be written: what is guarded stops, what is open goes on"
vitrine umount --all --quiet
stop_servers
mkdir "$tmp/full"
mount -t tmpfs -o size=20m none "$tmp/full" # of which the log keeps 16 in reserve, to say so
cp -a "$VITRINE_STORE/audit/." "$tmp/full/"
chown --reference="$VITRINE_STORE/audit" "$tmp/full"
chmod --reference="$VITRINE_STORE/audit" "$tmp/full"
mount --bind "$tmp/full" "$VITRINE_STORE/audit"
vitrine mount "$mnt" --quiet
assert_ok as_user "$alice" cat "$mnt/birds/v1/read"
cat /dev/zero >"$tmp/full/fill" 2>"$tmp/null" || true
tries=0
while vitrine grant "$bob" read roads >"$tmp/said" 2>&1 && vitrine revoke "$bob" read roads >"$tmp/said" 2>&1; do
	tries=$((tries + 1))
	[ "$tries" -lt 3000 ] || fail "the log is written to"
done
assert_equal "$(as_user "$alice" "$tmp/attack.py" act open "$mnt/birds/v1/read")" "open EIO"
assert_ok as_user "$bob" cat "$mnt/roads/v1/read"
assert_ok vitrine deny "$bob" read roads # what takes away is done all the same
assert_status 1 as_user "$bob" cat "$mnt/roads/v1/read"
denials() {
	vitrine audit list --json --kind rule.add | grep -cE '"what": ?"deny"' || true
}
before=$(denials)
rm "$tmp/full/fill"
until as_user "$alice" cat "$mnt/birds/v1/read" >"$tmp/null" 2>&1; do sleep 0.1; done
for _ in $(seq 50); do
	[ "$(denials)" -eq "$before" ] || break
	sleep 0.1
done
assert_equal "$(denials)" $((before + 1)) # and recorded as soon as it can be
assert_ok vitrine revoke "$bob" read roads
assert_ok vitrine audit verify
vitrine umount "$mnt" --quiet
stop_servers
umount "$VITRINE_STORE/audit" "$tmp/full"
