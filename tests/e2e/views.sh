#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Views in a mount: .labels/V/KEY/VALUE and .query/V/EXPRESSION. What they list and show, against plain looks at
# all labels; that they share files with their version; names; and that they outlive servers.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"
: "${QUERIES:=1000}"
tools=$(dirname "$0")/../tools
need_fuse
mnt=$tmp/mnt
mkdir "$mnt"

mkdir -p "$tmp/src/train/cat" "$tmp/src/train/dog/deep/deeper" "$tmp/src/test" "$tmp/src/none"
for i in $(seq 40); do
	seq "$i" $((i * 30)) >"$tmp/src/train/cat/c$i"
	seq "$i" $((i * 20)) >"$tmp/src/train/dog/d$i"
done
for i in $(seq 10); do seq "$i" 50 >"$tmp/src/train/dog/deep/deeper/x$i"; done
echo odd >"$tmp/src/test/odd"
ln -s odd "$tmp/src/test/link"
vitrine init >/dev/null
vitrine publish --quiet ds "$tmp/src"

python3 - "$tmp/src" >"$tmp/labels.jsonl" <<'END'
import json, os, random, sys
chance = random.Random(7)
values = ["cat", "dog", "a/b", ".hidden", "..", "100%", "", "tab\there", "true", "3", "x" * 240, "x" * 240 + "y", "ä" * 150]
turn = 0
for top, folders, names in os.walk(sys.argv[1]):
    folders.sort()
    for name in sorted(names):
        path = os.path.relpath(os.path.join(top, name), sys.argv[1])
        if os.path.islink(os.path.join(top, name)) or chance.random() < 0.1:
            continue
        def row(key, value, **more):
            print(json.dumps({"path": path, "key": key, "value": value, "annotator": "ann",
                              "time": "2026-01-02T03:04:05Z", **more}))
        turn += 1 # each value at least once
        row("class", values[turn // 2 % len(values)] if turn % 2 else values[chance.randrange(2)],
            **({"confidence": chance.randrange(101) / 100} if chance.random() < 0.8 else {}))
        if chance.random() < 0.6:
            row("count", chance.choice([chance.randrange(5), 3, 2.5, -1]))
        if chance.random() < 0.5:
            row("seen", chance.random() < 0.5)
END
assert_ok vitrine import-labels ds "$tmp/labels.jsonl"
assert_out v1.1
vitrine export-labels ds@v1.1 >"$tmp/all.jsonl"
vitrine mount "$mnt" >/dev/null
labels=$mnt/ds/.labels/v1.1
queries=$mnt/ds/.query/v1.1

# paths KEY VALUE: the files with that label, VALUE in JSON, sorted
paths() {
	python3 -c '
import json, sys
for path in sorted(row["path"] for row in map(json.loads, open(sys.argv[1])) if row["key"] == sys.argv[2] and row["value"] == json.loads(sys.argv[3])):
    print(path)' "$tmp/all.jsonl" "$1" "$2"
}

# below FOLDER: files below it, sorted
below() {
	(cd "$1" && find . -type f | sed 's,^\./,,' | sort)
}

it "lists keys, and the values of each by names that can be folders"
assert_equal "$(ls "$labels" | tr '\n' ' ')" "class count seen "
assert_equal "$(ls "$labels/seen" | tr '\n' ' ')" "false true "
assert_equal "$(ls "$labels/count" | sort | tr '\n' ' ')" "-1 0 1 2 2.5 3 4 "
python3 - "$tmp/all.jsonl" "$labels/class" <<'END' || fail "other names"
import hashlib, json, os, sys
def name(value):
    data = value.encode()
    out = b"".join(b"%%%02X" % b if b in b"%/" or b < 32 or b == 127 or (b == 46 and i == 0) else bytes([b])
                   for i, b in enumerate(data)) or b"%00"
    if len(out) <= 200:
        return out
    cut = 182
    while out[cut] & 0xC0 == 0x80:
        cut -= 1
    return out[:cut] + b"%~" + hashlib.sha256(data).hexdigest()[:16].encode()
expected = {name(row["value"]) for row in map(json.loads, open(sys.argv[1])) if row["key"] == "class"}
listed = os.listdir(os.fsencode(sys.argv[2]))
assert len(listed) == len(set(listed)) and set(listed) == expected, (set(listed) ^ expected)
assert max(map(len, listed)) <= 200 and sum(b"%~" in n for n in listed) == 3
for row in map(json.loads, open(sys.argv[1])):
    if row["key"] == "class":
        path = os.path.join(os.fsencode(sys.argv[2]), name(row["value"]), row["path"].encode())
        assert os.path.isfile(path), path
END

it "shows the files of a value, and no other, in their own folders"
paths class '"cat"' >"$tmp/expected"
[ "$(wc -l <"$tmp/expected")" -gt 10 ] || fail "few cats"
below "$labels/class/cat" >"$tmp/found"
assert_ok cmp "$tmp/expected" "$tmp/found"
(cd "$tmp/src" && xargs -n 1 dirname <"$tmp/expected" | sort -u) >"$tmp/folders"
(cd "$labels/class/cat" && find . -mindepth 1 -type d -links 1 | sed 's,^\./,,') >"$tmp/shown"
while read -r folder; do
	[ -d "$labels/class/cat/$folder" ] || fail "no folder $folder"
done <"$tmp/folders"
while read -r folder; do
	grep -q "^$folder" "$tmp/folders" || fail "an empty folder: $folder"
done <"$tmp/shown"
assert_status 2 ls "$labels/class/cat/none"
assert_status 1 stat "$labels/class/cat/test/link"
for value in '""' '"a/b"' '".."' '".hidden"' '"100%"' '"tab\there"'; do
	name=$(python3 -c 'import json, sys
value = json.loads(sys.argv[1])
print("".join("%%%02X" % ord(c) if c in "%/" or ord(c) < 32 or (c == "." and i == 0) else c for i, c in enumerate(value)) or "%00")' "$value")
	paths class "$value" >"$tmp/expected"
	below "$labels/class/$name" >"$tmp/found"
	[ -s "$tmp/expected" ] || fail "no file is $value"
	assert_ok cmp "$tmp/expected" "$tmp/found"
done

it "shows numbers and booleans beside the texts that are written like them, under one name"
paths count 3 >"$tmp/expected"
below "$labels/count/3" >"$tmp/found"
assert_ok cmp "$tmp/expected" "$tmp/found"
paths seen true >"$tmp/expected"
below "$labels/seen/true" >"$tmp/found"
assert_ok cmp "$tmp/expected" "$tmp/found"
row test/odd 3 | sed 's/"class"/"count"/' | vitrine import-labels ds@v1 - --format jsonl --quiet
row train/cat/c1 3 | sed 's/"class"/"count"/; s/"3"/3/' | vitrine import-labels ds@v1 - --format jsonl --quiet
sleep 1.1
newest=$(readlink "$mnt/ds/latest")
[ "$newest" != v1.1 ] || fail "no newer revision"
assert_equal "$(ls "$mnt/ds/.labels/$newest/count" | sort | uniq -d)" ""
[ -f "$mnt/ds/.labels/$newest/count/3/test/odd" ] || fail "no file with the text"
[ -f "$mnt/ds/.labels/$newest/count/3/train/cat/c1" ] || fail "no file with the number"

it "says that other values are not there, whatever they look like"
for name in lion %zz % %0 'x%~0123456789abcdef' '%00%00' CAT; do
	[ ! -e "$labels/class/$name" ] || fail "there is a $name"
done
[ ! -e "$labels/nokey" ] || fail "there is a key"
[ ! -e "$labels/class/cat/no/such" ] || fail "there is a file"
assert_equal "$(ls "$mnt/ds/.query/v1.1")" ""
assert_status 2 ls "$mnt/ds/.labels/v9"
assert_equal "$(find "$mnt/ds" -mindepth 1 -maxdepth 1 -name '.*')" ""

it "gives files the numbers and the pages of the version"
file=$(paths class '"cat"' | head -n 1)
assert_equal "$(stat -c '%i %s %Y %a' "$labels/class/cat/$file")" "$(stat -c '%i %s %Y %a' "$mnt/ds/v1/$file")"
[ "$(stat -c %i "$labels/class/cat")" != "$(stat -c %i "$mnt/ds/v1.1")" ] || fail "one number for two folders"
requests() {
	vitrine status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["mounts"][0]["requests"])'
}
cat "$mnt/ds/v1/$file" >/dev/null
cat "$labels/class/cat/$file" >/dev/null
before=$(requests)
python3 -c '
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
fd = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(fd).st_size
pages = ctypes.create_string_buffer((size + 4095) // 4096)
at = libc.mmap(None, size, 1, 1, fd, 0)
assert libc.mincore(at, size, pages) == 0 and all(p & 1 for p in pages.raw[:(size + 4095) // 4096])' "$labels/class/cat/$file" ||
	fail "the pages are not there"
[ "$(($(requests) - before))" -lt 10 ] || fail "many requests for what is there"

it "is a tree for find, cp, tar and diff"
query='class=cat and class.confidence>=0.5'
view="$queries/$query"
below "$view" >"$tmp/found"
[ -s "$tmp/found" ] || fail "nothing"
assert_ok cp -r "$view" "$tmp/copy"
assert_ok diff -r "$view" "$tmp/copy"
assert_ok tar -C "$view" -cf "$tmp/view.tar" .
assert_equal "$(tar -tf "$tmp/view.tar" | grep -vc '/$')" "$(wc -l <"$tmp/found")"
while read -r path; do
	cmp -s "$tmp/copy/$path" "$tmp/src/$path" || fail "$path differs"
done <"$tmp/found"
assert_equal "$(find "$view" -name 'c[0-9]*' | sort)" "$(find "$view" | grep '/c[0-9]*$' | sort)"

it "finds what a look at every label finds, for $QUERIES expressions"
assert_ok python3 "$tools/view_model.py" "$tmp/all.jsonl" "$mnt/ds/v1" "$queries" "$QUERIES" 1
sed 's/^/# /' "$tmp/out"

it "tells what is wrong with an expression, of the last one"
assert_status 2 ls "$queries/class=="
assert_status 1 getfattr --only-values -n user.vitrine.error "$mnt/ds/.query/v1"
getfattr --absolute-names --only-values -n user.vitrine.error "$queries" >"$tmp/out"
grep -q "column 6" "$tmp/out" || fail "$(cat "$tmp/out")"
assert_status 2 ls "$queries/class=%4"
getfattr --absolute-names --only-values -n user.vitrine.error "$queries" | grep -q "%" || fail "no word of the name"
assert_ok ls "$queries/class='nothing%2Fsuch'" # an expression, of no file
assert_equal "$(cat "$tmp/out")" ""

it "shows a relabelled file in the newest revision, and not in those before"
[ -d "$mnt/ds/.labels/latest/class" ] || fail "no latest"
moved=$(paths class '"cat"' | head -n 1)
vitrine label set "ds@v1:$moved" class=lynx --annotator ann --quiet
sleep 1.1
assert_equal "$(below "$mnt/ds/.labels/latest/class/lynx")" "$moved"
[ ! -e "$mnt/ds/.labels/latest/class/cat/$moved" ] || fail "it is a cat, too"
[ -e "$labels/class/cat/$moved" ] || fail "it was a cat"
[ ! -e "$labels/class/lynx" ] || fail "it was no lynx"
assert_equal "$(find "$mnt/ds/.labels/latest/class/" -mindepth 1 -maxdepth 1 -name lynx | wc -l)" 1

it "reaches every value of a key with very many, and lists none"
mkdir "$tmp/many"
(cd "$tmp/many" && seq 10200 | sed 's/^/f/' | xargs touch)
vitrine publish --quiet many "$tmp/many"
vitrine import-labels many --from-path '{id}' --quiet
sleep 1.1
assert_equal "$(ls "$mnt/many/.labels/latest" | tr '\n' ' ')" "id "
assert_equal "$(ls "$mnt/many/.labels/latest/id" | wc -l)" 0
for i in 1 77 10200; do
	assert_equal "$(ls "$mnt/many/.labels/latest/id/f$i")" "f$i"
done
[ ! -e "$mnt/many/.labels/latest/id/f10201" ] || fail "there is no such value"

it "leaves a folder that is open as it is while hundreds of others are looked at"
python3 - "$labels/class/dog" "$mnt/many/.labels/latest/id" 600 <<'END' || fail "what was open is stale"
import os, sys
view, many, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
fd = os.open(view, os.O_RDONLY | os.O_DIRECTORY) # nothing of it is in the kernel yet
for i in range(1, count + 1):
    assert os.listdir(f"{many}/f{i}") == [f"f{i}"]
assert sorted(os.listdir(fd)) == sorted(os.listdir(view)) != []
END

it "keeps what is shown when the server is killed, under walks and a working folder"
cat >"$tmp/walk.py" <<'END'
import os, sys, time
view, stop = sys.argv[1:]
expected = sorted(os.path.join(t, n) for t, _, ns in os.walk(view) for n in ns)
os.chdir(os.path.join(view, "train"))
inside = sorted(os.listdir("."))
print("begun", flush=True)
rounds = 0
while not os.path.exists(stop):
    errors = []
    found = sorted(os.path.join(t, n) for t, _, ns in os.walk(view, onerror=errors.append) for n in ns)
    assert not errors and found == expected, (errors, len(found), len(expected))
    assert sorted(os.listdir(".")) == inside
    assert os.listdir("cat") and open(found[0]).read()
    rounds += 1
print(rounds)
END
: >"$tmp/walk"
python3 "$tmp/walk.py" "$labels/class/cat" "$tmp/stop" >"$tmp/walk" 2>&1 &
walker=$!
while ! grep -q begun "$tmp/walk"; do sleep 0.1; done
for _ in 1 2 3 4 5; do
	kill -KILL "$(pids_of server)"
	sleep 0.4
done
assert_ok vitrine upgrade
sleep 0.4
: >"$tmp/stop"
wait "$walker" || fail "$(tail -n 3 "$tmp/walk")"
[ "$(tail -n 1 "$tmp/walk")" -gt 0 ] || fail "it did not walk"

it "reads a listing on from where it was left"
python3 - "$labels/class/cat/train/cat" "$mnt/ds/v1.1/train/cat" <<'END' || fail "other names"
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
libc.opendir.argtypes = [ctypes.c_char_p]
libc.readdir.argtypes = libc.telldir.argtypes = [ctypes.c_void_p]
libc.telldir.restype = ctypes.c_long
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
class Entry(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64), ("len", ctypes.c_ushort),
                ("type", ctypes.c_ubyte), ("name", ctypes.c_char * 256)]
for folder in sys.argv[1:]:
    at = libc.opendir(os.fsencode(folder))
    names, places = [], []
    while True:
        place = libc.telldir(at)
        entry = libc.readdir(at)
        if not entry:
            break
        places.append(place)
        names.append(Entry.from_address(entry).name)
    assert len(names) == len(set(names)) > 5 and len(set(places)) == len(places), folder
    for i in reversed(range(len(names))):
        libc.seekdir(at, places[i])
        assert Entry.from_address(libc.readdir(at)).name == names[i], (folder, i)
END
