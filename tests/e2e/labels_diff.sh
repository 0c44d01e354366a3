#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What diff, log and show tell of labels.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"

mkdir -p "$tmp/src/a"
for name in one two three four; do echo "$name" >"$tmp/src/a/$name"; done
vitrine init >/dev/null
vitrine publish --quiet ds "$tmp/src"
{
	row a/one cat
	row a/two cat
	row a/three cat
} | vitrine import-labels ds - --format jsonl --quiet

it "shows which label is in force now, what was before, and who made it"
vitrine label set ds:a/one class=dog --annotator bob --quiet
vitrine label set ds:a/one n:=3 seen:=true --annotator eve --quiet
vitrine label accept ds:a/two class --quiet
vitrine label rm ds:a/three class --quiet
vitrine label set ds:a/four class='no cat' --annotator bob --source model --quiet
assert_ok vitrine diff ds@v1.1 ds
assert_equal "$(cat "$tmp/out")" "L  a/four: class (none) -> no cat (bob)
L  a/one: class cat -> dog (bob)
L  a/one: n (none) -> 3 (eve)
L  a/one: seen (none) -> true (eve)
L  a/three: class cat -> (none)
L  a/two: class cat -> cat (ann, accepted)
0 added, 0 removed, 0 changed, 0 in metadata only (+0 B, -0 B), 6 labels"

it "says nothing of labels that are not in force"
vitrine label set ds:a/two class=fox --annotator carl --review draft --quiet
assert_ok vitrine diff ds
assert_equal "$(cat "$tmp/out")" "0 added, 0 removed, 0 changed, 0 in metadata only (+0 B, -0 B)"

it "puts labels behind files, as JSON too, and leaves them out when told to"
echo five >"$tmp/src/a/five"
row a/five cat ',"source":"model"' | vitrine publish --quiet ds "$tmp/src" --labels - --format jsonl
assert_ok vitrine diff ds@v1 ds@v2 --json
assert_equal "$(grep -c '"change":"L"' "$tmp/out")" 6
sed -n '3p' "$tmp/out" >"$tmp/row"
assert_equal "$(cat "$tmp/row")" '{"change":"L","path":"a/five","key":"class","after":"cat","by":"ann","source":"model","review":"submitted"}'
assert_equal "$(tail -n 1 "$tmp/out" | grep -o '"labels":[0-9]*')" '"labels":6'
assert_ok vitrine diff ds@v1 ds@v2 --no-labels
assert_equal "$(grep -c '^L\|labels' "$tmp/out")" 0
assert_ok vitrine diff ds@v1 ds@v2 --summary
assert_out "6 labels"
assert_equal "$(grep -c . "$tmp/out")" 1

it "tells of labels and of what a revision revises"
assert_ok vitrine show ds@v1.2
assert_equal "$(grep -E '^(revises|labels|labelled) ' "$tmp/out" | tr -s ' ')" "revises v1
labels 4
labelled 3"
assert_out "of labels"
assert_ok vitrine show ds@v1.3 --json
assert_equal "$(json_member 1 revises) $(json_member 1 parent)" "v1 v1.2"
assert_ok vitrine show ds@v1 --json
assert_equal "$(grep -c revises "$tmp/out")" 0
assert_ok vitrine log ds -n 1
assert_equal "$(grep -E '^(revises|labels|labelled) ' "$tmp/out" | tr -s ' ')" "labels 8
labelled 4"
