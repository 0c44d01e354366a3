#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# croissant.json below .vitrine/V: what the specification asks for, true of the files, and always the same; and what
# README.md says of where a version is from.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"
need_fuse
check=$(dirname "$0")/../tools/croissant.py

digits=$tmp/digits
"$VT_TEST_DATA/digits.py" "$digits" >/dev/null
vitrine init >/dev/null
vitrine publish --quiet digits "$digits" --licence CC-BY-NC-4.0 2>/dev/null
vitrine import-labels --quiet digits --from-path '{class}/*.png' --annotator folders --on-error skip 2>/dev/null
vitrine curate --quiet digits --where 'class in (3, 7)' --split train=0.8,val=0.1,test=0.1 --by class --seed 3 \
	--as parts
mkdir "$tmp/mnt"
vitrine mount "$tmp/mnt" >/dev/null

document() { # document DATASET VERSION
	echo "$tmp/mnt/$1/.vitrine/$2/croissant.json"
}

member() { # member DATASET VERSION PYTHON-EXPRESSION OF d
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1], encoding="utf-8"))
print(eval(sys.argv[2]))' "$(document "$1" "$2")" "$3"
}

digest() { # digest DATASET@VERSION [MEMBER]
	vitrine show --json "$1" >"$tmp/out"
	json_member 1 "${2:-digest}"
}

it "is Croissant 1.1, and true, of a version without labels, with labels, and with splits"
assert_equal "$("$check" "$(document digits v1)")" "samples:0"
assert_equal "$("$check" "$(document digits v1.1)")" "samples:0 labels:0 values/class:10"
assert_equal "$("$check" "$(document parts v1)")" "splits:3 samples:0 labels:0 values/class:2"

it "has the size that stat tells, before and after it was read"
vitrine publish --quiet other "$digits/3" 2>/dev/null
size=$(stat -c %s "$(document other v1)")
assert_equal "$size" "$(wc -c <"$(document other v1)")"
assert_equal "$(tail -c 100 "$(document other v1)" | wc -c)" 100
assert_equal "$size" "$(stat -c %s "$(document other v1)")"

it "says what a version is, by digests, and what its licence permits"
assert_equal "$(member digits v1.1 'd["name"], d["version"], d["license"]')" \
	"('digits', '1.1.0', 'https://spdx.org/licenses/CC-BY-NC-4.0')"
assert_equal "$(member digits v1.1 'd["identifier"][0]["value"]')" "$(digest digits@v1.1)"
assert_equal "$(member digits v1.1 'd["identifier"][2]["value"]')" "$(digest digits@v1.1 label_digest)"
assert_equal "$(member digits v1 'len(d["identifier"])')" 2
assert_equal "$(member digits v1 'd["usageInfo"]["odrl:prohibition"]["odrl:action"]["@id"]')" cc:CommercialUse
assert_equal "$(member other v1 'd["license"]["name"], "usageInfo" in d')" "('not stated', False)"

it "says where a version is from"
assert_equal "$(member digits v1.1 'd["prov:wasRevisionOf"]["identifier"]["value"]')" "$(digest digits@v1)"
assert_equal "$(member digits v1 '[name for name in d if name.startswith("prov:")]')" "[]"
assert_equal "$(member parts v1 'd["prov:wasDerivedFrom"]["name"]')" digits@v1.1
assert_equal "$(member parts v1 'd["prov:wasDerivedFrom"]["identifier"][0]["value"]')" "$(digest digits@v1.1)"
assert_equal "$(member parts v1 '[(p["name"], p["value"]) for p in d["prov:wasGeneratedBy"]["additionalProperty"]]')" \
	"[('where', 'class in (3,7)'), ('split', 'train=0.8,val=0.1,test=0.1'), ('split_by', 'class'), ('seed', 3)]"
assert_equal "$(grep -e '^- Made of' -e '^- Digest of' "$tmp/mnt/parts/.vitrine/v1/README.md" | tr -d '\140')" \
	"- Made of: digits@v1.1 where class in (3,7); split train=0.8,val=0.1,test=0.1 by class, seed 3
- Digest of what it was made of: $(digest digits@v1.1)"
assert_equal "$(grep -e '^- Revision' "$tmp/mnt/digits/.vitrine/v1.1/README.md")" \
	"- Revision 1 of the labels of v1, whose files it has"

it "tells of the versions before, without what was said of them"
assert_equal "$(grep -A 2 '^## Versions before' "$tmp/mnt/digits/.vitrine/v1.1/README.md" |
	sed 's/ by .* on [^ ]*Z:/ by WHOM on DAY:/')" "## Versions before

