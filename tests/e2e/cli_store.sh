#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every command against a store, without a mount: what it prints for people and for programs, what it
# says when it fails, and the exit status.
. "$(dirname "$0")/lib.sh"

source=$tmp/birds
mkdir -p "$source/train/owls" "$source/test"
printf 'hoot' >"$source/train/owls/0001.txt"
seq 1 20000 >"$source/numbers.csv"
ln -s train/owls/0001.txt "$source/first"
bad_name=$(printf 'caf\351')
printf 'bytes' >"$source/$bad_name"

find "$source" -type d -exec touch -d 2026-01-01 {} +

it "a store that is not there is status 4, and the message names it"
assert_status 4 vitrine ls
assert_err "$VITRINE_STORE"

it "init makes a store once"
assert_ok vitrine init
assert_out "$VITRINE_STORE"
assert_status 1 vitrine init
assert_err "$VITRINE_STORE"
assert_ok vitrine init --json "$tmp/other"
assert_json store uuid format

it "an empty store says what to do next"
assert_ok vitrine ls
assert_out "publish"
assert_ok vitrine ls --json
[ ! -s "$tmp/out" ] || fail "a row of nothing"

it "publish tells what it made"
assert_ok vitrine publish --json birds "$source" -m "first light" --licence CC0-1.0
assert_json dataset version digest tree files bytes new_bytes stored_bytes index_bytes
assert_equal "$(json_member 1 version)" v1
assert_equal "$(json_member 1 files)" 3
tree=$(json_member 1 tree)

it "publishing the same again publishes nothing"
assert_ok vitrine publish birds "$source"
assert_out "nothing changed"
assert_ok vitrine ls birds --json
assert_equal "$(wc -l <"$tmp/out")" 1

it "a dry run publishes nothing"
printf 'who' >"$source/train/owls/0002.txt"
assert_ok vitrine publish --dry-run birds "$source"
assert_out "Would publish"
assert_ok vitrine ls birds --json
assert_equal "$(wc -l <"$tmp/out")" 1

it "a second version has what the first lacked"
rm "$source/numbers.csv"
printf 'HOOT' >"$source/train/owls/0001.txt"
find "$source" -type d -exec touch -d 2026-01-01 {} + # as before: only files differ
assert_ok vitrine publish birds "$source" -m "second" --json
assert_equal "$(json_member 1 version)" v2
assert_equal "$(json_member 1 added)$(json_member 1 removed)$(json_member 1 changed)" 111

it "a source that is not there is status 4"
assert_status 4 vitrine publish birds "$tmp/no-such-source"
assert_err "$tmp/no-such-source"

it "a name that is no name is status 2 and quotes the rule"
assert_status 2 vitrine publish .birds "$source"
assert_err ".birds"
assert_status 2 vitrine tag birds@v1 v9
assert_err "v9"

it "ls goes from datasets to versions to files"
assert_ok vitrine ls
assert_out "birds"
assert_ok vitrine ls --json
assert_json dataset versions latest bytes files created
assert_ok vitrine ls birds
assert_out "v1"
assert_out "v2"
assert_ok vitrine ls birds --json
assert_json dataset version state digest tree files bytes author created
assert_equal "$(json_member 1 tree)" "$tree"
assert_ok vitrine ls birds@v1:
assert_out "train/"
assert_out "first -> train/owls/0001.txt"
assert_ok vitrine ls birds@v1:train/owls
assert_out "-rw"
assert_out "0001.txt"

it "ls --recursive gives paths, and names that are not UTF-8 survive JSON"
assert_ok vitrine ls -r --json birds@v1
assert_json path type mode size mtime
assert_out '"path":"train/owls/0001.txt"'
assert_out '"path_hex":"636166e9"'
assert_ok vitrine ls birds@v1:
assert_out "$bad_name"

it "what does not exist is status 4 and is named"
for target in nothing nothing@v1 birds@nothing birds@v1:nothing; do
	assert_status 4 vitrine ls -r "$target"
	assert_err "'nothing'"
done
assert_status 4 vitrine show birds@v9
assert_err "v9"
assert_status 4 vitrine cat birds@v1:no/such/file
assert_err "no/such/file"
assert_status 4 vitrine untag birds@nothing
assert_err "nothing"

it "show and log tell what was recorded"
assert_ok vitrine show birds@v1
assert_out "first light"
assert_out "CC0-1.0"
assert_ok vitrine show --json birds
assert_json dataset version digest tree parent
assert_equal "$(json_member 1 parent)" v1
assert_ok vitrine log birds
assert_out "birds@v2 (latest)"
assert_equal "$(sed -n 1p "$tmp/out")" "birds@v2 (latest)"
assert_ok vitrine log -n 1 --json birds
assert_json version message
assert_equal "$(wc -l <"$tmp/out")" 1

it "cat writes exact bytes, of several files and of names that are not UTF-8"
assert_ok vitrine cat birds@v1:train/owls/0001.txt "birds@v1:$bad_name"
assert_equal "$(cat "$tmp/out")" hootbytes
seq 1 20000 >"$tmp/expected"
vitrine cat birds@v1:numbers.csv | cmp - "$tmp/expected"

