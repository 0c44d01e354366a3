#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mount, umount, the mount(8) helper and --foreground: that they work, and what they say when not.
. "$(dirname "$0")/lib.sh"
need_fuse
root=$(cd "$(dirname "$0")/../.." && pwd)
point=$tmp/mnt
mkdir -p "$tmp/source/a" "$point"
printf 'hello' >"$tmp/source/a/b"
vitrine init --quiet
vitrine publish --quiet notes "$tmp/source"

it "mount returns when the tree is there, and umount when it is gone"
assert_ok vitrine mount "$point"
assert_out "$point"
assert_equal "$(cat "$point/notes/v1/a/b")" hello
assert_equal "$(readlink "$point/notes/latest")" v1
assert_ok vitrine status --json
assert_out "\"mountpoint\":\"$point\""
assert_ok vitrine umount "$point"
assert_equal "$(mounts_below)" ""

it "mounts also with standard input and output closed"
vitrine mount "$point" <&- >&- || fail "status $?"
assert_equal "$(cat "$point/notes/v1/a/b")" hello
assert_ok vitrine umount "$point"

it "VITRINE_MOUNT stands in for the argument, and a relative path will do"
export VITRINE_MOUNT="$point"
assert_ok vitrine mount
assert_ok vitrine umount
unset VITRINE_MOUNT
cd "$tmp" || exit
assert_ok vitrine mount mnt
assert_equal "$(mounts_below)" "$point"
assert_ok vitrine umount --all
assert_out "$point"
assert_equal "$(mounts_below)" ""
assert_ok vitrine umount --all
assert_out "nowhere"

it "a name with blanks and backslashes is a mount point like any other"
odd="$tmp/a b\\c"
mkdir "$odd"
assert_ok vitrine mount "$odd"
assert_equal "$(cat "$odd/notes/v1/a/b")" hello
assert_ok vitrine umount --all
assert_out "$odd"
assert_equal "$(mounts_below)" ""

it "root's mount reads ahead further than the kernel's 128 KiB"
if [ "$(id -u)" -eq 0 ]; then
	assert_ok vitrine mount "$point"
	device=$(awk -v point="$point" '$5 == point { print $3 }' /proc/self/mountinfo)
	assert_equal "$(cat "/sys/class/bdi/$device/read_ahead_kb")" 2048
	assert_ok vitrine umount "$point"
fi

it "a mount point that is missing, is no folder, or is taken is named"
assert_status 4 vitrine mount "$tmp/no-such-folder"
assert_err "$tmp/no-such-folder"
status=0
vitrine mount "$tmp/source/a/b" >"$tmp/out" 2>"$tmp/err" || status=$?
[ "$status" -ne 0 ] || fail "mounted on a file"
assert_err "$tmp/source/a/b"
assert_ok vitrine mount "$point"
status=0
vitrine mount "$point" >"$tmp/out" 2>"$tmp/err" || status=$?
[ "$status" -ne 0 ] || fail "mounted twice on one point"
assert_err "$point"

it "a server with mounts is not stopped"
assert_status 6 vitrine stop
assert_err "umount --all"

it "a mount in use is not ended, and the way out is said"
exec 8<"$point/notes/v1/a/b"
assert_status 6 vitrine umount "$point"
assert_err "--lazy"
assert_ok vitrine umount --lazy "$point"
exec 8<&-
assert_equal "$(mounts_below)" ""

it "a server is stopped once it has noticed the end of what is mounted no more"
assert_ok vitrine mount "$point"
exec 8<"$point/notes/v1/a/b"
sleep 2 & # with what is open
exec 8<&-
assert_ok vitrine umount --lazy "$point"
assert_ok vitrine stop
wait

it "--foreground stays, and ends the mount on SIGTERM"
"$VITRINE" mount --foreground "$point" >"$tmp/said" 2>&1 &
pid=$!
until [ -s "$tmp/said" ]; do sleep 0.05; done
assert_equal "$(cat "$point/notes/v1/a/b")" hello
kill "$pid"
wait "$pid" || fail "status $?" "$(cat "$tmp/said")"
assert_equal "$(mounts_below)" ""

it "--foreground ends on a SIGTERM that comes while it hands its mount to another server"
"$VITRINE" mount --foreground "$point" >"$tmp/said" 2>&1 &
mounter=$!
until grep -q "is on" "$tmp/said"; do sleep 0.05; done
keeper=$(pids_of keeper)
kill -STOP "$keeper" # nobody answers
kill -9 "$(pids_of server)"
sleep 0.5
kill -TERM "$mounter"
sleep 0.2
kill -CONT "$keeper"
for _ in $(seq 200); do
	kill -0 "$mounter" 2>/dev/null || break
	sleep 0.1
done
kill -0 "$mounter" 2>/dev/null && fail "it stays"
wait "$mounter" || fail "$(cat "$tmp/said")"
mounts_below | grep -qxF "$point" && fail "the mount is still there"

it "--foreground ends when somebody else unmounts"
"$VITRINE" mount --foreground "$point" >"$tmp/said2" 2>&1 &
pid=$!
until [ -s "$tmp/said2" ]; do sleep 0.05; done
assert_ok vitrine umount "$point"
wait "$pid" || fail "status $?"

it "the helper of mount(8) takes its words"
assert_ok env VITRINE="$VITRINE" "$root/tools/mount.vitrine" "$VITRINE_STORE" "$point" \
	-o rw,noatime,x-systemd.automount
assert_equal "$(cat "$point/notes/v1/a/b")" hello
awk -v point="$point" '$5 == point' /proc/self/mountinfo | grep -q noatime || fail "noatime was lost"
assert_ok vitrine umount "$point"
assert_status 32 env VITRINE="$VITRINE" "$root/tools/mount.vitrine" "$tmp/no-store" "$point"
assert_status 1 "$root/tools/mount.vitrine" "$VITRINE_STORE"

it "an option that the kernel does not know is refused, and nothing stays mounted"
status=0
vitrine mount -o no_such_option "$point" >"$tmp/out" 2>"$tmp/err" || status=$?
[ "$status" -ne 0 ] || fail "mounted with nonsense"
[ -s "$tmp/err" ] || fail "refused without a word"
assert_equal "$(mounts_below)" ""

it "the tour works, twice"
sample=$tmp/tour
assert_ok env VITRINE_TOUR="$sample" BUILD="$(dirname "$built")" "$root/tools/tour.sh"
assert_out "1,798 files"
assert_out "A  NOTES.md"
assert_out "umount --all"
assert_equal "$(find "$sample/mnt/digits/v1/" -name '*.png' | wc -l)" 1797
cmp "$sample/digits/3/0003.png" "$sample/mnt/digits/v2/3/0003.png"
assert_ok env VITRINE_TOUR="$sample" BUILD="$(dirname "$built")" "$root/tools/tour.sh"
assert_ok vitrine --store "$sample/store" umount --all
mkdir "$tmp/mine"
assert_status 1 env VITRINE_TOUR="$tmp/mine" "$root/tools/tour.sh"
assert_err "$tmp/mine"