- v1 by WHOM on DAY: $(find "$digits" -type f | wc -l) files, digest $(digest digits@v1)"

it "counts the files of each value, and lists no key with too many or too long ones"
python3 - "$digits" <<'P' >"$tmp/values.jsonl"
import json, os, sys
for i, name in enumerate(sorted(os.listdir(sys.argv[1] + "/3"))[:101]):
    path = "3/" + name
    def put(key, value, **more):
        print(json.dumps(dict(path=path, key=key, value=value, annotator="a", **more)))
    put("number", i)
    put("hundred", min(i, 99))
    put("mixed", ["1", 1, True, 'q"\\\u2028\u00e9\t'][i % 4], confidence=0.5)
    put("long", "x" * 257)
P
vitrine import-labels --quiet digits "$tmp/values.jsonl"
sleep 1.1 # for as long the kernel may have the folder as it was
assert_equal "$("$check" "$(document digits v1.2)")" \
	"samples:0 labels:0 values/class:10 values/hundred:100 values/mixed:3"
assert_equal "$(member digits v1.2 '[list(row.values()) for row in d["recordSet"][4]["data"]]')" \
	"$(python3 -c 'print([["true", 25], ["1", 51], ["q\"\\\u2028\u00e9\t", 25]])')"
assert_equal "$(member digits v1.2 '"labels/confidence" in [field["@id"] for field in d["recordSet"][1]["field"]]')" True

it "finds splits by their names, if there are several"
mkdir -p "$tmp/named/train/a" "$tmp/named/test" "$tmp/named/more"
for name in train/a/1 test/2 more/3 dev; do
	echo "$name" >"$tmp/named/$name"
done
vitrine publish --quiet named "$tmp/named"
assert_equal "$("$check" "$(document named v1)")" "splits:2 samples:0"
assert_equal "$(member named v1 '[list(row.values()) for row in d["recordSet"][0]["data"]]')" \
	"[['train', 'cr:TrainingSplit'], ['test', 'cr:TestSplit']]"
rm -r "$tmp/named/test"
vitrine publish --quiet named "$tmp/named"
sleep 1.1
assert_equal "$("$check" "$(document named v2)")" "samples:0"
vitrine curate --quiet digits --split a.b=0.5,train=0.5 --as own
assert_equal "$("$check" "$(document own v1)")" \
	"splits:2 samples:0 labels:0 values/class:10 values/hundred:100 values/mixed:3"

it "is JSON whatever people write"
python3 - "$VITRINE" "$tmp/named" <<'P' || fail "a publish"
import subprocess, sys
message = b'quo"te \\ back `tick` \x01\x1f\x7f line\nbreak \xe2\x80\xa8'
subprocess.run([sys.argv[1], "publish", "--quiet", "hostile", sys.argv[2], "-m", message,
                "--licence", b'http://no url "at all" \x02'], check=True)
P
"$check" "$(document hostile v1)" >/dev/null || fail "hostile texts"
assert_equal "$(member hostile v1 'd["description"].encode().split(b"\n", 2)[2].hex()')" \
	"$(printf 'quo"te \\ back \140tick\140 \001\037\177 line\nbreak \342\200\250' | od -An -v -tx1 | tr -d ' \n')"
assert_equal "$(member hostile v1 'd["license"]["name"] == d["usageInfo"]["name"]')" True

it "says the same when what it is from is gone, and after a restart"
echo more >"$tmp/named/more/4"
vitrine publish --quiet named "$tmp/named"
vitrine curate --quiet named@v2 --where 'path ~ "more/*"' --as from-named
for name in README.md croissant.json; do
	cat "$tmp/mnt/named/.vitrine/v3/$name" "$tmp/mnt/from-named/.vitrine/v1/$name" >"$tmp/$name"
done
for version in v1 v2; do
	grep -q "^- $version by .* files, digest $(digest "named@$version")\$" "$tmp/README.md" || fail "no $version"
	vitrine rm "named@$version" >/dev/null
done
vitrine gc --now >/dev/null
vitrine umount "$tmp/mnt" >/dev/null
vitrine stop --quiet
vitrine mount "$tmp/mnt" >/dev/null
for name in README.md croissant.json; do
	cat "$tmp/mnt/named/.vitrine/v3/$name" "$tmp/mnt/from-named/.vitrine/v1/$name" >"$tmp/again"
	assert_ok cmp "$tmp/$name" "$tmp/again"
done
