#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is counted: two users read what is known, and `status --io`, the metrics and `top` say so, to
# each what is theirs.
. "$(dirname "$0")/lib.sh"
need_fuse
need_root
tools=$(cd "$(dirname "$0")/../tools" && pwd)
mnt=$tmp/mnt

make_user ann
ann=$user
make_user ben
ben=$user
mkdir "$tmp/birds" "$tmp/roads" "$mnt"
for i in 1 2 3 4 5 6 7 8; do
	head -c 10000 /dev/urandom >"$tmp/birds/$i"
done
head -c 5000 /dev/urandom >"$tmp/roads/map"
vitrine init --quiet
vitrine publish --quiet birds "$tmp/birds" --open
vitrine publish --quiet roads "$tmp/roads" --open
vitrine mount --quiet "$mnt"

# A member of the answer `io` to a user: told USER 'EXPRESSION of io'. The kernel answers a reader
# before the server counts it.
told() {
	as_user "$1" "$VITRINE" status --io --json | python3 -c '
import json, sys
io = json.load(sys.stdin)
row = lambda rows, name: next((row for row in io[rows] if row["name"] == name), None)
print(eval(sys.argv[1]))' "$2"
}

# until_told USER EXPRESSION VALUE
until_told() {
	tries=0
	while [ "$(told "$1" "$2")" != "$3" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || fail "$2 is $(told "$1" "$2"), expected $3"
		sleep 0.1
	done
}

sample() {
	cat "$mnt/.vitrine/metrics" >"$tmp/metrics"
	"$tools/prometheus.py" "$tmp/metrics" "$1"
}

# What one has read is in the page cache, and asked for no more: each reads files of his own.
it "counts what is opened and read, by reader and dataset"
as_user "$ann" cat "$mnt/birds/v1/1" "$mnt/birds/v1/2" "$mnt/birds/v1/3" >"$tmp/read"
as_user "$ben" cat "$mnt/birds/v1/4" "$mnt/roads/v1/map" >"$tmp/read"
until_told root 'io["bytes"]' 45000
assert_equal "$(told root 'io["opens"]')" 5
assert_equal "$(told root "[row('readers', '$ann')[key] for key in ('opens', 'bytes')]")" "[3, 30000]"
assert_equal "$(told root "[row('readers', '$ben')[key] for key in ('opens', 'bytes')]")" "[2, 15000]"
assert_equal "$(told root "[row('datasets', 'birds')[key] for key in ('opens', 'bytes')]")" "[4, 40000]"
assert_equal "$(told root "[row('datasets', 'roads')[key] for key in ('opens', 'bytes')]")" "[1, 5000]"
assert_equal "$(told root 'io["requests"]["open"], io["requests"]["read"]')" "(5, 5)"
assert_equal "$(told root 'io["latency"]["read"]["count"], sum(io["latency"]["read"]["counts"])')" "(5, 5)"
assert_equal "$(told root 'io["frames"]["decoded"] >= 1 and io["cache"]["frames"]["misses"] >= 1')" True

it "tells one user nothing of another"
assert_equal "$(told "$ann" "sorted(io)")" "['age_ns', 'datasets', 'pid', 'readers']"
assert_equal "$(told "$ann" "[row['name'] for row in io['readers']]")" "['$ann']"
assert_equal "$(told "$ann" "io['readers'][0]['bytes'], io['datasets']")" "(30000, [])"
as_user "$ben" cat "$mnt/.vitrine/metrics" >"$tmp/metrics"
assert_ok "$tools/prometheus.py" "$tmp/metrics" "vitrine_reader_bytes_total{user=\"$ben\"}"
grep -qE "$ann|fuse_requests|birds" "$tmp/metrics" && fail "$(cat "$tmp/metrics")"

it "tells who administers a dataset what was read of it"
vitrine grant --quiet "$ann" admin roads
assert_equal "$(told "$ann" "[row['name'] for row in io['datasets']]")" "['roads']"
assert_equal "$(told "$ann" "[row['name'] for row in io['readers']]")" "['$ann']"

it "has metrics that Prometheus can read, and they are the same sums"
assert_equal "$(sample 'vitrine_files_opened_total')" 5
assert_equal "$(sample 'vitrine_dataset_bytes_total{dataset="birds"}')" 40000
assert_equal "$(sample "vitrine_reader_opens_total{user=\"$ann\"}")" 3
[ "$(sample 'vitrine_request_seconds_count{kind="read"}')" -ge 5 ] || fail "reads took no time"
[ "$(sample 'vitrine_fuse_requests_total{kind="lookup"}')" -ge 5 ] || fail "no lookups"

it "tells one moment, in however small parts it is read"
dd if="$mnt/.vitrine/metrics" of="$tmp/metrics" bs=100 2>"$tmp/err"
assert_ok "$tools/prometheus.py" "$tmp/metrics"
assert_ok python3 -m json.tool "$mnt/.vitrine/status.json"

it "counts refusals by their kind"
assert_status 1 as_user "$ann" cat "$mnt/nothing"
until_told root 'io["errors"].get("ENOENT", 0) > 0' True

it "counts no file as opened where the kernel opens by itself"
mkdir "$tmp/open"
vitrine mount --quiet --open-only "$tmp/open"
cat "$tmp/open/birds/v1/8" >"$tmp/read"
until_told root 'row("datasets", "birds")["bytes"]' 50000
assert_equal "$(told root 'row("datasets", "birds")["opens"]')" 4
vitrine umount --quiet "$tmp/open"

it "counts for the user that a mount is for, whoever asks"
mkdir "$tmp/own"
vitrine mount --quiet --for "$ann" --any-uid "$tmp/own"
before=$(told root "row('readers', '$ann')['bytes']")
cat "$tmp/own/roads/v1/map" >"$tmp/read"
until_told root "row('readers', '$ann')['bytes']" $((before + 5000))
dd if="$tmp/own/.vitrine/metrics" of="$tmp/metrics" bs=100 2>"$tmp/err"
assert_ok "$tools/prometheus.py" "$tmp/metrics" "vitrine_reader_bytes_total{user=\"$ann\"}"
grep -q "$ben" "$tmp/metrics" && fail "$(cat "$tmp/metrics")"
vitrine umount --quiet "$tmp/own"

it "shows it to people"
assert_ok vitrine status --io
assert_out "READER"
assert_out "$ann"
assert_out "DATASET"
assert_ok as_user "$ann" "$VITRINE" status --io
assert_out "$ann"
grep -q "$ben" "$tmp/out" && fail "$(cat "$tmp/out")"

# Somebody opens and reads for as long as top is looked at: while_reading COMMAND...
while_reading() {
	touch "$tmp/reading"
	while [ -e "$tmp/reading" ]; do
		cat "$mnt"/birds/v1/* >/dev/null
		sleep 0.05
	done &
	reader=$!
	"$@"
	rm "$tmp/reading"
	wait "$reader"
}

it "top prints the rates of one interval"
while_reading assert_ok vitrine top --once --interval=1 --json
assert_json seconds up_seconds memory requests opens bytes hit_share readers datasets
python3 -c '
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == 1, lines
rates = lines[0]
assert rates["seconds"] >= 1 and rates["opens"] > 0 and rates["requests"] > 0, rates
assert [row["name"] for row in rates["readers"]] == ["root"], rates
assert [row["name"] for row in rates["datasets"]] == ["birds"], rates
assert rates["readers"][0]["opens"] > 0 and rates["datasets"][0]["opens"] > 0, rates
' "$tmp/out" || fail "$(cat "$tmp/out")"
assert_ok as_user "$ann" "$VITRINE" top --once --interval=1 --json
assert_json seconds readers datasets
grep -qE '"(requests|memory)":[0-9]' "$tmp/out" && fail "$(cat "$tmp/out")"
while_reading assert_ok vitrine top --interval=1
assert_out "OPENS/s"
assert_equal "$(wc -l <"$tmp/out" | tr -d ' ')" 7

it "and with --json those of every interval"
"$VITRINE" top --json --interval=1 | head -n 2 >"$tmp/out"
assert_equal "$(wc -l <"$tmp/out" | tr -d ' ')" 2
assert_json seconds readers datasets

it "on a terminal it draws until q or a signal, and gives the terminal back"
for end in q INT TERM; do
	while_reading assert_ok "$tools/on_terminal.py" 24 birds "$end" "$VITRINE" top --interval=1
	assert_out "requests"
done
while_reading assert_ok "$tools/on_terminal.py" 6 READER q "$VITRINE" top --interval=1
[ "$(wc -l <"$tmp/out")" -le 6 ] || fail "higher than the window:" "$(cat "$tmp/out")"

it "refuses what is no interval, and says when no server runs"
assert_status 2 vitrine top --interval=0
assert_err "1 to 3600 seconds"
vitrine umount --quiet "$mnt"
vitrine stop --quiet
assert_ok vitrine top --json
assert_json running
assert_ok vitrine top
assert_out "No server runs"
