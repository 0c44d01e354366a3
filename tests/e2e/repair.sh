#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# repair: what is damaged in a store comes back from a copy of it, from the files it was published
# from, or from both together, whatever is wrong with its shards and wherever it dies on the way.
. "$(dirname "$0")/lib.sh"
need_fuse
root=$(dirname "$0")/../..
tools=$root/tests/tools
copy=$tmp/copy

# Two versions and a second dataset: shards of small files with a dictionary, packs, long files in
# pieces, a sparse one; a file that both versions have.
mkdir -p "$tmp/src" "$tmp/other" "$tmp/mnt"
"$tools/make_tree.py" "$tmp/src" 4 150 200000
head -c 3000000 /dev/urandom >"$tmp/src/noise"
seq 400000 >"$tmp/src/rows.csv"
truncate -s 1M "$tmp/src/sparse"
seq 100000 >>"$tmp/src/sparse"
head -c 60000 /dev/urandom >"$tmp/other/one"
seq 7 300000 >"$tmp/other/two.csv"
mkdir "$tmp/long"
head -c 300000 /dev/urandom >"$tmp/long/file"
vitrine init --quiet
vitrine publish --quiet ds "$tmp/src"
cp -a "$tmp/src" "$tmp/src1"
head -c 200000 /dev/urandom >"$tmp/src/fresh"
rm "$tmp/src/sparse"
vitrine publish --quiet ds "$tmp/src"
vitrine publish --quiet other "$tmp/other"
vitrine publish --quiet long "$tmp/long"
vitrine stop --quiet
cp -a "$VITRINE_STORE" "$copy"
cp -a "$VITRINE_STORE" "$tmp/kept"

# The store as it was, or the one in DIR: renew [DIR]
renew() {
	vitrine stop --quiet
	rm -rf "${1:-$VITRINE_STORE}"
	cp -a "$tmp/kept" "${1:-$VITRINE_STORE}"
}

# shard N [DIR]: the file of the shard with that serial.
shard() {
	"$tools/damage_shard.py" find "${2:-$VITRINE_STORE}" "$1"
}

damage() {
	"$tools/damage_shard.py" "$@"
}

assert_all_there() {
	for path in noise rows.csv sparse; do
		vitrine cat "ds@v1:$path" >"$tmp/bytes" || fail "$path cannot be read"
		cmp "$tmp/bytes" "$tmp/src1/$path" || fail "$path differs"
	done
	vitrine mount "$tmp/mnt" >/dev/null
	assert_ok "$tools/same_tree.py" "$tmp/src1" "$tmp/mnt/ds/v1"
	assert_ok "$tools/same_tree.py" "$tmp/src" "$tmp/mnt/ds/v2"
	assert_ok "$tools/same_tree.py" "$tmp/other" "$tmp/mnt/other/v1"
	assert_ok "$tools/same_tree.py" "$tmp/long" "$tmp/mnt/long/v1"
	vitrine umount "$tmp/mnt" >/dev/null
	assert_ok vitrine verify
	assert_out "all sound"
}

assert_repaired() { # FROM...
	assert_status 5 vitrine verify
	assert_ok vitrine repair "$@"
	assert_out ", 0 lost"
	assert_all_there
}

it "has nothing to do in a sound store"
assert_ok vitrine repair --from "$copy"
assert_out "No shard is damaged"
assert_equal "$(find "$VITRINE_STORE/shards" -type f | wc -l)" 4

it "names what is lost, and by a dry run what can be had, and changes nothing"
damage flip "$(shard 1)" 20 1
assert_status 5 vitrine verify
grep '^lost  ds@v1:' "$tmp/out" | sed 's/^lost  //' >"$tmp/lost"
[ -s "$tmp/lost" ] || fail "nothing is named" "$(cat "$tmp/out")"
find "$VITRINE_STORE/shards" -type f -exec sha256sum {} + | sort >"$tmp/before"
assert_ok vitrine repair --dry-run --from "$copy"
sed -n 's/^found  \(ds@v1:.*\)/\1/p' "$tmp/out" | cmp - "$tmp/lost" || fail "verify named others"
find "$VITRINE_STORE/shards" -type f -exec sha256sum {} + | sort | cmp - "$tmp/before"
assert_status 5 vitrine repair
assert_err "--from"
assert_out "lost  ds@v1:"

