#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Quality gates: of a publish, of a curation and of a dataset; what they say of offenders, and what is kept of them.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/labels_lib.sh"

mkdir -p "$tmp/src/cat" "$tmp/src/dog"
for i in $(seq 30); do
	echo "cat $i" >"$tmp/src/cat/$i"
	echo "dog $i" >"$tmp/src/dog/$i"
done
vitrine init >/dev/null
vitrine publish --quiet pets "$tmp/src" 2>/dev/null
vitrine import-labels --quiet pets --from-path '{class}/*' --annotator folders
echo '{"unlabelled": 0, "keys": {"class": {"min_share": 0.3, "values": ["cat", "dog"]}}}' >"$tmp/gate"
echo '{"unlabelled": 0, "duplicates": 0, "keys": {"class": {"values": ["cat"]}}}' >"$tmp/cats"

checks() { # checks DATASET[@VERSION] CODE: what CODE says of the JSON that was kept
	vitrine show --json "$1" >"$tmp/out"
	json_member 1 checks | python3 -c "import json, sys; c = json.load(sys.stdin); print($2)"
}

it "publishes what passes, and keeps what was measured"
assert_ok vitrine curate pets --as good --gate "$tmp/gate"
assert_no_err
assert_out "good@v1: 60 files"
assert_equal "$(checks good 'c["passed"], len(c["gates"]), c["gates"][0]["of"]')" "True 1 request"
assert_equal "$(checks good 'c["gates"][0]["digest"]')" "$(sha256sum <"$tmp/gate" | cut -d' ' -f1)"
assert_equal "$(checks good '[(r["rule"], r.get("key"), r["measured"]) for r in c["gates"][0]["rules"] if r["rule"] == "min_share"]')" \
	"[('min_share', 'class', 0.5)]"
assert_ok vitrine show good
assert_out "passed, 3 rules"
assert_ok vitrine log good
assert_out "passed, 3 rules"

it "publishes nothing that does not, and names the files"
assert_status 1 vitrine curate pets --as bad --gate "$tmp/cats"
assert_err "request gate: class.values: measured 30, the gate says"
assert_err "    dog/1 dog"
assert_err "    and others"
assert_err "nothing is published: these rules do not hold: class.values"
assert_equal "$(grep -c '^    dog/' "$tmp/err")" 20
assert_status 4 vitrine show bad
assert_status 1 vitrine curate pets --as bad --gate "$tmp/cats" --json
assert_equal "$(grep -c '"offender"' "$tmp/out")" 30
assert_json gate rule key
assert_equal "$(json_member 1 measured)" 30
assert_status 1 vitrine curate pets --where 'class=cat or name="7"' --as bad --gate "$tmp/gate"
assert_err "class.min_share"
assert_err "    dog: "

it "judges a publish by what it carries over, too"
echo new >"$tmp/src/cat/new"
assert_status 1 vitrine publish pets "$tmp/src" --gate "$tmp/gate"
assert_err "request gate: unlabelled: measured 1, the gate says 0"
assert_err "    cat/new"
assert_equal "$(vitrine ls pets --json | grep -c '"version"')" 2
assert_ok vitrine verify
rm "$tmp/src/cat/new" "$tmp/src/cat/1"
assert_ok vitrine publish pets "$tmp/src" --gate "$tmp/gate"
assert_out "pets@v2"
assert_equal "$(checks pets 'c["passed"]')" True

it "is set for a dataset, and then asked of every publish and curation"
assert_ok vitrine gate set pets "$tmp/gate"
assert_ok vitrine gate show pets
cmp "$tmp/out" "$tmp/gate"
echo newer >"$tmp/src/cat/newer"
assert_status 1 vitrine publish pets "$tmp/src"
assert_err "dataset gate: unlabelled"
assert_status 1 vitrine curate pets --where 'class=cat' --as pets
assert_err "dataset gate: class.min_share"
assert_ok vitrine curate pets --where 'class=cat' --as elsewhere
assert_status 1 vitrine curate pets --as pets@both --gate "$tmp/cats"
assert_err "request gate: class.values"
assert_ok vitrine curate pets --as pets@both --gate "$tmp/gate"
assert_equal "$(checks pets@both '[g["of"] for g in c["gates"]]')" "['request', 'dataset']"
assert_ok vitrine gc --now
assert_ok vitrine gate show pets

