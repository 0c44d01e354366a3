#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `vitrine stats` of the sample: as text, as JSON, and as a page with images.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"

"${VT_TEST_DATA:?the folder of test data}/digits.py" "$tmp/digits"
echo "no image" >"$tmp/digits/README.md"
seq 100000 >"$tmp/digits/large.png"
cp "$tmp/digits/3/0003.png" "$tmp/digits/copy.PNG"
vitrine init >/dev/null
vitrine publish --quiet digits "$tmp/digits"
vitrine import-labels digits --from-path '{class}/*' --annotator folder --quiet
vitrine import-labels digits --from-path '{n}/0003.png' --quiet
{
	row 3/0003.png 3 ',"confidence":0.75'
	row 0/0000.png 9 ',"confidence":0.25'
} | vitrine import-labels digits - --format jsonl --quiet

# stat EXPRESSION: of the document in $tmp/out, d
stat() {
	python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
keys = {key["key"]: key for key in d["keys"]}
print(eval(sys.argv[2]))' "$tmp/out" "$1"
}

it "counts files, labels, values and agreement, as JSON"
assert_ok vitrine stats digits --json
assert_json files bytes labelled unlabelled labels sizes extensions keys duplicates leakage
assert_equal "$(stat 'd["files"], d["labelled"], d["unlabelled"], d["labels"]')" "(1800, 1797, 3, 1800)"
assert_equal "$(stat 'len(keys["class"]["values"]), keys["class"]["files"], keys["n"]["values"]')" \
	"(10, 1797, [{'value': '3', 'files': 1}])"
assert_equal "$(stat 'keys["class"]["agreement"]["files"], keys["class"]["agreement"]["raw"]')" "(2, 0.5)"
assert_equal "$(stat 'd["duplicates"]["groups"], d["leakage"]')" "(1, None)"
assert_ok vitrine stats digits@v1 --json
assert_equal "$(stat 'd["labels"], d["keys"]')" "(0, [])"

it "leaves nothing in the store, and says the same again"
vitrine stats digits --json >"$tmp/again"
assert_ok vitrine stats digits --json
cmp "$tmp/out" "$tmp/again" || fail "it differs"
assert_equal "$(ls -A "$VITRINE_STORE/tmp")" ""

it "shows them with bars, within the width of what it writes to"
assert_ok vitrine stats digits
assert_out "digits@v1.3"
assert_out "1,797"
assert_out "class"
python3 -c '
import sys
for line in open(sys.argv[1], encoding="utf-8"):
    assert len(line) <= 81, line' "$tmp/out" || fail "wider than 80 columns"

it "writes a page with images of every value, which only its maker may read"
assert_ok vitrine stats digits --html "$tmp/page.html"
assert_equal "$(cat "$tmp/out")" ""
assert_equal "$(command stat -c %a "$tmp/page.html")" 600
python3 -c '
import base64, os, re, sys
page, digits = open(sys.argv[1], encoding="utf-8").read(), sys.argv[2]
images = [base64.b64decode(x) for x in re.findall("data:image/png;base64,([^\"]*)\"", page)]
assert len(images) == 20, len(images)
captions = re.findall(r"<figcaption><b><bdi>([^<]*)</bdi></b> <bdi>([^<]*)</bdi>", page)
assert [label for label, _ in captions].count("7") == 2, captions
for image, (label, path) in zip(images, captions, strict=True):
    assert image == open(os.path.join(digits, path), "rb").read(), path
    assert path.split("/")[0] == label or path == "0/0000.png", (label, path)
' "$tmp/page.html" "$tmp/digits" 2>"$tmp/err" || fail "$(tail -n 3 "$tmp/err")"

it "takes images from anywhere where there are no labels, and writes page and JSON together"
assert_ok vitrine stats digits@v1 --html "$tmp/page.html" --json
assert_json files
assert_equal "$(grep -o 'data:image/png' "$tmp/page.html" | grep -c .)" 24
vitrine stats digits@v1 --html - | grep -q '</html>' || fail "no page"
grep -q 'large.png' "$tmp/page.html" && fail "an image that is too large"

it "refuses what is no version, and where it cannot write"
assert_status 4 vitrine stats digits@v9
assert_status 2 vitrine stats digits:3
assert_status 4 vitrine stats digits --html "$tmp/none/page.html"
assert_err "$tmp/none/page.html"
