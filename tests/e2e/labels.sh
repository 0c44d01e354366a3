#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Labels by command: taken in from files, written out, changed by hand, carried over by a publish; and the
# revisions that they are in.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"

mkdir -p "$tmp/src/train/cat" "$tmp/src/train/dog" "$tmp/src/test"
for i in 1 2 3; do
	seq "$i" 3000 >"$tmp/src/train/cat/$i.txt"
	seq "$i" 4000 >"$tmp/src/train/dog/$i.txt"
done
echo odd >"$tmp/src/test/odd"
vitrine init >/dev/null
vitrine publish --quiet ds "$tmp/src"

digest() { # digest DATASET@VERSION: of its labels
	vitrine show --json "$@" >"$tmp/out"
	json_member 1 label_digest
}

it "imports lines of JSON as a revision, whatever their order"
{
	row train/dog/2.txt dog
	row train/cat/1.txt cat ',"confidence":0.5'
	row train/cat/2.txt cat
	row train/cat/1.txt tiger ',"review":"rejected"'
} >"$tmp/a.jsonl"
assert_ok vitrine import-labels ds "$tmp/a.jsonl" --message "first labels"
assert_out "ds@v1.1: 4 rows imported, 4 labels of 3 files"
assert_equal "$(labels ds)" "train/cat/1.txt class cat
train/cat/1.txt class tiger
train/cat/2.txt class cat
train/dog/2.txt class dog"
assert_equal "$(labels ds@v1)" ""
assert_equal "$(labels ds@v1.1:train/cat/2.txt)" "train/cat/2.txt class cat"
assert_equal "$(labels ds@v1.1:test/odd)" ""
assert_status 4 vitrine export-labels ds:no/such/file

it "imports CSV, with columns of other names, on top of what is there"
printf 'file,class,sure\ntrain/dog/1.txt,dog,0.25\n"train/dog/3.txt",dog,\n' >"$tmp/b.csv"
assert_ok vitrine import-labels ds@v1 "$tmp/b.csv" --columns file=path,class=key:class,sure=confidence --annotator bea
assert_out "ds@v1.2: 2 rows imported, 6 labels of 5 files"
vitrine export-labels ds:train/dog/1.txt >"$tmp/out"
assert_equal "$(json_member 1 annotator) $(json_member 1 confidence)" "bea 0.25"

it "imports what paths say, and says nothing new twice"
assert_ok vitrine import-labels ds --from-path 'train/{kind}/*' --annotator rules --json
assert_json version labels
assert_equal "$(json_member 1 version) $(json_member 1 labels)" "v1.3 12"
assert_equal "$(labels ds:train/cat/3.txt)" "train/cat/3.txt kind cat"
vitrine export-labels ds >"$tmp/all"
assert_ok vitrine import-labels ds "$tmp/all" --format jsonl
assert_out "v1.3 has these labels already"
assert_equal "$(vitrine ls ds --json | grep -c '"version"')" 4

it "names every row that is wrong, with its line, and imports nothing"
{
	row train/cat/1.txt lion
	row no/such lion
	echo '{"path":"train/cat/2.txt"'
	row train/cat lion
	row train/cat/2.txt lion ',"confidence":2'
	row train/cat/3.txt lion
} >"$tmp/bad.jsonl"
assert_status 2 vitrine import-labels ds "$tmp/bad.jsonl"
for line in 3 5; do
	assert_err "bad.jsonl:$line: "
done
assert_err "bad.jsonl:2: there is no file 'no/such'"
assert_err "bad.jsonl:4: 'train/cat' is a directory"
assert_err "4 rows are bad, nothing was imported"
assert_equal "$(labels ds | grep -c lion)" 0
assert_equal "$(vitrine ls ds --json | grep -c '"version"')" 4

it "passes them over when it is told to"
assert_ok vitrine import-labels ds "$tmp/bad.jsonl" --on-error skip
assert_err "bad.jsonl:2: "
assert_equal "$(labels ds | grep lion)" "train/cat/1.txt class lion
train/cat/3.txt class lion"
assert_status 2 vitrine import-labels ds "$tmp/bad.jsonl" --on-error maybe
assert_status 4 vitrine import-labels ds "$tmp/none.jsonl"
assert_err "none.jsonl"

it "replaces the labels of the files that are named, and of no other"
row train/cat/1.txt lynx | vitrine import-labels ds - --format jsonl --replace --quiet
assert_equal "$(labels ds:train/cat/1.txt)" "train/cat/1.txt class lynx"
assert_equal "$(labels ds:train/cat/3.txt)" "train/cat/3.txt class lion
train/cat/3.txt kind cat"

it "writes out what takes in again to the same bytes and the same digest, in any store"
for format in jsonl csv; do
	vitrine export-labels ds --format "$format" >"$tmp/out.$format"
	vitrine --store "$tmp/other" init >/dev/null
	vitrine --store "$tmp/other" publish --quiet else "$tmp/src"
	assert_ok vitrine --store "$tmp/other" import-labels else "$tmp/out.$format"
	vitrine --store "$tmp/other" export-labels else --format "$format" >"$tmp/again.$format"
	cmp "$tmp/out.$format" "$tmp/again.$format" || fail "$format is not the same"
	assert_equal "$(vitrine --store "$tmp/other" show else --json | sed 's/.*"label_digest": *"\([0-9a-f]*\).*/\1/')" "$(digest ds)"
	vitrine --store "$tmp/other" stop --quiet
	rm -r "$tmp/other"
done

