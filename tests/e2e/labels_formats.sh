#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Labels as other programs write them: COCO, Label Studio, WebDataset's sidecars.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"

mkdir -p "$tmp/src/images" "$tmp/src/wds/7.d"
for name in images/a.png images/b.png wds/7.jpg wds/7-a.jpg wds/7.d/7.jpg wds/8.jpg wds/8.mask.png wds/9; do
	echo "$name" >"$tmp/src/$name"
done
echo 5 >"$tmp/src/wds/7.cls"
echo '{"kind":"owl","boxes":[1,2],"seen":true}' >"$tmp/src/wds/8.json"
vitrine init >/dev/null
vitrine publish --quiet ds "$tmp/src"

# said DATASET:PATH: "KEY VALUE ANNOTATOR SOURCE" of each of a file's labels
said() {
	vitrine export-labels "$1" | python3 -c '
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    print(row["key"], row["value"], row["annotator"], row["source"])'
}

it "takes COCO's instances, with paths that begin elsewhere"
cat >"$tmp/coco.json" <<'END'
{"images":[{"id":7,"file_name":"old/a.png"},{"id":8,"file_name":"old/b.png"}],
 "categories":[{"id":2,"name":"cat"}],
 "annotations":[{"image_id":7,"category_id":2,"bbox":[12, 8, 90, 64]},
                {"image_id":8,"category_id":2}]}
END
assert_status 2 vitrine import-labels ds "$tmp/coco.json"
assert_err "coco.json:3: there is no file 'old/a.png'"
assert_ok vitrine import-labels ds "$tmp/coco.json" --strip old/ --prefix images/
assert_out "2 rows imported"
assert_equal "$(said ds:images/a.png)" "class cat coco import"
vitrine export-labels ds:images/a.png >"$tmp/out"
assert_equal "$(json_member 1 region)" '{"bbox": [12, 8, 90, 64]}'

it "takes COCO's results, whose images are named in another file"
echo '[{"image_id":8,"category_id":2,"score":0.5}]' >"$tmp/results"
assert_status 2 vitrine import-labels ds "$tmp/results"
assert_ok vitrine import-labels ds "$tmp/results" --format coco --images "$tmp/coco.json" --strip old/ --prefix images/ \
	--key found --source model --annotator yolo
assert_equal "$(said ds:images/b.png)" "class cat coco import
found cat yolo model"

it "takes Label Studio's export, with a model's words as the model's"
cat >"$tmp/studio.json" <<'END'
[{"id":1,"data":{"image":"images/a.png","other":"images/b.png"},
  "annotations":[{"result":[{"from_name":"pet","type":"choices","value":{"choices":["dog"]}}]}],
  "predictions":[{"result":[{"from_name":"pet","type":"choices","value":{"choices":["fox"]}}]}]}]
END
assert_ok vitrine import-labels ds "$tmp/studio.json"
assert_equal "$(said ds:images/a.png | grep ^pet | sort)" "pet dog $(id -un) human
pet fox label-studio model"
assert_ok vitrine import-labels ds "$tmp/studio.json" --path-member other
assert_equal "$(said ds:images/b.png | grep -c ^pet)" 2

it "takes sidecars for the other files of their sample, wherever these stand"
assert_ok vitrine import-labels ds --from-sidecars --annotator wds --json
assert_equal "$(json_member 1 rows) $(json_member 1 bad)" "5 0"
assert_err "1 members of sidecars are no labels, such as 'boxes'"
assert_equal "$(labels ds | grep ^wds/)" "wds/7.jpg class 5
wds/8.jpg kind owl
wds/8.jpg seen True
wds/8.mask.png kind owl
wds/8.mask.png seen True"
assert_ok vitrine import-labels ds --from-sidecars --key number --quiet
assert_equal "$(labels ds:wds/7.jpg | grep -c number)" 1

it "names sidecars that are bad, and imports nothing"
echo '{"kind":' >"$tmp/src/wds/9.json"
seq 20000 >"$tmp/src/wds/8.cls"
vitrine publish --quiet ds "$tmp/src"
assert_status 2 vitrine import-labels ds --from-sidecars
assert_err "'wds/9.json': "
assert_err "'wds/8.cls': it is longer than 65536 bytes"
assert_err "2 rows are bad, nothing was imported"
assert_ok vitrine import-labels ds --from-sidecars --on-error skip
assert_equal "$(vitrine show ds --json | sed 's/.*"version": *"\([^"]*\).*/\1/')" v2.1

it "guesses what a file is, and says so when it cannot"
row images/a.png x >"$tmp/rows"
assert_ok vitrine import-labels ds "$tmp/rows"
echo hello >"$tmp/unlike"
assert_status 2 vitrine import-labels ds "$tmp/unlike"
assert_err "does not look like"
assert_status 2 vitrine import-labels ds "$tmp/rows" --format xml
assert_err "--format is jsonl, csv, coco or label-studio"
assert_status 2 vitrine import-labels ds "$tmp/rows" --source somebody
assert_status 2 vitrine import-labels ds "$tmp/rows" --key 'no key'
assert_status 2 vitrine import-labels ds
assert_err "--from-sidecars"