it "keeps no result with a change of labels"
assert_ok vitrine label rm pets:cat/2 class
vitrine show --json pets >"$tmp/out"
assert_status 1 json_member 1 checks

cat >"$tmp/schema" <<'END'
{"unlabelled": 0, "other_keys": false,
 "keys": {"class": {"type": "text", "values": ["cat", "dog"], "required": true, "min_share": 0.3},
          "age": {"min": 0, "max": 30}}}
END
mkdir -p "$tmp/few"
for i in 1 2 3; do echo "few $i" >"$tmp/few/$i"; done
vitrine publish --quiet few "$tmp/few" 2>/dev/null
vitrine label set --quiet few:1 class=eel --annotator old
vitrine gate set --quiet few "$tmp/schema"

it "takes no label outside of the schema by import, and names each with its line"
{
	row 1 cat
	row 2 fish
	row 2 dog ',"confidence":0.5'
	row 3 rat ',"review":"rejected"'
	echo '{"path":"1","key":"age","value":31,"annotator":"ann"}'
	echo '{"path":"1","key":"colour","value":"red","annotator":"ann"}'
	echo '{"path":"1","key":"class","value":true,"annotator":"ann"}'
	row 9 cat
} >"$tmp/rows.jsonl"
assert_status 2 vitrine import-labels few "$tmp/rows.jsonl"
assert_err "rows.jsonl:2: '2': class is \"fish\", by the schema it must be one of \"cat\", \"dog\""
assert_err "rows.jsonl:5: '1': age is 31, by the schema it must be a number, at most 30"
assert_err "rows.jsonl:6: '1': the schema has no key 'colour', its keys are: class, age"
assert_err "rows.jsonl:7: '1': class is true, by the schema it must be of type text"
assert_err "rows.jsonl:8: there is no file '9'"
assert_err "5 rows are bad, 4 of them by the schema of 'few' ('vitrine gate show few'), nothing was imported"
assert_equal "$(grep -c 'rows.jsonl:' "$tmp/err")" 5
assert_equal "$(labels few)" "1 class eel"

it "passes over those alone when it is told to"
assert_ok vitrine import-labels few "$tmp/rows.jsonl" --on-error skip
assert_out "few@v1.2"
assert_equal "$(labels few)" "1 class cat
1 class eel
2 class dog
3 class rat"

it "keeps the labels of a file for which nothing better came"
row 2 fish >"$tmp/fish.jsonl"
assert_ok vitrine import-labels few "$tmp/fish.jsonl" --on-error skip --replace
assert_equal "$(labels few:2)" "2 class dog"

it "takes none by hand, of one file or many"
assert_status 2 vitrine label set few:2 class=fish
assert_err "'2': class is \"fish\", by the schema"
assert_err "1 labels are not allowed by the schema of 'few' ('vitrine gate show few'), nothing was changed"
printf '2\n3\n' >"$tmp/list"
assert_status 2 vitrine label set few class=dog age:=-1 --files-from "$tmp/list"
assert_err "'3': age is -1, by the schema it must be a number, at least 0"
assert_err "2 labels are not allowed"
assert_status 2 vitrine label accept few:3 class=rat
assert_equal "$(vitrine show few --json >"$tmp/out"; json_member 1 version)" v1.2
assert_ok vitrine label set few class=dog age:=1 --files-from "$tmp/list"

it "takes none with a publish"
assert_status 2 vitrine publish few "$tmp/few" --labels "$tmp/fish.jsonl"
assert_err "fish.jsonl:1: '2': class is \"fish\", by the schema"
assert_err "1 of them by the schema of 'few' ('vitrine gate show few'), nothing was published"
assert_status 4 vitrine show few@v2
assert_ok vitrine verify

it "lets what was there before be left alone, rejected and taken away, but not accepted"
assert_status 2 vitrine label accept few:1 class=eel
assert_ok vitrine label set few:1 age:=2
assert_equal "$(labels few:1)" "1 age 2
1 class cat
1 class eel"
assert_ok vitrine label reject few:1 class=eel
assert_ok vitrine label rm few:1 class=eel

