#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Versions made of some files of another one: what is in them, that no data is copied, what they are recorded to be
# made of, who may make them.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"

digits=$tmp/digits
"$VT_TEST_DATA/digits.py" "$digits" >/dev/null
vitrine init >/dev/null
vitrine publish --quiet digits "$digits" --licence CC-BY-4.0 2>/dev/null
vitrine import-labels --quiet digits --from-path '{class}/*.png' --annotator folders --on-error skip 2>/dev/null

digests() { # digests DATASET@VERSION: of its tree and its labels
	vitrine show --json "$1" >"$tmp/out"
	echo "$(json_member 1 tree) $(json_member 1 label_digest)"
}

paths() { # paths DATASET[@VERSION]: of its files
	vitrine ls --recursive --json "$1" | python3 -c '
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    if row.get("type") == "file":
        print(row["path"])'
}

provenance() { # provenance DATASET MEMBER
	vitrine show --json "$1" >"$tmp/out"
	json_member 1 provenance | python3 -c '
import json, sys
value = json.load(sys.stdin)[sys.argv[1]]
print(value if isinstance(value, str) else json.dumps(value))' "$2"
}

it "publishes the files that an expression means, with their labels, at their paths"
assert_ok vitrine curate digits --where 'class=3  or class = 7' --as small -m "threes and sevens"
assert_out "small@v1: $(find "$digits/3" "$digits/7" -type f | wc -l) files"
(cd "$digits" && find 3 7 -type f | sort) >"$tmp/expected"
paths small | sort >"$tmp/is"
assert_ok cmp "$tmp/is" "$tmp/expected"
assert_equal "$(labels small | wc -l)" "$(wc -l <"$tmp/expected")"
vitrine export-labels digits:3/0003.png >"$tmp/a"
vitrine export-labels small:3/0003.png >"$tmp/b"
assert_ok cmp "$tmp/a" "$tmp/b"
assert_equal "$(vitrine cat small:3/0003.png | sha256sum)" "$(sha256sum - <"$digits/3/0003.png")"

it "copies no data, and the store stays sound"
before=$(find "$VITRINE_STORE/shards" -type f -printf '%p %s\n' | sort | sha256sum)
assert_ok vitrine curate digits --where 'class=1' --as ones --json
assert_json stored_bytes labels provenance
assert_equal "$(json_member 1 stored_bytes)" 0
assert_equal "$(find "$VITRINE_STORE/shards" -type f -printf '%p %s\n' | sort | sha256sum)" "$before"
assert_ok vitrine verify
assert_ok vitrine gc --now
assert_ok vitrine verify

it "divides them among folders, always in the same way"
assert_ok vitrine curate digits --split train=0.8,val=0.1,test=0.1 --by class --seed 3 --as parts@first
assert_out "train/:"
paths parts >"$tmp/parts"
for class in 0 1 2 3 4 5 6 7 8 9; do
	n=$(find "$digits/$class" -type f | wc -l)
	assert_equal "$(grep -c "^train/$class/" "$tmp/parts")" $(((n * 8 + 5) / 10))
	assert_equal "$(grep -c "^test/$class/" "$tmp/parts")" $((n - (n * 9 + 5) / 10))
done
assert_equal "$(cut -d/ -f2- "$tmp/parts" | sort | sha256sum)" "$(paths digits | sort | sha256sum)"
vitrine ls --recursive --json parts | python3 -c '
import json, sys
where = {}
for line in sys.stdin:
    row = json.loads(line)
    if row["type"] == "file":
        where.setdefault(row["content"], set()).add(row["path"].split("/")[0])
assert all(len(parts) == 1 for parts in where.values())'
for i in 1 2; do
	vitrine curate --quiet digits --split train=0.8,test=0.2 --as parts@"again$i"
done
assert_equal "$(digests parts@again1)" "$(digests parts@again2)"

it "makes the same digests in another store"
first=$(digests parts@first)
(
	export VITRINE_STORE="$tmp/other"
	vitrine init >/dev/null
	vitrine publish --quiet digits "$digits" 2>/dev/null
	vitrine export-labels --store "$tmp/store" digits | vitrine import-labels --quiet digits - --format jsonl
	vitrine curate --quiet digits --split train=0.8,val=0.1,test=0.1 --by class --seed 3 --as parts
	vitrine stop --quiet
)
assert_equal "$(VITRINE_STORE="$tmp/other" && export VITRINE_STORE && digests parts)" "$first"

