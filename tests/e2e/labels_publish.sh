#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Labels published together with their files, in one step: from files, from paths, and never by halves.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"

mkdir -p "$tmp/src/train/cat" "$tmp/src/train/dog"
for i in 1 2; do
	seq "$i" 3000 >"$tmp/src/train/cat/$i.txt"
	seq "$i" 4000 >"$tmp/src/train/dog/$i.txt"
done
vitrine init >/dev/null
versions() {
	vitrine ls ds --json | sed 's/.*"version": *"\([^"]*\).*/\1/' | tr '\n' ' '
}

it "publishes files with the labels of several files and of their paths"
row train/dog/1.txt puppy >"$tmp/a.jsonl"
printf 'file,class,annotator\ntrain/cat/1.txt,kitten,bea\n' >"$tmp/b.csv"
assert_ok vitrine publish ds "$tmp/src" --labels "$tmp/a.jsonl" --labels "$tmp/b.csv" \
	--columns file=path,class=key:class --labels-from-path 'train/{kind}/*'
assert_out "ds@v1: 4 files"
assert_out "6 rows of labels"
assert_equal "$(labels ds@v1)" "train/cat/1.txt class kitten
train/cat/1.txt kind cat
train/cat/2.txt kind cat
train/dog/1.txt class puppy
train/dog/1.txt kind dog
train/dog/2.txt kind dog"
vitrine export-labels ds:train/cat/2.txt >"$tmp/out"
assert_equal "$(json_member 1 source)" rule

it "makes the labels that an import makes afterwards"
vitrine publish --quiet later "$tmp/src"
vitrine import-labels later "$tmp/a.jsonl" --quiet
vitrine publish --quiet now "$tmp/src" --labels "$tmp/a.jsonl"
assert_equal "$(vitrine show now --json | sed 's/.*"label_digest": *"\([0-9a-f]*\).*/\1/')" \
	"$(vitrine show later --json | sed 's/.*"label_digest": *"\([0-9a-f]*\).*/\1/')"

it "puts them upon those that are carried over, and makes a version for them alone"
row train/dog/2.txt wolf | assert_ok vitrine publish ds "$tmp/src" --labels - --json
assert_equal "$(json_member 1 version) $(json_member 1 same_as_parent) $(json_member 1 label_rows)" "v2 true 1"
assert_equal "$(labels ds@v2 | grep -c .)" 7
assert_equal "$(labels ds@v2:train/dog/2.txt)" "train/dog/2.txt class wolf
train/dog/2.txt kind dog"
assert_ok vitrine publish ds "$tmp/src"
assert_out "nothing published"

it "publishes nothing when a row is bad or names no file, and says which"
seq 9 >"$tmp/src/new"
{
	row new fine
	row train/cat/9.txt cat
	row train/cat cat
} >"$tmp/unknown.jsonl"
assert_status 2 vitrine publish ds "$tmp/src" --labels "$tmp/unknown.jsonl"
assert_err "unknown.jsonl:2: there is no file 'train/cat/9.txt'"
assert_err "unknown.jsonl:3: 'train/cat' is a directory"
assert_err "2 rows are bad, nothing was published"
{
	row new fine
	row new bad ',"confidence":2'
} >"$tmp/bad.jsonl"
assert_status 2 vitrine publish ds "$tmp/src" --labels "$tmp/bad.jsonl"
assert_err "bad.jsonl:2: "
assert_status 2 vitrine publish ds "$tmp/src" --labels "$tmp/bad.jsonl" --dry-run
assert_status 4 vitrine publish ds "$tmp/src" --labels "$tmp/none.jsonl"
assert_status 2 vitrine publish first "$tmp/src" --labels "$tmp/bad.jsonl"
assert_status 4 vitrine show first
assert_equal "$(versions)" "v1 v2 "
assert_equal "$(ls -A "$VITRINE_STORE/tmp")" ""

it "passes bad rows over when it is told to"
assert_ok vitrine publish ds "$tmp/src" --labels "$tmp/bad.jsonl" --labels "$tmp/unknown.jsonl" --on-error skip
assert_err "bad.jsonl:2: "
assert_err "unknown.jsonl:2: "
assert_out "bad ones were passed over"
assert_equal "$(labels ds:new)" "new class fine"
assert_equal "$(versions)" "v1 v2 v3 "

it "names whose labels they are that name nobody"
printf 'path,key,value\nnew,class,newer\n' >"$tmp/c.csv"
vitrine publish ds "$tmp/src" --labels "$tmp/c.csv" --annotator carl --quiet
assert_equal "$(vitrine export-labels ds:new | grep -c '"annotator":"carl"')" 1
vitrine publish ds "$tmp/src" --labels "$tmp/c.csv" --quiet
assert_equal "$(vitrine export-labels ds:new | grep -c "\"annotator\":\"$(id -un)\"")" 1

it "labels what comes out of an archive by the names that it has there"
tar -C "$tmp/src" -cf "$tmp/src.tar" train
assert_ok vitrine publish archive "$tmp/src.tar" --labels "$tmp/a.jsonl" --labels-from-path 'train/{kind}/*'
assert_equal "$(labels archive | grep -c .)" 5

it "refuses what does not go together"
assert_status 2 vitrine publish ds - --labels - </dev/null
assert_err "standard input"
assert_status 2 vitrine publish ds "$tmp/src" --labels-from-path 'train/*'
assert_err "--labels-from-path"
assert_status 2 vitrine publish ds "$tmp/src" --labels "$tmp/c.csv" --on-error maybe
assert_equal "$(versions)" "v1 v2 v3 v4 v5 "
