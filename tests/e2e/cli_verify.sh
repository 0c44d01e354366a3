#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# verify: finds a sound store sound, and names what was damaged.
. "$(dirname "$0")/lib.sh"
mkdir "$tmp/source"
seq 1 200000 >"$tmp/source/numbers.csv"
vitrine init --quiet
vitrine publish --quiet numbers "$tmp/source"
shard=$(find "$VITRINE_STORE/shards" -type f)

# Flips a byte: damage FILE OFFSET
damage() {
	chmod u+w "$1"
	python3 -c '
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1]))' "$1" "$2"
}

it "finds a sound store sound"
assert_ok vitrine verify --progress=none
assert_out "all sound"
assert_ok vitrine verify --quick --json
assert_json summary
assert_out '"damaged":0'

it "goes on without an end of the index that nobody was told of, and names where it is"
kill -9 "$(pids_of server)"
printf '\1\2\3\4\6\0\1never!' >>"$(find "$VITRINE_STORE/index" -name 'MANIFEST-*')"
assert_ok vitrine verify
torn=$(find "$VITRINE_STORE/index" -name 'torn-MANIFEST-*')
assert_ok vitrine status
assert_out "cut off   $torn, 13 bytes"
vitrine stop --quiet
assert_ok vitrine ls # whoever opens it later says so, too
assert_ok vitrine status --json
assert_json torn
assert_out "\"path\":\"$torn\""
vitrine doctor --json >"$tmp/out" || true # the machine may lack something
assert_out '"check":"index","verdict":"WARN"'
assert_out "$torn"
rm "$torn"
assert_ok vitrine status
! grep -q "cut off" "$tmp/out" || fail "$(cat "$tmp/out")"

it "names a damaged frame, and exits with 5"
middle=$(($(stat -c %s "$shard") / 2))
damage "$shard" "$middle"
assert_status 5 vitrine verify
assert_out "$shard"
assert_err "1 finding"
assert_status 5 vitrine verify --json
assert_json
assert_out '"problem"'

it "reading what is damaged is status 5 too, and gives no wrong byte"
status=0
vitrine cat numbers:numbers.csv >"$tmp/bytes" 2>"$tmp/err" || status=$?
assert_equal "$status" 5
head -c "$(stat -c %s "$tmp/bytes")" "$tmp/source/numbers.csv" | cmp - "$tmp/bytes"

it "is well again when the damage is undone"
damage "$shard" "$middle"
assert_ok vitrine verify

it "names a shard that is cut short, and one that is gone"
cp -p "$shard" "$tmp/kept"
truncate -s -10 "$shard"
assert_status 5 vitrine verify
assert_out "$shard"
rm -f "$shard"
assert_status 5 vitrine verify --quick
assert_out "$shard"