it "verify and repair say the same as JSON"
assert_status 5 vitrine verify --json
grep '"lost": *{"dataset"\|"lost":{"dataset"' "$tmp/out" >/dev/null || fail "$(tail -n 3 "$tmp/out")"
assert_json
assert_ok vitrine repair --dry-run --json --from "$copy"
assert_json
assert_out '"found":'
assert_out '"summary":'

it "restores flipped bytes from a copy"
assert_repaired --from "$copy"

it "restores flipped bytes from the files, whatever their names are"
renew
damage flip "$(shard 1)" 20 2
damage flip "$(shard 3)" 3 2
mkdir "$tmp/renamed"
find "$tmp/src" "$tmp/src1" "$tmp/other" -type f -exec sh -c '
	to=$1
	shift
	for file; do cp "$file" "$(mktemp "$to/XXXXXXXX")"; done' sh "$tmp/renamed" {} +
assert_repaired --from "$tmp/renamed"

for what in missing empty short header index seek; do
	for from in "$copy" "$tmp/renamed"; do
		case $what-$from in
		short-* | missing-*) ;;
		*-"$copy") ;;
		*) continue ;;
		esac
		it "restores a shard that is damaged: $what, from $(basename "$from")"
		renew
		for number in 1 3; do
			damage "$what" "$(shard "$number" "$tmp/kept" | sed "s,^$tmp/kept,$VITRINE_STORE,")" 1 3
		done
		assert_repaired --from "$from"
	done
done

it "needs nothing but the shard where only its tables are damaged"
renew
damage header "$(shard 1)" 1 3
damage index "$(shard 3)" 1 3
assert_repaired

it "restores shards that changed places, and gives no wrong byte before"
renew
first=$(shard 1) third=$(shard 3)
mv "$first" "$tmp/x"
mv "$third" "$first"
mv "$tmp/x" "$third"
for path in one two.csv; do
	vitrine cat "other:$path" >"$tmp/bytes" 2>/dev/null && fail "$path was read"
done
assert_repaired --from "$copy"

it "puts together what the store, a copy and the files each have a part of"
renew
renew "$copy"
damage flip "$(shard 1)" 6 5
damage flip "$(shard 1 "$copy")" 40 6
damage missing "$(shard 3 "$copy")" 1 1
assert_repaired --from "$copy" --from "$tmp/renamed"

it "restores what it can, says what is lost, and goes on with another copy later"
renew
renew "$copy"
damage missing "$(shard 1)" 1 1
damage flip "$(shard 1 "$copy")" 30 7
assert_status 5 vitrine repair --from "$copy"
assert_out "restored  ds@v1:"
assert_out "lost  ds@v1:"
grep -q '^restored  ds@v1:rows.csv' "$tmp/out" && vitrine cat ds@v1:rows.csv | cmp - "$tmp/src1/rows.csv"
renew "$copy"
assert_repaired --from "$copy"

it "believes no copy: bytes that decode and are others are not taken"
renew
renew "$copy"
mkdir "$tmp/forged.1" "$tmp/forged.2" "$tmp/forged.3"
for n in 1 2 3; do head -c 60000 /dev/urandom >"$tmp/forged.$n/one"; done
cp "$tmp/other/two.csv" "$tmp/forged.3"
mkdir "$tmp/forged.4"
head -c 300000 /dev/urandom >"$tmp/forged.4/file"
(
	export VITRINE_STORE="$tmp/forged" # another store, whose shard 3 has such a file at the same place
	vitrine init --quiet
	for n in 1 2 3 4; do vitrine publish --quiet "ds$n" "$tmp/forged.$n"; done
)
cp -f "$(shard 3 "$tmp/forged")" "$(shard 3 "$copy")"
damage missing "$(shard 3)" 1 1
assert_status 5 vitrine repair --from "$copy"
assert_out "lost  other@v1:one"
vitrine cat other:one >"$tmp/bytes" 2>/dev/null && fail "it was read" "$(cmp "$tmp/bytes" "$tmp/other/one")"
renew "$copy"
assert_repaired --from "$copy"

it "nor for a long file, whose pieces nothing vouches for after a gc"
renew
assert_ok vitrine gc --now
cp -f "$(shard 4 "$tmp/forged")" "$(shard 4 "$copy")"
damage missing "$(shard 4)" 1 1
assert_status 5 vitrine repair --from "$copy"
assert_out "lost  long@v1:file"

it "puts such a file together out of what the store and a copy each have of it"
renew
renew "$copy"
assert_ok vitrine gc --now
damage header "$(shard 4)" 1 1
damage at "$(shard 4)" 5000 1
damage at "$(shard 4 "$copy")" 200000 1
assert_repaired --from "$copy"

