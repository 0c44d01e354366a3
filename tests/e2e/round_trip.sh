#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is published is shown: random trees with everything a tree may hold, and ordinary tools on them.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools

vitrine init >/dev/null
mkdir "$tmp/mnt"
vitrine mount "$tmp/mnt" >/dev/null

for seed in 1 2 3; do
	it "shows random tree $seed as it was"
	"$tools/make_tree.py" "$tmp/tree$seed" "$seed"
	assert_ok vitrine publish "random/tree$seed" "$tmp/tree$seed"
	assert_ok "$tools/same_tree.py" "$tmp/tree$seed" "$tmp/mnt/random/tree$seed/v1"
done

it "publishes the same tree with the same tree digest elsewhere"
tree_digest() {
	vitrine --store "$1" show "$2" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["tree"])'
}
vitrine --store "$tmp/other" init >/dev/null
assert_ok vitrine --store "$tmp/other" publish again "$tmp/tree1"
assert_equal "$(tree_digest "$tmp/other" again)" "$(tree_digest "$VITRINE_STORE" random/tree1)"

it "agrees with find, tree by tree"
chmod -R a+rX "$tmp/tree1"
assert_ok vitrine publish --open random/plain "$tmp/tree1"
shown=$tmp/mnt/random/plain/latest
for top in "$tmp/tree1" "$shown/"; do
	(cd "$top" && find . -mindepth 1 -printf '%p %y %T@ %l ' \( -type d -printf '\n' -o -printf '%s %n\n' \) | sort)
done >"$tmp/both"
half=$(($(wc -l <"$tmp/both") / 2))
head -n "$half" "$tmp/both" >"$tmp/a"
tail -n "$half" "$tmp/both" >"$tmp/b"
assert_ok diff "$tmp/a" "$tmp/b"

it "leaves rsync nothing to do, either way"
for pair in "$tmp/tree1/ $shown/" "$shown/ $tmp/tree1/"; do
	# shellcheck disable=SC2086
	assert_ok rsync -rltHXn --checksum --itemize-changes $pair
	assert_equal "$(cat "$tmp/out")" ""
done

it "goes through tar and diff -r"
mkdir "$tmp/untarred"
tar -C "$shown/" -cf - . | tar -C "$tmp/untarred" --warning=no-timestamp -xf -
assert_ok diff -r --no-dereference "$tmp/tree1" "$tmp/untarred"
assert_ok diff -r --no-dereference "$tmp/tree1" "$shown/"

it "reads the same by every way, from eight processes at random"
assert_ok "$tools/readers.py" "$tmp/tree1" "$shown" 4 8

it "tells where the holes are"
truncate -s 64M "$tmp/sparse"
printf data | dd of="$tmp/sparse" bs=1M seek=20 conv=notrunc status=none
mkdir "$tmp/holes"
mv "$tmp/sparse" "$tmp/holes/sparse"
assert_ok vitrine publish holes "$tmp/holes"
assert_equal "$(python3 - "$tmp/mnt/holes/v1/sparse" <<'P'
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
data = os.lseek(fd, 0, os.SEEK_DATA)
print(data, os.lseek(fd, data, os.SEEK_HOLE) <= 21 << 20, os.lseek(fd, 0, os.SEEK_HOLE))
P
)" "20971520 True 0"

if [ "$(id -u)" -eq 0 ]; then
	it "lets another user read"
	make_user reader
	install "$tools/same_tree.py" "$tmp" # the sources may be closed to others, as /root is
	assert_ok as_user "$user" "$tmp/same_tree.py" "$tmp/tree1" "$shown/"
fi

it "carries a git work tree and a database"
git init -q "$tmp/checkout"
echo text >"$tmp/checkout/file"
git -C "$tmp/checkout" add file
git -C "$tmp/checkout" -c user.name=a -c user.email=a@b commit -q -m one
sqlite3 "$tmp/checkout/db" 'create table t(a); insert into t values (41), (1);'
assert_ok vitrine publish checkout "$tmp/checkout"
assert_ok git -C "$tmp/mnt/checkout/v1" --no-optional-locks -c safe.directory='*' status --porcelain
assert_out "?? db"
assert_ok sqlite3 "file:$tmp/mnt/checkout/v1/db?immutable=1" 'select sum(a) from t'
assert_equal "$(cat "$tmp/out")" 42
