#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The audit log on the command line: shown, checked, and asked who read what.
. "$(dirname "$0")/lib.sh"
: "${MAKE_AUDIT:?the program that writes a log}"
log=$VITRINE_STORE/audit

vitrine init --quiet
mkdir "$tmp/birds" "$tmp/birds/train"
echo one >"$tmp/birds/train/a.txt"
echo two >"$tmp/birds/train/b.txt"
vitrine publish --quiet birds "$tmp/birds"
vitrine stop --quiet
rm -r "$log" "$VITRINE_STORE"/keys/audit-*
mkdir "$log"

it "says so where there is no log"
assert_status 4 vitrine audit list
assert_err "no audit log"
assert_status 4 vitrine audit verify

it "shows what a log holds"
"$MAKE_AUDIT" "$log" "$VITRINE_STORE/keys" 1 v1
assert_ok vitrine audit list
assert_out "lease.acquire"
assert_out "birds@v1"
assert_ok vitrine audit list --kind=lease --json
assert_equal "$(wc -l <"$tmp/out")" 3
assert_ok vitrine audit list --user=bob -n 1
assert_out "deny"
assert_equal "$(wc -l <"$tmp/out")" 2

it "exports the lines as they stand in the log"
assert_ok vitrine audit export
cat "$log"/*.log | cmp - "$tmp/out" || fail "they differ"

it "finds a sound log sound, alone and from its own head"
assert_ok vitrine audit verify
assert_out "all sound"
vitrine audit head >"$tmp/head"
assert_ok vitrine audit verify --head="$tmp/head"
assert_ok vitrine audit verify --json
key=$(sed -n 's/.*"key": *"\([^"]*\)".*/\1/p' "$tmp/out")
assert_ok vitrine audit verify --key="$key"
assert_status 5 vitrine audit verify --key="x$key"
assert_status 2 vitrine audit verify --head=/etc/hostname

it "answers who read a dataset, a version, a file, a folder"
assert_ok vitrine audit who-read birds
assert_out "lease 7"
assert_out "rule 7"
assert_out "rule 12"
assert_ok vitrine audit who-read birds@latest --json
assert_equal "$(wc -l <"$tmp/out")" 3
assert_ok vitrine audit who-read birds:train/b.txt
assert_out "alice"
if grep -q bob "$tmp/out"; then fail "bob opened train/a.txt only"; fi
assert_ok vitrine audit who-read birds@v1:train/a.txt
assert_out "bob"
assert_ok vitrine audit who-read birds:train
assert_out "bob"
assert_ok vitrine audit who-read birds@v9
assert_out "nobody"

it "works on a copy, without the store"
cp -r "$log" "$tmp/copy"
assert_ok vitrine audit verify --dir="$tmp/copy" --store="$tmp/nothing"
assert_ok vitrine audit who-read birds --dir="$tmp/copy" --store="$tmp/nothing"
assert_out "alice"

it "finds a record that was edited, and names it"
sed -i 's/"user":"bob"/"user":"eve"/' "$tmp/copy"/*.log
assert_status 5 vitrine audit verify --dir="$tmp/copy"
assert_out "are not those that were signed"
assert_err "from record"

it "finds a log that was put back to an older copy, by a head noted down meanwhile"
rm -r "$tmp/copy"
cp -r "$log" "$tmp/copy"
"$MAKE_AUDIT" "$log" "$VITRINE_STORE/keys" 1 v1 || fail "no second run"
vitrine audit head >"$tmp/head"
assert_status 5 vitrine audit verify --head="$tmp/head" --dir="$tmp/copy"
assert_out "the end is missing"

it "is the owner's alone"
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	assert_status 3 setpriv --reuid=65534 --clear-groups "$VITRINE" audit list
fi

it "records who published, whatever the message"
VITRINE_STORE=$tmp/published
mkdir "$tmp/src"
echo "the bytes" >"$tmp/src/file"
assert_ok vitrine init
# 1,022 bytes and a character of which two would fit into 1,024; then one whose escapes are too long for a line
long=$(printf '%01022d' 0)
assert_ok vitrine publish birds "$tmp/src" -m "$long€"
echo "other bytes" >"$tmp/src/file"
assert_ok vitrine publish birds "$tmp/src" -m "$(printf '%01024d' 0 | tr 0 '\001')"
assert_ok vitrine audit list --kind publish --json
assert_equal "$(json_member 1 object) $(json_member 1 text)" "birds@v1 $long"
assert_equal "$(json_member 2 object)" "birds@v2"
assert_ok vitrine audit verify
vitrine stop --quiet
