#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The server has confined itself: what the kernel says of it, what it can no longer do, and that mounts, restarts, new
# programs and an orderly end do not need more. Which calls and files are refused: tests/unit/test_confine.c.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
tools=$(dirname "$0")/../tools

mkdir "$tmp/src" "$tmp/mnt" "$tmp/other"
echo mine >"$tmp/src/file"
chmod -R a+rX "$tmp/src"
vitrine init --quiet
vitrine publish --quiet --open ds "$tmp/src"

# of_process PID FIELD: what /proc/PID/status has.
of_process() {
	awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"
}

# landlock_create_ruleset(2), for its version
landlock=$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))')
[ "$landlock" -ge 2 ] || skip "this kernel has no Landlock, or one of the first ABI"
vitrine mount "$tmp/mnt" --quiet

# assert_confined [STORE]: every thread of its server.
assert_confined() {
	server=$(pids_of server "${1:-$VITRINE_STORE}")
	assert_equal "$(awk '$1 == "NoNewPrivs:" || $1 == "Seccomp:" { print $2 }' "/proc/$server/task/"*/status | sort -u | tr '\n' ' ')" "1 2 "
	case "$(of_process "$server" CapPrm)" in
	0000000000000000 | 0000000000000002) ;; # none, or what opens files
	*) fail "capabilities: $(of_process "$server" CapPrm)" ;;
	esac
	assert_equal "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$server/limits")" "0 0"
}

# assert_free_keeper: its keeper, which has to execute programs and to unmount, and cannot be looked into either.
assert_free_keeper() {
	keeper=$(pids_of keeper)
	assert_equal "$(of_process "$keeper" NoNewPrivs) $(of_process "$keeper" Seccomp)" "0 0"
	assert_equal "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$keeper/limits")" "0 0"
}

it "is confined, and says so"
assert_confined
assert_free_keeper
assert_ok vitrine status
assert_out "no new privileges, capabilities dropped, landlock $landlock, seccomp"
assert_ok vitrine doctor
grep -qE '^OK +confined +no new privileges' "$tmp/out" || fail "$(cat "$tmp/out")"

it "reads no file outside of its store, whatever leads there"
shard=$(find "$VITRINE_STORE/shards" -type f | head -n 1)
cp -a "$shard" "$tmp/other/shard"
vitrine umount "$tmp/mnt" --quiet
stop_servers
mv "$shard" "$shard.kept"
ln -s "$tmp/other/shard" "$shard"
assert_status 1 vitrine cat ds:file
grep -q "cannot open a shard .*Permission denied" "$VITRINE_STORE/run/server.log" || fail "another reason"
stop_servers
assert_ok env VITRINE_CONFINE=no "$VITRINE" cat ds:file # the control
stop_servers
mv "$shard.kept" "$shard"
assert_ok vitrine cat ds:file

it "is as confined after a kill, and after the keeper's death"
vitrine mount "$tmp/mnt" --quiet
for _ in 1 2 3; do
	before=$(pids_of server)
	kill -9 "$before"
	assert_ok cat "$tmp/mnt/ds/v1/file"
	[ "$(pids_of server)" != "$before" ] || fail "the server was not killed"
	assert_confined
	assert_free_keeper
done
for _ in 1 2 3; do # each keeper now is started by a confined server, and each server by such a keeper
	kill -9 "$(pids_of keeper)"
	until [ "$(pids_of 'server|keeper' | wc -l)" -eq 2 ]; do sleep 0.05; done
	until vitrine status --json | grep -q '"mountpoint"'; do sleep 0.05; done
	sleep 0.2 # until it has the mount
	kill -9 "$(pids_of server)"
	assert_ok cat "$tmp/mnt/ds/v1/file"
	assert_confined
done
echo more >"$tmp/src/more"
assert_ok vitrine publish ds "$tmp/src"
assert_ok vitrine gc --now
assert_ok vitrine verify
assert_ok vitrine umount "$tmp/mnt"
stop_servers

it "confines who publishes, too, to the store and what is published"
mkfifo "$tmp/pipe"
"$VITRINE" publish --quiet piped - <"$tmp/pipe" &
publisher=$!
exec 9>"$tmp/pipe"
until [ "$(of_process "$publisher" Seccomp)" = 2 ]; do sleep 0.05; done
assert_equal "$(of_process "$publisher" NoNewPrivs) $(of_process "$publisher" CapPrm)" "1 0000000000000006"
tar -C "$tmp/src" -c . >&9
exec 9>&-
wait "$publisher" || fail "it failed"
# By a relative path, a link, a pipe with a name, and with what is mounted in a source.
mkdir "$tmp/whole" "$tmp/whole/mounted"
ln -s "$tmp/whole" "$tmp/link"
mount --bind "$tmp/src" "$tmp/whole/mounted"
assert_ok vitrine publish linked "$tmp/link"
(cd "$tmp" && vitrine publish --quiet relative whole) || fail "no relative path"
umount "$tmp/whole/mounted"
tar -C "$tmp/src" -cf "$tmp/archive.tar" .
assert_ok sh -c 'cat "$1" | "$2" publish named /dev/stdin' sh "$tmp/archive.tar" "$VITRINE"
for dataset in linked relative; do
	assert_ok vitrine cat "$dataset:mounted/file"
