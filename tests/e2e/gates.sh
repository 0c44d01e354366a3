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

it "is not asked by a change of labels, which has no result of it"
assert_ok vitrine label rm pets:cat/2 class
vitrine show --json pets >"$tmp/out"
assert_status 1 json_member 1 checks

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
