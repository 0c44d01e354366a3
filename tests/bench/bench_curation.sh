#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Labels at scale, by command, on a real store and mount: FILES tiny files (a million) with LABELS (10) each. A line a
# figure: name, value, unit, conditions. Takes some minutes and a few GiB at full size.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../e2e/lib.sh"
files=${FILES:-1000000}
labels=${LABELS:-10}
mnt=$tmp/mnt
mkdir "$mnt"

now() { # seconds
	date +%s.%N
}

# timed NAME CONDITIONS COMMAND...: wall time of a command, whose output is dropped.
timed() {
	name=$1 conditions=$2
	shift 2
	begun=$(now)
	"$@" >"$tmp/out" 2>&1 || { cat "$tmp/out" >&2; exit 1; }
	echo "$name $(echo "$(now) - $begun" | bc) s ($conditions)"
}

# json_number NAME: of the last command's output.
json_number() {
	sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$tmp/out"
}

"$here/../tools/make_many.py" "$tmp/src" "$files" 1000 60
"$here/../tools/make_labels.py" "$files" 1000 "$labels" >"$tmp/labels.jsonl"
vitrine init >/dev/null
timed publish "$files files" vitrine publish --open ds "$tmp/src"
timed import-labels "$((files * labels)) labels" vitrine import-labels ds "$tmp/labels.jsonl"
rm "$tmp/labels.jsonl"
vitrine mount "$mnt" >/dev/null
view="$mnt/ds/.query/latest/class=class-7 and class.confidence>=0.94"
timed query-first "makes the postings" ls "$mnt/ds/.query/latest/class=class-7"
timed view-first-ls "two terms, one with confidence" ls "$view"
timed view-ls "the same again" ls "$view"
timed class-view-ls "other class" ls "$mnt/ds/.labels/latest/class/class-9"
timed relabel "one file" vitrine label set ds:00010/00010123.json class=class-7
vitrine stop --quiet 2>/dev/null || true
vitrine umount --all --quiet
vitrine label set --json ds:00010/00010124.json class=class-8 >"$tmp/out"
echo "relabel-bytes $(json_number new_bytes) B (pages of labels that the store did not have)"
printf first >"$tmp/src/00000/0"
begun=$(now)
vitrine publish --json ds "$tmp/src" >"$tmp/out"
echo "publish-inserted $(echo "$(now) - $begun" | bc) s (one file before all others, $((files * labels)) labels carried over)"
echo "publish-inserted-bytes $(($(json_number index_bytes) + $(json_number stored_bytes))) B (index and shards)"
vitrine show ds --json | tr ',' '\n' | grep -E '"labels"|"labelled"'
