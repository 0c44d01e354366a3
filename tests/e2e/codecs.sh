#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files compressed by LZ4 instead of zstd: the same bytes, side by side with others, and damage is found.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools
export VITRINE_CACHE=1 # nothing is read from memory twice

mkdir "$tmp/src" "$tmp/mnt"
for i in $(seq 300); do # enough for a dictionary
	printf '{"name": "number %d", "square": %d, "words": "%s"}\n' "$i" $((i * i)) "$(seq "$i" $((i + 40)) | tr '\n' ' ')" \
		>"$tmp/src/$i.json"
done
seq 200000 >"$tmp/src/long"
head -c 50000 /dev/urandom >"$tmp/src/noise"
vitrine init --quiet
vitrine mount "$tmp/mnt" >/dev/null

it "refuses a codec that there is not, and a level that it has not"
assert_status 2 vitrine publish --codec lzma ds "$tmp/src"
assert_err "--codec is zstd or lz4, not 'lzma'"
assert_status 2 vitrine publish --codec lz4 --level 13 ds "$tmp/src"
assert_err "--level goes from 1 to 12"

it "shows the same files whichever codec they were stored by"
assert_ok vitrine publish --codec lz4 --open ds "$tmp/src"
assert_ok diff -r "$tmp/src" "$tmp/mnt/ds/v1"
shard=$(find "$VITRINE_STORE/shards" -name '*.vsh' -size +100k)
assert_equal "$(head -c 24 "$shard" | tail -c 4 | od -An -tu4 | tr -d ' ')" 1

it "reads files of both in one version, and by all levels"
for level in 1 12; do
	seq $((level * 100000)) >"$tmp/src/level$level"
	assert_ok vitrine publish --codec lz4 --level "$level" ds "$tmp/src"
done
seq 300000 >"$tmp/src/by-zstd"
assert_ok vitrine publish ds "$tmp/src"
assert_ok diff -r "$tmp/src" "$tmp/mnt/ds/v4"
assert_ok vitrine verify --quiet

it "is read by zstd where there is no dictionary"
if zstd --version -v 2>&1 | grep -q lz4; then
	mkdir "$tmp/plain"
	seq 200000 >"$tmp/plain/long"
	vitrine --store "$tmp/second" init --quiet
	assert_ok vitrine --store "$tmp/second" publish --quiet --codec lz4 plain "$tmp/plain"
	find "$tmp/second/shards" -name '*.vsh' -exec zstd -dcq {} + >"$tmp/long"
	assert_ok cmp "$tmp/long" "$tmp/plain/long"
fi

it "never gives a wrong byte, whatever bit of a shard is wrong"
mkdir "$tmp/few"
seq 100 >"$tmp/few/text"
head -c 300 /dev/zero >"$tmp/few/zeros"
export VITRINE_STORE="$tmp/third"
vitrine init --quiet
assert_ok vitrine publish --quiet --codec lz4 ds "$tmp/few"
mkdir "$tmp/third-mnt"
vitrine mount "$tmp/third-mnt" >/dev/null
assert_ok "$tools/flip.py" shard "$VITRINE_STORE" ds "$tmp/few" 31
sed 's/^/# /' "$tmp/out"
