#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Questions about labels by command: which files an expression means, and what there is in a version.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"

newline=$(printf 'two\nlines')
bytes=$(printf 'latin-\351')
mkdir -p "$tmp/src/train/cat" "$tmp/src/train/dog" "$tmp/src/test"
for i in 1 2 3; do
	seq "$i" 3000 >"$tmp/src/train/cat/$i.txt"
	seq "$i" 40 >"$tmp/src/train/dog/$i.txt"
done
echo odd >"$tmp/src/test/$newline"
echo more >"$tmp/src/test/$bytes"
vitrine init >/dev/null
vitrine publish --quiet ds "$tmp/src"
{
	row train/dog/2.txt dog
	row train/cat/1.txt cat ',"confidence":0.5'
	row train/cat/2.txt cat ',"confidence":0.95'
	row train/cat/1.txt tiger ',"review":"rejected"'
} | vitrine import-labels ds - --format jsonl --quiet

it "prints the paths that an expression means, in the order of the tree"
assert_ok vitrine select ds 'class=cat or class=dog'
assert_equal "$(cat "$tmp/out")" "train/cat/1.txt
train/cat/2.txt
train/dog/2.txt"
assert_ok vitrine select ds 'class = "cat" and class.confidence >= 0.9'
assert_equal "$(cat "$tmp/out")" train/cat/2.txt
assert_ok vitrine select ds@v1 'unlabelled and size<1K'
assert_equal "$(grep -c dog "$tmp/out")" 3
assert_ok vitrine select ds 'class=lion'
assert_equal "$(cat "$tmp/out")" ""

it "counts them, and ends paths with a NUL where names have newlines"
assert_ok vitrine select ds --count 'not has(class)'
assert_equal "$(cat "$tmp/out")" 5
assert_ok vitrine select ds -0 'path~"test/**"'
assert_equal "$(tr '\0\n' '\n_' <"$tmp/out")" "test/$bytes
test/two_lines"
vitrine select ds -0 'path~"test/**"' | vitrine label set ds --files-from - -0 seen:=true --quiet
assert_equal "$(vitrine select ds --count seen=true)" 2

it "writes lines of JSON, in which every byte of a name can be had"
assert_ok vitrine select ds --json 'path~"test/**"'
assert_json path
assert_equal "$(json_member 1 path_hex)" "$(printf 'test/%s' "$bytes" | od -An -tx1 | tr -d ' \n')"
assert_equal "$(sed -n 2p "$tmp/out")" '{"path":"test/two\nlines"}'
assert_ok vitrine select ds@v1.1 --json --count '( class="cat" )'
assert_equal "$(json_member 1 version) $(json_member 1 where) $(json_member 1 files)" "v1.1 class=cat 2"

it "sends as many paths as there are"
mkdir "$tmp/wide"
seq -f "$tmp/wide/a-name-that-is-so-long-that-some-of-them-make-a-blob-%06g" 30000 | xargs touch
vitrine publish --quiet wide "$tmp/wide"
vitrine select wide 'size=0' >"$tmp/out"
find "$tmp/wide" -type f -printf "%f\n" | LC_ALL=C sort | cmp - "$tmp/out" || fail "not the files that there are"

it "says where an expression is wrong, on a terminal with a caret below it"
assert_status 2 vitrine select ds 'class==cat'
assert_err "vitrine: column 6: write =, not =="
assert_equal "$(grep -c . "$tmp/err")" 1
assert_status 2 vitrine select ds "$bytes"
assert_err "UTF-8"
in_terminal() { # what a command writes to a terminal
	python3 -c '
import pty, sys
pty.spawn(sys.argv[1:])' "$@" | tr -d '\r'
}
assert_equal "$(in_terminal "$VITRINE" select ds 'class="é" and x==1' | head -n 2)" 'class="é" and x==1
               ^'
many=$(printf 'x=1 or %.0s' $(seq 20))
assert_equal "$(in_terminal "$VITRINE" select ds "$many y==1" | head -n 2 | cut -c61-)" "==1
^"

it "needs a version that is there, and two arguments"
assert_status 4 vitrine select ds@v9 'class=cat'
assert_status 4 vitrine select none 'class=cat'
assert_status 2 vitrine select ds
assert_status 2 vitrine select ds:train 'class=cat'
