#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Labels in a mount: labels.jsonl is what export-labels prints, any part of it on its own; attributes of files.
. "$(dirname "$0")/policy_lib.sh"
. "$(dirname "$0")/labels_lib.sh"

mkdir -p "$tmp/src/images/a" "$tmp/src/quo\"te\\d"
python3 - "$tmp/src" >"$tmp/first.jsonl" <<'P'
import json, os, sys
src = os.fsencode(sys.argv[1])
os.makedirs(os.path.join(src, b"raw\xff/in"))
paths = [b"images/a/%04d.png" % i for i in range(700)] + [b"images/%03d" % i for i in range(90)]
paths += [b'quo"te\\d/\x01tab\tx', b"raw\xff/in/plain", b"raw\xff/\xfe", b"\xc3\xa4"]
for i, path in enumerate(paths):
    open(os.path.join(src, path), "wb").write(b"%d" % i)
    row = {"key": "class", "value": ["cat", "dog", "caf\u00e9 \"x\""][i % 3], "annotator": "ann"}
    row["time"] = "2026-01-02T03:04:05Z"
    try:
        row["path"] = path.decode()
    except UnicodeDecodeError:
        row["path_hex"] = path.hex()
    for key in ("class", "more")[: 1 + i % 2]:
        print(json.dumps(dict(row, key=key)))
P
vitrine init >/dev/null
vitrine publish --quiet ds "$tmp/src"
vitrine import-labels ds "$tmp/first.jsonl" --quiet
row images/a/0007.png bird | vitrine import-labels ds - --format jsonl --replace --quiet
vitrine label rm ds:images/a/0008.png class --quiet
vitrine mount "$mnt" >/dev/null
docs=$mnt/ds/.vitrine

it "is empty without labels"
assert_equal "$(stat -c %s "$docs/v1/labels.jsonl")" 0
assert_equal "$(wc -c <"$docs/v1/labels.jsonl")" 0

it "is what export-labels prints of every revision, with the size that stat tells"
for version in v1.1 v1.2 v1.3; do
	vitrine export-labels "ds@$version" >"$tmp/$version"
	assert_equal "$(stat -c %s "$docs/$version/labels.jsonl")" "$(stat -c %s "$tmp/$version")"
	assert_ok cmp "$tmp/$version" "$docs/$version/labels.jsonl"
done
cmp -s "$tmp/v1.1" "$tmp/v1.2" && fail "two revisions are the same"
assert_equal "$(grep -c path_hex "$docs/v1.3/labels.jsonl")" 3

it "gives any part on its own"
last=$(stat -c %s "$tmp/v1.3")
for offset in 0 1 4095 4096 30000 "$((last / 2))" "$((last - 1))" "$last" "$((last + 10))"; do
	dd if="$docs/v1.3/labels.jsonl" iflag=nocache count=0 status=none # the kernel keeps none of it
	dd if="$docs/v1.3/labels.jsonl" bs=777 iflag=skip_bytes,count_bytes skip="$offset" count=3000 \
		status=none >"$tmp/part" 2>/dev/null || true
	dd if="$tmp/v1.3" bs=777 iflag=skip_bytes,count_bytes skip="$offset" count=3000 status=none \
		>"$tmp/expected" 2>/dev/null || true
	assert_ok cmp "$tmp/expected" "$tmp/part"
done
tail -c 500 "$docs/v1.3/labels.jsonl" >"$tmp/part"
tail -c 500 "$tmp/v1.3" >"$tmp/expected"
assert_ok cmp "$tmp/expected" "$tmp/part"

card() { # card DATASET VERSION: what its README.md says of labels
	sed -n '/^## Labels/,/^The files are in/p' "$mnt/$1/.vitrine/$2/README.md" | sed -e '/^## Versions before/,$d' -e '/^The files/d'
}

it "tells in README.md what labels there are, with a bar for each value"
assert_equal "$(card ds v1)" ""
card ds v1.1 >"$tmp/card"
sed -n '/^### class/,/^- Annotators/p' "$tmp/card" >"$tmp/class"
assert_equal "$(cat "$tmp/class")" '### class

    cat      ############################## 265
    dog      ############################## 265
    café "x" ############################# 264

- Source: import 794
- Review: submitted 794
- Annotators: ann 794'
for version in v1 v1.1 v1.2 v1.3; do
	assert_equal "$(stat -c %s "$docs/$version/README.md")" "$(wc -c <"$docs/$version/README.md")"
done

it "tells the same of the same labels, whichever way they came about"
card ds v1.3 >"$tmp/card"
grep -q '    bird     # 1$' "$tmp/card" || fail "$(cat "$tmp/card")"
vitrine publish --quiet twin "$tmp/src"
vitrine import-labels twin "$tmp/v1.3" --format jsonl --quiet
card twin v1.1 >"$tmp/twin"
assert_ok cmp "$tmp/card" "$tmp/twin"

it "lists twenty of at most thirty values, and cuts long ones"
python3 - >"$tmp/values.jsonl" <<'P'
import json

def put(path, key, value, who="ann", second=5):
    time = "2026-01-02T03:04:0%dZ" % second
    print(json.dumps({"path": path, "key": key, "value": value, "annotator": who, "time": time}))