it "finds a piece in a file that was changed elsewhere since"
renew
damage at "$(shard 1)" "$("$tools/damage_shard.py" frame "$(shard 1)" "$tmp/src1/noise")" 1
mkdir "$tmp/edited"
(cat "$tmp/src1/noise" && echo more) >"$tmp/edited/noise"
assert_repaired --from "$tmp/edited"

it "lets readers go on, and what was refused is read at once"
renew
vitrine mount "$tmp/mnt" >/dev/null
damage flip "$(shard 3)" 1 8
cat "$tmp/mnt/other/v1/one" "$tmp/mnt/other/v1/two.csv" >/dev/null 2>"$tmp/err" && fail "no damage"
start reading "$tmp/readers" sh -c '
	echo reading
	while [ ! -e "$1/enough" ]; do
		for file in noise rows.csv; do cmp "$1/mnt/ds/v1/$file" "$1/src1/$file" || exit 1; done
	done
	echo well' sh "$tmp"
reader=$!
damage flip "$(shard 2)" 1 8
assert_ok vitrine repair --from "$copy"
cmp "$tmp/mnt/other/v1/one" "$tmp/other/one"
cmp "$tmp/mnt/other/v1/two.csv" "$tmp/other/two.csv"
touch "$tmp/enough"
wait "$reader" || fail "a reader met something" "$(cat "$tmp/readers")"
vitrine umount "$tmp/mnt" >/dev/null
assert_all_there

if has_crash_points; then
	it "leaves nothing half done, wherever it dies"
	for point in import-recorded import-begun import-shard-moved import-moved import-shards-recorded \
		repair-rows-written; do
		renew
		damage flip "$(shard 1)" 20 9
		damage missing "$(shard 3)" 1 1
		(VITRINE_TEST_CRASH=$point vitrine repair --quiet --from "$copy") >"$tmp/out" 2>&1 &&
			fail "$point was not reached"
		vitrine cat ds@v1:noise >"$tmp/bytes" 2>/dev/null && cmp "$tmp/bytes" "$tmp/src1/noise"
		assert_ok vitrine repair --from "$copy"
		[ -z "$(ls "$VITRINE_STORE/tmp")" ] || fail "$point left something in tmp"
		assert_all_there
	done
fi

it "leaves nothing when the command is killed"
renew
damage missing "$(shard 1)" 1 1
for delay in 0.01 0.05 0.1 0.2 0.3; do
	vitrine repair --quiet --from "$copy" >/dev/null 2>&1 &
	sleep "$delay"
	kill -9 $! 2>/dev/null || true
	wait $! 2>/dev/null || true
done
vitrine repair --quiet --from "$copy" >/dev/null
assert_all_there

it "says when only what was removed less than a day ago is lost"
renew
assert_ok vitrine rm --all other
damage missing "$(shard 3)" 1 1
assert_status 5 vitrine repair
assert_err "'vitrine gc --now' drops them"
assert_ok vitrine gc --now
assert_ok vitrine verify

it "says of an index that lacks a table, whichever it is, how it comes back from a copy, and so it does"
renew
renew "$copy"
for table in $(find "$VITRINE_STORE/index" -name '*.sst' | sort | sed -n '1~6p'); do
	mv "$table" "$tmp/table"
	assert_status 5 vitrine verify
	assert_err "$(basename "$table" .sst)." # which RocksDB has another ending for
	assert_err "vitrine-store(7)"
	mv "$tmp/table" "$table"
done
rm "$table"
assert_status 5 vitrine repair --from "$copy"
assert_err "vitrine-store(7)"
rm -r "$VITRINE_STORE/index" "$VITRINE_STORE/committed"
cp -a "$copy/index" "$copy/committed" "$VITRINE_STORE"
assert_all_there

it "refuses what is no copy, and who may not"
renew
damage flip "$(shard 1)" 1 1
assert_status 2 vitrine repair --from "$VITRINE_STORE"
assert_err "the store itself"
assert_status 4 vitrine repair --from "$tmp/nowhere"
VITRINE_STORE=$tmp/another vitrine init --quiet
assert_status 2 vitrine repair --from "$tmp/another"
assert_err "another store"
if [ "$(id -u)" -eq 0 ]; then
	make_user stranger
	assert_status 3 as_user "$user" "$VITRINE" repair --from "$copy"
fi