it "cat refuses what holds no bytes of its own"
status=0
vitrine cat birds@v1:train >"$tmp/out" 2>"$tmp/err" || status=$?
[ "$status" -ne 0 ] || fail "a folder was printed"
assert_err "train"
status=0
vitrine cat birds@v1:first >"$tmp/out" 2>"$tmp/err" || status=$?
[ "$status" -ne 0 ] || fail "a symbolic link was followed"
assert_err "first"

it "diff names each change once, and its summary counts them"
assert_ok vitrine diff birds
assert_equal "$(sed '$d' "$tmp/out")" "R  numbers.csv
C  train/owls/0001.txt
A  train/owls/0002.txt"
assert_ok vitrine diff birds@v1 @v2 --json
assert_equal "$(wc -l <"$tmp/out")" 4
assert_out '"summary"'
assert_ok vitrine diff birds@v2 birds@v1 --summary
assert_out "1 added, 1 removed, 1 changed"
assert_status 4 vitrine diff birds@v1
assert_err "no earlier version"

it "tags name versions, move, and go"
assert_ok vitrine tag birds@v1 gold
assert_out "birds@gold is v1"
assert_ok vitrine tag --json birds gold
assert_equal "$(json_member 1 version)" v2
assert_ok vitrine show birds@gold --json
assert_equal "$(json_member 1 version)" v2
assert_ok vitrine untag birds@gold
assert_status 4 vitrine show birds@gold

it "rollback moves latest and removes nothing"
assert_ok vitrine rollback birds@v1
assert_out "birds@latest is v1"
assert_ok vitrine show birds --json
assert_equal "$(json_member 1 version)" v1
assert_ok vitrine show birds@v2 --json
assert_ok vitrine rollback birds@v2 --json
assert_json version latest

it "status and doctor speak of the server"
assert_ok vitrine status
assert_out "server"
assert_ok vitrine status --json
assert_json running pid mounts store
vitrine doctor --json >"$tmp/out" || true # the machine may lack something
assert_json check verdict text
assert_out '"check":"store","verdict":"OK"'

it "completion asks the store for datasets, versions and paths"
assert_ok vitrine complete -- ls bi
assert_equal "$(cat "$tmp/out")" birds
assert_ok vitrine complete -- ls birds@
assert_equal "$(cat "$tmp/out")" "birds@v1
birds@v2"
assert_ok vitrine complete -- cat birds@v1:train/
assert_equal "$(cat "$tmp/out")" birds@v1:train/owls/

it "withdraw needs a reason, ends reading and is remembered"
assert_ok vitrine withdraw birds@v1 --reason "a donor's wish"
assert_out "birds@v1"
status=0
vitrine cat birds@v1:numbers.csv >"$tmp/out" 2>"$tmp/err" || status=$?
[ "$status" -ne 0 ] || fail "a withdrawn version was read"
[ ! -s "$tmp/out" ] || fail "bytes of a withdrawn version"
assert_err "withdrawn"
assert_ok vitrine log birds
assert_out "a donor's wish"

it "rm says first, then does, and refuses what a tag names"
assert_ok vitrine rm --dry-run birds@v1
assert_out "Would remove 1"
assert_ok vitrine show birds@v1
assert_ok vitrine tag birds@v2 gold
assert_status 6 vitrine rm birds@v2
assert_err "gold"
assert_ok vitrine rm birds@v1
assert_status 4 vitrine show birds@v1
assert_ok vitrine rm --all birds --json
assert_json versions bytes
assert_status 4 vitrine show birds

it "gc frees what was removed, when told to at once"
assert_ok vitrine gc --dry-run --now
assert_out "Would free"
assert_ok vitrine gc --now --json
assert_json pages chunks shards shard_bytes

it "gc gives the room on the disk back, of what a server has read too"
mkdir "$tmp/dropped"
head -c 1000000 /dev/urandom >"$tmp/dropped/file"
assert_ok vitrine publish dropped "$tmp/dropped"
vitrine cat dropped@v1:file | cmp - "$tmp/dropped/file"
assert_ok vitrine rm dropped@v1
assert_ok vitrine gc --now
open=$(find "/proc/$(pids_of server)/fd" -lname '*.vsh (deleted)')
assert_equal "$open" ""

it "stop ends the server, and once more is no mistake"
assert_ok vitrine ls
assert_ok vitrine stop
assert_ok vitrine status
assert_out "No server runs"
assert_ok vitrine stop --json
assert_json store

it "a held store is status 6 after a while, and is waited for until then"
assert_ok vitrine stop
mkfifo "$tmp/wait"
# RocksDB's LOCK is an fcntl lock on the whole file.
python3 -c '
import fcntl, sys
lock = open(sys.argv[1], "r+")
fcntl.lockf(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()' "$VITRINE_STORE/index/LOCK" <"$tmp/wait" >"$tmp/held" &
exec 9>"$tmp/wait"
until [ -s "$tmp/held" ]; do sleep 0.05; done
(
	sleep 5
	exec "$VITRINE" ls >"$tmp/later" 2>&1
) 9>&- &
later=$!
assert_status 6 vitrine ls
assert_err "$VITRINE_STORE"
exec 9>&-
wait "$later" || fail "who came later did not get it: $(cat "$tmp/later")"