it "records what a version was made of, and shows it"
assert_equal "$(provenance small where)" "class=3 or class=7"
assert_equal "$(provenance parts@first split)" '{"train": "0.8", "val": "0.1", "test": "0.1"}'
assert_equal "$(provenance parts@first seed) $(provenance parts@first split_by)" "3 class"
vitrine show --json digits >"$tmp/out"
digest=$(json_member 1 digest)
assert_equal "$(provenance small source) $(provenance small source_digest)" "digits@v1.1 $digest"
assert_ok vitrine show small
assert_out "made of      digits@v1.1 where class=3 or class=7"
assert_out "CC-BY-4.0"
assert_ok vitrine log parts
assert_out "digits@v1.1; split train=0.8,val=0.1,test=0.1 by class, seed 3"

it "says what it would be, and that the same is there already"
assert_ok vitrine curate digits --where 'class=3 or class=7' --as small --dry-run
assert_out "Would publish small:"
assert_ok vitrine curate digits --where 'class=3 or class=7' --as new --dry-run --json
assert_equal "$(json_member 1 tree)" "$(digests small | cut -d' ' -f1)"
assert_status 4 vitrine show new
assert_ok vitrine curate digits --where 'class=3 or class=7' --as small
assert_out "small@v1 is the same: nothing published"
assert_ok vitrine curate digits --where 'class=3' --as small
assert_out "small@v2:"
assert_ok vitrine diff --summary small@v1 small@v2
assert_out "0 added"

it "refuses what makes no version, and leaves no dataset behind"
assert_status 4 vitrine curate digits --where 'class=lion' --as lions
assert_err "'digits@v1.1': there is no such file"
assert_status 2 vitrine curate digits --where 'class=' --as lions
assert_err "column"
assert_status 2 vitrine curate digits --split a=0.5,b=0.4 --as lions
assert_err "make 0.9"
assert_status 4 vitrine curate digits --split a=0.5,b=0.5 --by clas --as lions
assert_err "no file of 'digits@v1.1' has a label 'clas'"
assert_status 2 vitrine curate digits --by class --as lions
assert_status 2 vitrine curate digits
assert_status 4 vitrine curate nothing --as lions
assert_status 4 vitrine show lions

it "has documents like any version, and says that changes were not recorded"
need_fuse
mkdir "$tmp/mnt"
vitrine mount "$tmp/mnt" >/dev/null
assert_ok python3 -c '
import hashlib, json, os, sys
version, documents = sys.argv[1] + "/small/v2", sys.argv[1] + "/small/.vitrine/v2"
manifest = json.load(open(documents + "/manifest.json"))
files = [entry for entry in manifest["entries"] if entry["type"] == "file"]
assert files and len(files) == manifest["files"]
sums = dict(reversed(line.rstrip("\n").split("  ", 1)) for line in open(documents + "/SHA256SUMS"))
for entry in files:
    data = open(os.path.join(version, entry["path"]), "rb").read()
    assert hashlib.sha256(data).hexdigest() == sums[entry["path"]] == entry["sha256"]
assert os.stat(documents + "/manifest.json").st_size == len(open(documents + "/manifest.json", "rb").read())
assert json.load(open(documents + "/changes.json"))["changes"] is None
assert json.load(open(sys.argv[1] + "/small/.vitrine/v1/changes.json"))["changes"] == []
' "$tmp/mnt"
vitrine umount "$tmp/mnt" >/dev/null

it "is for who may read the source and curate what it becomes a version of"
need_root
make_user reader
reader=$user
vitrine publish --quiet secret "$digits/1" 2>/dev/null
vitrine publish --quiet theirs "$digits/2" 2>/dev/null
vitrine grant "$reader" curate theirs >/dev/null
assert_status 3 as_user "$reader" "$VITRINE" curate secret --as theirs
assert_err "there is no 'secret"
assert_status 3 as_user "$reader" "$VITRINE" curate theirs --as secret
assert_status 3 as_user "$reader" "$VITRINE" curate theirs --as fresh
vitrine grant "$reader" read secret >/dev/null
assert_status 3 as_user "$reader" "$VITRINE" curate theirs --as secret
assert_ok as_user "$reader" "$VITRINE" curate secret --as theirs
assert_out "theirs@v2:"
assert_status 3 as_user "$reader" "$VITRINE" curate secret --as fresh
vitrine revoke "$reader" read secret >/dev/null
assert_status 3 as_user "$reader" "$VITRINE" curate secret --as theirs@more
