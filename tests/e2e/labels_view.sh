#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `vitrine view`: the folder that it prints has the files that the expression means.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"
need_fuse

mkdir -p "$tmp/src/train/cat" "$tmp/src/train/dog" "$tmp/mnt" "$tmp/other"
for i in 1 2 3; do
	echo "cat $i" >"$tmp/src/train/cat/$i.txt"
	echo "dog $i" >"$tmp/src/train/dog/$i.txt"
done
vitrine init >/dev/null
vitrine publish --quiet ds "$tmp/src"
vitrine publish --quiet space/ds "$tmp/src"
vitrine import-labels ds --from-path 'train/{class}/*' --quiet
vitrine import-labels space/ds --from-path 'train/{class}/*' --quiet

it "says how to mount where nothing is mounted"
assert_status 4 vitrine view ds 'class=cat'
assert_err "vitrine mount DIR"

it "prints a folder with the files, in their own folders"
vitrine mount "$tmp/mnt" --quiet
assert_ok vitrine view ds '( class = "cat" )  and not path~"**/2.txt"'
assert_equal "$(cat "$tmp/out")" "$tmp/mnt/ds/.query/v1.1/class=cat and not path~\"**%2F2.txt\""
folder=$(cat "$tmp/out")
assert_equal "$(cd "$folder" && find . -type f | sort | tr '\n' ' ')" "./train/cat/1.txt ./train/cat/3.txt "
cmp "$folder/train/cat/3.txt" "$tmp/src/train/cat/3.txt"
assert_equal "$(stat -c %i "$folder/train/cat/3.txt")" "$(stat -c %i "$tmp/mnt/ds/v1.1/train/cat/3.txt")"
assert_ok vitrine view space/ds@v1.1 'class=dog' --json
assert_json path
assert_equal "$(find "$(json_member 1 path)" -type f | grep -c .)" 3

it "takes the mount that is named, and no other"
assert_ok vitrine view ds 'class=cat' --mount "$tmp/mnt/"
assert_out "$tmp/mnt/ds/.query"
assert_status 4 vitrine view ds 'class=cat' --mount "$tmp/other"
assert_err "is not mounted on $tmp/other"
vitrine mount "$tmp/other" --quiet
VITRINE_MOUNT=$tmp/other assert_ok vitrine view ds 'class=cat'
assert_out "$tmp/other/ds/.query"
assert_ok vitrine view ds 'class=cat'
assert_out "$tmp/mnt/ds/.query"

it "passes over a mount that does not show the version"
vitrine umount "$tmp/mnt" --quiet
vitrine umount "$tmp/other" --quiet
vitrine mount "$tmp/mnt" --open-only --quiet
assert_status 4 vitrine view ds 'class=cat'
assert_err "no mount of"
vitrine mount "$tmp/other" --quiet
assert_ok vitrine view ds 'class=cat'
assert_out "$tmp/other/ds/.query"

it "refuses what is no expression, and what makes no name"
assert_status 2 vitrine view ds 'class=='
assert_err "column 6"
assert_status 1 vitrine view ds "class=$(printf '%0260d' 0 | tr 0 x)"
assert_err "vitrine select"
assert_status 4 vitrine view ds@v9 'class=cat'