done
assert_ok vitrine cat named:file
assert_out mine
# Labels, which are sorted in a file, from a file and a pipe, and with another file beside it.
printf '{"path":"file","key":"class","value":"a"}\n' >"$tmp/labels.jsonl"
assert_ok sh -c 'cat "$1" | "$2" publish labelled "$3" --labels "$1" --labels -' sh "$tmp/labels.jsonl" "$VITRINE" "$tmp/src"
assert_ok vitrine label show labelled:file
echo '{"images":[{"id":1,"file_name":"file"}],"categories":[{"id":1,"name":"b"}]}' >"$tmp/images.json"
echo '[{"image_id":1,"category_id":1,"bbox":[0,0,1,1]}]' >"$tmp/results.json"
assert_ok sh -c 'cat "$1" | "$2" publish results "$3" --labels - --images "$4"' sh "$tmp/results.json" "$VITRINE" "$tmp/src" "$tmp/images.json"
assert_ok vitrine label show results:file
assert_out b

it "finds users who are made after it began"
vitrine mount "$tmp/mnt" --quiet
make_user later
assert_ok vitrine grant "$user" read ds
assert_ok as_user "$user" "$VITRINE" whoami
assert_out "$user"
assert_ok as_user "$user" cat "$tmp/mnt/ds/v1/file"

it "runs another program, unless a confined server could have written it"
mkdir "$tmp/two"
copy_programs "$tmp/two"
assert_ok "$tmp/two/vitrine" upgrade
assert_equal "$(readlink "/proc/$(pids_of server)/exe")" "$tmp/two/vitrine-store"
assert_confined
until [ "$(pids_of 'server|keeper' | wc -l)" -eq 2 ]; do sleep 0.05; done
assert_free_keeper
cp "$VITRINE-store" "$VITRINE_STORE/tmp/program"
assert_ok "$tools/upgrade.py" ask "$VITRINE_STORE" "$VITRINE_STORE/tmp/program"
assert_ok cat "$tmp/mnt/ds/v1/file"
assert_equal "$(readlink "/proc/$(pids_of server)/exe")" "$tmp/two/vitrine-store"
rm -f "$VITRINE_STORE/tmp/program" # what is left in tmp goes at a start
cat >"$tmp/nameless.py" <<-'END'
	import os, shutil, subprocess, sys
	fd = os.memfd_create("program")
	with open(sys.argv[3], "rb") as program, open(fd, "wb", closefd=False) as copy:
	    shutil.copyfileobj(program, copy)
	os.fchmod(fd, 0o755)
	subprocess.run([sys.argv[1], "ask", sys.argv[2], f"/proc/self/fd/{fd}"], pass_fds=[fd], check=True)
END
assert_ok python3 "$tmp/nameless.py" "$tools/upgrade.py" "$VITRINE_STORE" "$VITRINE-store"
assert_ok cat "$tmp/mnt/ds/v1/file"
assert_equal "$(readlink "/proc/$(pids_of server)/exe")" "$tmp/two/vitrine-store"
assert_equal "$(grep -c "not a program that was installed" "$VITRINE_STORE/run/server.log")" 2

it "runs one that was installed in its place also with a keeper that is confined, and no other"
kill -9 "$(pids_of keeper)"
until [ "$(pids_of 'server|keeper' | wc -l)" -eq 2 ]; do sleep 0.05; done
until vitrine status --json | grep -q '"mountpoint"'; do sleep 0.05; done
assert_equal "$(of_process "$(pids_of keeper)" NoNewPrivs)" 1
assert_status 1 vitrine upgrade # from another folder
assert_err "could not take over"
grep -q "may run new programs in the folder of its own only" "$VITRINE_STORE/run/server.log" || fail "no reason"
assert_ok cat "$tmp/mnt/ds/v1/file"
for program in vitrine vitrine-store; do
	cp "$tmp/two/$program" "$tmp/two/new"
	mv "$tmp/two/new" "$tmp/two/$program"
done
before=$(pids_of server)
assert_ok "$tmp/two/vitrine" upgrade
[ "$(pids_of server)" != "$before" ] || fail "it is the same server"
assert_equal "$(readlink "/proc/$(pids_of server)/exe")" "$tmp/two/vitrine-store"
assert_ok cat "$tmp/mnt/ds/v1/file"
assert_confined
assert_ok vitrine umount "$tmp/mnt" # the keeper cannot
stop_servers

it "leaves no dead mount at an orderly end, root's or another user's"
vitrine mount "$tmp/mnt" --quiet
kill -TERM "$(pids_of server)"
until [ -z "$(pids_of 'server|keeper')" ]; do sleep 0.05; done
assert_equal "$(mounts_below)" ""
mknod "$tmp/fuse" c 10 229
chmod 0666 "$tmp/fuse"
mount --bind "$tmp/fuse" /dev/fuse # as it is where users may mount
make_user owner
install -d -o "$user" "$tmp/owner" "$tmp/owner/mnt"
as_user "$user" env VITRINE_STORE="$tmp/owner/store" "$VITRINE" init --quiet
assert_ok as_user "$user" env VITRINE_STORE="$tmp/owner/store" "$VITRINE" mount "$tmp/owner/mnt"
assert_confined "$tmp/owner/store"
assert_equal "$(mounts_below)" "$tmp/owner/mnt"
kill -TERM "$(pids_of server "$tmp/owner/store")"
until [ -z "$(pids_of 'server|keeper' "$tmp/owner/store")" ]; do sleep 0.05; done
assert_equal "$(mounts_below)" ""
umount -l /dev/fuse # others may have it open

it "goes without on request, and says so"
assert_ok env VITRINE_CONFINE=no "$VITRINE" ls
assert_equal "$(of_process "$(pids_of server)" Seccomp)" 0
assert_ok vitrine status
assert_out "VITRINE_CONFINE=no"
assert_ok vitrine doctor
grep -qE '^WARN +confined .*VITRINE_CONFINE=no' "$tmp/out" || fail "$(cat "$tmp/out")"
grep -q "not confined as it should be" "$VITRINE_STORE/run/server.log" || fail "nothing in the log"