it "sets labels by hand, of one file and of many"
assert_ok vitrine label set ds:test/odd class=owl count:=3 seen:=true --annotator carl --message "by hand"
assert_equal "$(labels ds:test/odd)" "test/odd class owl
test/odd count 3
test/odd seen True"
printf 'train/dog/3.txt\ntrain/cat/3.txt\n' >"$tmp/list"
assert_ok vitrine label set ds --files-from "$tmp/list" checked=yes
assert_out "labels of 2 files changed"
assert_equal "$(labels ds | grep checked)" "train/cat/3.txt checked yes
train/dog/3.txt checked yes"
tr '\n' '\0' <"$tmp/list" | vitrine label rm ds --files-from - -0 checked --quiet
assert_equal "$(labels ds | grep -c checked)" 0
printf 'test/odd\nno/such\n' | assert_status 4 vitrine label set ds --files-from - checked=yes
assert_status 2 vitrine label set ds --files-from /dev/null checked=yes
assert_err "'/dev/null' names no files"
assert_equal "$(labels ds | grep -c checked)" 0
assert_status 2 vitrine label set ds checked=yes
assert_status 2 vitrine label set ds:test/odd checked
assert_status 4 vitrine label set ds:train/cat checked=yes
assert_status 2 vitrine label rm ds:test/odd class --source model
assert_status 2 vitrine label accept ds:test/odd class --confidence 1
assert_status 2 vitrine label show ds --files-from "$tmp/list"
assert_equal "$(labels ds:test/odd | grep -c .)" 3

it "shows them as a table and as lines of JSON"
assert_ok vitrine label show ds:test/odd
assert_out carl
assert_out owl
assert_ok vitrine label show ds:test/odd --json
assert_json path key value annotator review

it "judges the label in force, or what it is told to"
assert_ok vitrine label set ds:test/odd class=crow --annotator dora
assert_ok vitrine label accept ds:test/odd class
vitrine export-labels ds:test/odd | grep '"review":"accepted"' >"$tmp/out"
assert_equal "$(json_member 1 value)" crow
assert_ok vitrine label reject ds:test/odd class=owl
assert_ok vitrine label dispute ds:test/odd count --annotator carl
assert_equal "$(vitrine export-labels ds:test/odd | sed 's/.*"value":\([^,]*\).*"review":"\([a-z]*\)".*/\1 \2/')" '"owl" rejected
"crow" accepted
3 disputed
true submitted'
assert_status 4 vitrine label accept ds:test/odd nothing
assert_err "no such label"
assert_ok vitrine label rm ds:test/odd class --annotator dora
assert_equal "$(labels ds:test/odd | head -n 1)" "test/odd class owl"

it "changes what the newest revision says, whichever version of them is named"
assert_ok vitrine label set ds@v1:test/odd more=1
assert_equal "$(labels ds:test/odd | grep -c .)" 4
assert_status 1 vitrine label set ds@v1.1:test/odd more=2
assert_err "has been revised since"

it "tells of revisions what it tells of versions"
assert_ok vitrine log ds
assert_out "by hand"
assert_out "first labels"
newest=$(vitrine show ds --json | sed 's/.*"version": *"\([^"]*\).*/\1/')
case $newest in v1.*) ;; *) fail "latest is $newest" ;; esac
assert_ok vitrine show ds@v1.1 --json
assert_equal "$(json_member 1 number) $(json_member 1 revision) $(json_member 1 labels)" "1 1 4"
assert_equal "$(json_member 1 tree)" "$(vitrine show ds@v1 --json | sed 's/.*"tree": *"\([0-9a-f]*\).*/\1/')"

it "carries labels over to what stayed and to what was moved, and from what was changed away"
rm -rf "$tmp/src"
mkdir -p "$tmp/src/a" "$tmp/src/b/deep"
for name in stays moves edited moves_edited goes; do seq 200 | sed "s/^/$name /" >"$tmp/src/a/$name"; done
cp "$tmp/src/a/stays" "$tmp/src/a/twin"
vitrine publish --quiet more "$tmp/src"
vitrine import-labels more --from-path 'a/{name}' --quiet
cp "$tmp/src/a/stays" "$tmp/src/b/copy"
mv "$tmp/src/a/moves" "$tmp/src/b/deep/moved"
echo edited >>"$tmp/src/a/edited"
mv "$tmp/src/a/moves_edited" "$tmp/src/b/moves_edited"
echo edited >>"$tmp/src/b/moves_edited"
rm "$tmp/src/a/goes"
assert_ok vitrine publish more "$tmp/src" --json
assert_equal "$(json_member 1 version)" v2
assert_equal "$(labels more@v2)" "a/stays name stays
a/twin name twin
b/deep/moved name moves"
assert_equal "$(labels more@v1.1 | grep -c .)" 6

it "numbers a version after its revisions as if they were not there"
assert_ok vitrine label set more:b/copy name=copy
assert_out "more@v2.1"
echo new >"$tmp/src/new"
assert_ok vitrine publish more "$tmp/src" --json
assert_equal "$(json_member 1 version)" v3
assert_equal "$(labels more | grep -c .)" 4
assert_ok vitrine label set more@v1:a/stays name=late
assert_out "more@v1.2"
assert_equal "$(vitrine show more --json | sed 's/.*"version": *"\([^"]*\).*/\1/')" v3

it "names the revisions of a named version after it, past names that are taken"
vitrine publish --quiet named "$tmp/src" --as gold
vitrine publish --quiet named "$tmp/src" --as gold.1
vitrine label set named@gold:new k=v --quiet
assert_ok vitrine show named@gold.2
assert_status 4 vitrine show named@gold.3

it "removes revisions before what they revise"
assert_status 6 vitrine rm more@v2
assert_err "'v2.1'"
assert_ok vitrine rm more@v2.1
assert_ok vitrine rm more@v2
