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

index_bytes() {
	du -sb "$VITRINE_STORE/index" | cut -f1
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
before=$(index_bytes)
timed relabel-again "one file, another value" vitrine label set ds:00010/00010124.json class=class-8
vitrine stop --quiet
echo "relabel-bytes $(($(index_bytes) - before)) B (index grew, RocksDB's own files included)"
printf first >"$tmp/src/00000/0"
before=$(index_bytes)
timed publish-inserted "one file before all others, $((files * labels)) labels carried over" vitrine publish ds "$tmp/src"
vitrine stop --quiet
echo "publish-inserted-bytes $(($(index_bytes) - before)) B (index grew)"
vitrine show ds --json | tr ',' '\n' | grep -E '"labels"|"labelled"'
