#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The documents below .vitrine/V: exact sizes, any part on its own, and right.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools

vitrine init >/dev/null
mkdir "$tmp/mnt"
"$tools/make_tree.py" "$tmp/src" 7 2500 20000
chmod -R a+rX "$tmp/src"
vitrine publish lab/docs "$tmp/src" --message "first" >/dev/null
vitrine mount "$tmp/mnt" >/dev/null
ds=$tmp/mnt/lab/docs
docs=$ds/.vitrine/v1

it "is reachable and not listed"
assert_equal "$(ls -A "$ds" | tr '\n' ' ')" "latest v1 "
assert_equal "$(ls -A "$tmp/mnt")" lab
assert_equal "$(ls "$docs" | sort | tr '\n' ' ')" "README.md SHA256SUMS changes.json croissant.json labels.jsonl manifest.json "

it "passes sha256sum -c from inside the version"
(cd "$ds/v1" && sha256sum -c --quiet ../.vitrine/v1/SHA256SUMS) >"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
(cd "$tmp/src" && sha256sum -c --quiet "$docs/SHA256SUMS") >"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"

it "has the size that stat tells, and gives any part as of the whole"
for name in README.md SHA256SUMS changes.json croissant.json manifest.json; do
	assert_equal "$name $(stat -c %s "$docs/$name")" "$name $(wc -c <"$docs/$name")"
	cat "$docs/$name" >"$tmp/whole" # cp would copy that nobody may write
	python3 - "$tmp/whole" "$docs/$name" <<'P' || fail "$name: a part differs"
import os, random, sys
whole = open(sys.argv[1], "rb").read()
rnd = random.Random(1)
for _ in range(60):
    fd = os.open(sys.argv[2], os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    at = rnd.randrange(len(whole) + 1)
    assert os.pread(fd, 5000, at) == whole[at:at + 5000], at
    os.close(fd)
P
done

it "lists every entry in a manifest that is JSON"
python3 - "$docs/manifest.json" "$tmp/src" <<'P' || fail "the manifest"
import json, os, sys
m = json.load(open(sys.argv[1], encoding="utf-8"))
listed = {bytes.fromhex(e["path_hex"]) if "path_hex" in e else e["path"].encode() for e in m["entries"]}
there = set()
for folder, dirs, names in os.walk(os.fsencode(sys.argv[2])):
    there |= {os.path.relpath(os.path.join(folder, n), os.fsencode(sys.argv[2])) for n in dirs + names}
assert listed == there, listed ^ there
assert m["files"] == sum(e["type"] == "file" for e in m["entries"])
P

it "tells the changes of the second version"
echo more >"$tmp/src/added-file"
vitrine publish lab/docs "$tmp/src" >/dev/null
python3 - "$ds/.vitrine/v2/changes.json" <<'P' || fail "the changes"
import json, sys
changes = json.load(open(sys.argv[1]))["changes"]
assert [(c["change"], c["path"]) for c in changes if c["type"] == "file"] == [("added", "added-file")], changes
P

it "has a status and metrics"
assert_ok python3 -m json.tool "$tmp/mnt/.vitrine/status.json"
assert_ok grep -c '^vitrine_[a-z_]* [0-9]*$' "$tmp/mnt/.vitrine/metrics"