it "leaves the rules about a whole version to publish, curate and 'gate check'"
assert_ok vitrine label set few:3 class=cat --annotator other
assert_ok vitrine gate check few
assert_out "few@v1.7: passed, 8 rules"
assert_ok vitrine label rm few:2 class
assert_ok vitrine label rm few:2 age
assert_status 1 vitrine gate check few
assert_err "dataset gate: unlabelled: measured 1, the gate says 0"
assert_err "    2"
assert_err "'few@v1.9': these rules do not hold: unlabelled, class.required"
assert_status 1 vitrine gate check few@v1.1 "$tmp/cats"
assert_err "'few@v1.1': these rules do not hold: unlabelled, class.values, unlabelled, class.values, class.required"
assert_ok vitrine gate check few@v1.7 --json
assert_json dataset version checks
assert_status 1 vitrine publish few "$tmp/few" --as whole
assert_err "nothing is published: these rules do not hold: unlabelled"
assert_status 4 vitrine gate check good
assert_err "'good' has no quality gate"
assert_status 2 vitrine gate check few:2

it "goes when it is taken away"
assert_ok vitrine gate rm pets
assert_ok vitrine publish --quiet pets "$tmp/src"
assert_status 4 vitrine gate show pets
assert_err "'pets' has no quality gate"
assert_status 4 vitrine gate rm pets

it "refuses what is no gate"
echo '{"keys": {"class": {"min_shares": 1}}}' >"$tmp/wrong"
assert_status 2 vitrine gate set pets "$tmp/wrong"
assert_err "keys.class.min_shares: there is no such rule"
assert_status 2 vitrine curate pets --as bad --gate "$tmp/wrong"
assert_err "min_shares"
assert_status 4 vitrine curate pets --as bad --gate "$tmp/no-such-file"
head -c 70000 /dev/zero | tr '\0' ' ' >"$tmp/wrong"
assert_status 2 vitrine gate set pets "$tmp/wrong"
assert_err "65536 bytes"
assert_status 2 vitrine gate set pets
assert_status 2 vitrine gate set pets@v1 "$tmp/gate"
assert_status 2 vitrine publish pets "$tmp/src" --dry-run --gate "$tmp/gate"

it "is set by who administers the dataset, and shown to who may see it"
need_root
make_user curator
vitrine grant "$user" curate pets >/dev/null
assert_ok vitrine gate set pets "$tmp/gate"
cp "$tmp/gate" "$tmp/cats" "$tmp/program/"
chmod 0644 "$tmp/program/cats" "$tmp/program/gate"
assert_status 3 as_user "$user" "$VITRINE" gate set pets "$tmp/program/cats"
assert_status 3 as_user "$user" "$VITRINE" gate rm pets
assert_status 3 as_user "$user" "$VITRINE" gate show good
vitrine grant "$user" browse pets >/dev/null
assert_ok as_user "$user" "$VITRINE" gate show pets

it "holds for a curator, who learns what is allowed, and not for who may not read to check"
vitrine grant "$user" curate few >/dev/null
cp "$tmp/rows.jsonl" "$tmp/program/rows.jsonl"
chmod 0644 "$tmp/program/rows.jsonl"
before=$(labels few)
assert_status 2 as_user "$user" "$VITRINE" import-labels few "$tmp/program/rows.jsonl"
assert_err "rows.jsonl:2: '2': class is \"fish\", by the schema it must be one of \"cat\", \"dog\""
assert_equal "$(labels few)" "$before"
assert_status 3 as_user "$user" "$VITRINE" gate check few
assert_ok as_user "$user" "$VITRINE" import-labels few "$tmp/program/rows.jsonl" --on-error skip
assert_status 2 vitrine label set few:1 class=bird
vitrine grant "$user" read few >/dev/null
assert_status 2 as_user "$user" "$VITRINE" label set few:1 class=bird
assert_ok as_user "$user" "$VITRINE" label set few:1 class=dog
assert_ok as_user "$user" "$VITRINE" gate check few --json
