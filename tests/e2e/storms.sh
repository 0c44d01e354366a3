#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A user who opens, lists, reads, connects and talks nonsense without end, all at once, harms only himself: another
# user's reads and commands go on, and what the server takes for it is bounded.
. "$(dirname "$0")/policy_lib.sh"
# shellcheck disable=SC2154 # policy_lib.sh: $e2e, $alice, $bob, $mnt
cp "$e2e/../tools/storm.py" "$tmp/storm.py"
chmod 0755 "$tmp/storm.py"
export VITRINE_CACHE=32M

mkdir "$tmp/slow" "$tmp/src"
for i in $(seq 40); do head -c 300000 /dev/urandom >"$tmp/slow/$i"; done
for i in $(seq 200); do head -c 5000 /dev/urandom >"$tmp/src/$i"; done
vitrine init --quiet
vitrine publish --quiet slow "$tmp/slow" # in the first shard, which is to be slow
vitrine publish --quiet birds "$tmp/src"
for dataset in slow birds; do
	vitrine grant "$alice" read $dataset --quiet
	vitrine grant "$bob" read $dataset --quiet
done
stop_servers
VITRINE_TEST_SOURCE=delay:1:300 vitrine mount "$mnt" --quiet
server=$(pids_of server)
prlimit --pid $$ --nofile=20000 # for each of the storms; more opens than that: attacks_server.sh, 56

descriptors() {
	find "/proc/$server/fd" -mindepth 1 | wc -l
}

resident_kib() {
	awk '/^VmRSS/ { print $2 }' "/proc/$server/status"
}

begin_storm() {
	touch "$tmp/storm"
	storms=
	while [ $# -gt 0 ]; do
		as_user "$bob" "$tmp/storm.py" "$1" "$2" "$tmp/storm" >"$tmp/said.$1" 2>&1 &
		storms="$storms $!"
		shift 2
	done
}

end_storm() {
	rm "$tmp/storm"
	for storm in $storms; do wait "$storm" || fail "$(cat "$tmp"/said.*)"; done
	cat "$tmp"/said.* | sed 's/^/# /'
}

# Until the storm has lasted SECONDS: alice's reads, and her commands over the socket, all succeed.
alice_works() {
	end=$(($(date +%s) + $1))
	rounds=0
	while [ "$(date +%s)" -lt "$end" ] || [ "$rounds" -lt 5 ]; do
		file=$((rounds % 200 + 1))
		as_user "$alice" cmp "$mnt/birds/v1/$file" "$tmp/src/$file" || fail "alice cannot read"
		assert_ok as_user "$alice" "$VITRINE" cat "birds:$file"
		assert_ok as_user "$alice" ls -l "$mnt/birds/v1/"
		rounds=$((rounds + 1))
		now=$(descriptors)
		[ "$now" -le "$most_descriptors" ] || most_descriptors=$now
		now=$(resident_kib)
		[ "$now" -le "$most_kib" ] || most_kib=$now
	done
	echo "# alice: $rounds rounds; the server: at most $most_descriptors descriptors, $((most_kib / 1024)) MiB"
}

it "lets another user work while all of it goes on"
assert_ok as_user "$alice" cat "$mnt/birds/v1/1"
before=$(descriptors)
most_descriptors=$before
most_kib=$(resident_kib)
begin_storm open "$mnt/birds/v1/1" list "$mnt/" read "$mnt/slow/v1" \
	connect "$VITRINE_STORE/run/control.sock" garbage "$VITRINE_STORE/run/control.sock"
alice_works "${DURATION:-12}"
end_storm

it "had each of the storms, within bounds"
for kind in open list read connect garbage; do
	grep -qE "^$kind [1-9]" "$tmp/said.$kind" || fail "no storm: $(cat "$tmp/said.$kind")"
done
[ "$(sed 's/open //' "$tmp/said.open")" -gt 64 ] || fail "few opens"
grep -q "uid $(id -u "$bob") already has 64 connections" "$VITRINE_STORE/run/server.log" ||
	[ "$(sed 's/connect //' "$tmp/said.connect")" -gt 64 ] || fail "few connections"
[ "$most_descriptors" -lt $((before + 200)) ] || fail "$most_descriptors descriptors"
[ "$most_kib" -lt $((400 << 10)) ] || fail "$most_kib KiB"

it "is as before when it is over"
assert_equal "$(pids_of server)" "$server"
for _ in $(seq 100); do
	[ "$(descriptors)" -gt $((before + 10)) ] || break
	sleep 0.1
done
[ "$(descriptors)" -le $((before + 10)) ] || fail "$(descriptors) descriptors, $before before"
until as_user "$bob" cat "$mnt/birds/v1/1" >"$tmp/null" 2>&1; do sleep 0.1; done
assert_ok as_user "$bob" "$VITRINE" cat birds:1
assert_ok vitrine verify
