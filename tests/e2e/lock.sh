#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lock files: a version with its labels, by digests; a mount that shows it alone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"
need_fuse

mkdir -p "$tmp/src/a" "$tmp/mnt"
echo one >"$tmp/src/a/1"
echo two >"$tmp/src/a/2"
vitrine init >/dev/null
vitrine publish --quiet space/ds "$tmp/src" --open
vitrine publish --quiet other "$tmp/src" --open
row a/1 x | vitrine import-labels --quiet space/ds - --format jsonl
vitrine tag space/ds@v1.1 chosen >/dev/null

edit() { # edit MEMBER VALUE: the lock with another member
	python3 -c '
import json, sys
lock = json.load(open(sys.argv[1]))
lock[sys.argv[2]] = json.loads(sys.argv[3])
json.dump(lock, sys.stdout)' "$tmp/lock" "$1" "$2" >"$tmp/edited"
}

it "pins the version that is named, and finds it again"
assert_ok vitrine lock space/ds
cp "$tmp/out" "$tmp/lock"
assert_ok vitrine lock --check "$tmp/lock"
assert_out "space/ds@v1.1 is what is locked"
assert_ok vitrine lock --check "$tmp/lock" space/ds
vitrine show --json space/ds >"$tmp/out"
for member in dataset version digest tree label_digest files bytes created; do
	assert_equal "$(json_member 1 "$member")" \
		"$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$tmp/lock" "$member")"
done
assert_ok vitrine lock space/ds@v1
assert_equal "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["label_digest"])' "$tmp/out")" None

it "says which digest differs"
row a/2 y | vitrine import-labels --quiet space/ds - --format jsonl
assert_status 1 vitrine lock --check "$tmp/lock" space/ds
assert_err "space/ds@v1.2 is not what is locked: its label digest is"
assert_ok vitrine lock --check "$tmp/lock" # a version does not change
assert_status 1 vitrine lock --check "$tmp/lock" space/ds@v1
assert_err "its label digest is none, not"
echo three >"$tmp/src/a/3"
vitrine publish --quiet space/ds "$tmp/src"
assert_status 1 vitrine lock --check "$tmp/lock" space/ds
assert_err "its tree digest is"
edit version '"v9"'
assert_status 4 vitrine lock --check "$tmp/edited"

it "refuses what is no lock file"
edit digest '"12"'
assert_status 2 vitrine lock --check "$tmp/edited"
assert_err "'digest' is no digest"
edit format 2
assert_status 2 vitrine lock --check "$tmp/edited"
assert_err "format 1"
echo '[' >"$tmp/edited"
assert_status 2 vitrine lock --check "$tmp/edited"
assert_err "line"
assert_status 2 vitrine lock
assert_status 2 vitrine lock space/ds:a/1

it "mounts that version alone"
assert_ok vitrine mount --locked "$tmp/lock" "$tmp/mnt"
assert_equal "$(ls "$tmp/mnt") $(ls "$tmp/mnt/space") $(ls "$tmp/mnt/space/ds" | tr '\n' ' ')" "space ds chosen v1.1 "
assert_equal "$(cat "$tmp/mnt/space/ds/v1.1/a/2" "$tmp/mnt/space/ds/chosen/a/1" | tr '\n' ' ')" "two one "
for absent in other space/ds/v1 space/ds/v1.2 space/ds/v2 space/ds/latest space/ds/.vitrine/v2 space/ds/.labels/v1.2; do
	assert_status 2 ls "$tmp/mnt/$absent"
	assert_err "No such file"
done
assert_ok ls "$tmp/mnt/space/ds/.vitrine/v1.1/manifest.json"
assert_ok vitrine status --json
assert_out '"locked":"space/ds@v1.1"'

it "goes on showing that alone when others come, and when the server is another"
vitrine publish --quiet third "$tmp/src" --open
assert_equal "$(ls "$tmp/mnt")" space
server=$(pids_of server)
kill -KILL "$server"
assert_equal "$(cat "$tmp/mnt/space/ds/v1.1/a/1")" one
assert_equal "$(ls "$tmp/mnt") $(ls "$tmp/mnt/space/ds" | tr '\n' ' ')" "space chosen v1.1 "
assert_status 2 ls "$tmp/mnt/third"
assert_ok vitrine umount "$tmp/mnt"

it "mounts nothing that differs"
edit tree "\"$(printf '%064d' 1)\""
assert_status 1 vitrine mount --locked "$tmp/edited" "$tmp/mnt"
assert_err "its tree digest is"
edit digest "\"$(printf '%064d' 1)\""
assert_status 1 vitrine mount -o locked="$tmp/edited" "$tmp/mnt"
assert_err "its version digest is"
assert_equal "$(mounts_below)" ""
vitrine untag space/ds@chosen >/dev/null
vitrine withdraw space/ds@v1.1 --reason gone >/dev/null
assert_status 1 vitrine mount --locked "$tmp/lock" "$tmp/mnt"
assert_err "space/ds@v1.1 was withdrawn"