for i in range(90):
    path = "images/%03d" % i
    put(path, "some", "%02d" % min(i, 24))
    put(path, "many", i % 31)
    put(path, "odd", "\u00e9" * 50 if i else "two\nlines")
    for who in range(1 + i % 7):
        put(path, "voted", who < 5 or i % 2 == 0, "a%d" % who, 9 - who)
P
vitrine import-labels twin "$tmp/values.jsonl" --quiet
card twin v1.2 >"$tmp/card"
section() { # section KEY: what the card says of it
	sed -n "/^### $1\$/,/^- Nobody/p" "$tmp/card" | sed 1,2d
}
assert_equal "$(section many | head -n 1)" "    more than 30 values"
assert_equal "$(section some | grep -c '^    [0-9][0-9] #')" 20
assert_equal "$(section some | sed -n '1p;21p')" "    24 ############################## 66
    and 5 more values, 5 files"
assert_equal "$(section odd | head -n 2)" "    éééééééééééééééééééééééééééééééééééééééé... ############################## 89
    two lines                                   # 1"
assert_equal "$(section voted)" "    true ############################## 90

- Source: import 90
- Review: submitted 90
- Annotators: a0 90
- Nobody disagrees: 77 of 90 files (85.6 %)"
vitrine export-labels twin@v1.2 >"$tmp/lines"
vitrine publish --quiet triplet "$tmp/src"
vitrine import-labels triplet "$tmp/lines" --format jsonl --quiet
card triplet v1.1 >"$tmp/twin"
assert_ok cmp "$tmp/card" "$tmp/twin"

it "keeps its size right when a publish carries labels over"
mv "$tmp/src/images/a" "$tmp/src/b\"c"
vitrine publish --quiet ds "$tmp/src"
vitrine export-labels ds@v2 >"$tmp/v2"
sleep 1.1 # for as long the kernel may have the folder as it was
assert_equal "$(stat -c %s "$docs/v2/labels.jsonl")" "$(stat -c %s "$tmp/v2")"
assert_ok cmp "$tmp/v2" "$docs/v2/labels.jsonl"
grep -q '"path":"b\\"c/0001.png"' "$docs/v2/labels.jsonl" || fail "nothing was carried"
assert_ok vitrine verify

it "is not for those who may look and not read"
assert_ok vitrine grant "$bob" browse ds
assert_ok as_user "$bob" stat "$docs/v2"
assert_status 1 as_user "$bob" cat "$docs/v2/labels.jsonl"
assert_err "Permission denied"
assert_ok vitrine grant "$alice" read ds
assert_ok as_user "$alice" cmp "$tmp/v2" "$docs/v2/labels.jsonl"

# attribute FILE NAME [as_user NAME]: its value, or why there is none
attribute() {
	at=$1 name=$2
	shift 2
	"$@" /usr/bin/python3 -c '
import os, sys
try:
    print(os.getxattr(sys.argv[1], "user.vitrine." + sys.argv[2]).decode())
except OSError as error:
    print(error.strerror)' "$at" "$name"
}

it "tells the labels of a file as attributes, of the newest revision"
file=$mnt/ds/v2/images/007
vitrine label set ds:images/007 count:=2.5 ok:=true --quiet --annotator bea
assert_equal "$(attribute "$file" label.class)" 'café "x"'
assert_equal "$(attribute "$file" label.count) $(attribute "$file" label.ok)" "2.5 true"
assert_equal "$(attribute "$file" label.none)" "No data available"
assert_equal "$(attribute "$mnt/ds/v2/images" label.class)" "No data available"
vitrine export-labels ds:images/007 >"$tmp/lines"
attribute "$file" labels >"$tmp/attribute"
python3 - "$tmp/lines" "$tmp/attribute" <<'P' || fail "the attribute: $(cat "$tmp/attribute")"
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
got = json.load(open(sys.argv[2], encoding="utf-8"))
assert rows and all(row.pop("path") == "images/007" for row in rows)
assert got == {"version": "v2.1", "labels": rows}, got
assert [list(row) for row in rows] == [list(row) for row in got["labels"]]
P
assert_equal "$(attribute "$mnt/ds/v2/b\"c/0008.png" labels)" '{"version": "v2.1", "labels": []}'
vitrine label set ds:images/007 class=owl --quiet --annotator bea
assert_equal "$(attribute "$file" label.class) $(attribute "$mnt/ds/v2.1/images/007" label.class)" "owl owl"
python3 -c 'import os, sys; print(os.listxattr(sys.argv[1]))' "$file" >"$tmp/out"
assert_equal "$(cat "$tmp/out")" "[]"

it "gives attributes with their length, and none that is longer than 64 KiB"
python3 - "$file" <<'P' || fail "lengths"
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
path, room = os.fsencode(sys.argv[1]), ctypes.create_string_buffer(100)
assert libc.getxattr(path, b"user.vitrine.label.class", None, 0) == 3
assert libc.getxattr(path, b"user.vitrine.label.class", room, 2) == -1
assert ctypes.get_errno() == errno.ERANGE
P
for i in $(seq 700); do
	row images/008 "$i"
done | vitrine import-labels ds - --format jsonl --quiet
assert_equal "$(attribute "$mnt/ds/v2/images/008" labels)" "Argument list too long"

it "tells them to those who may read, and nobody else"
assert_equal "$(attribute "$file" label.class as_user "$alice")" owl
assert_equal "$(attribute "$file" label.class as_user "$bob")" "No data available"
