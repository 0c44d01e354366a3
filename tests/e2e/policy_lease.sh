#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A dataset for one reader alone: taken, broken while it is read, taken by the other, and all of it proven.
. "$(dirname "$0")/policy_lib.sh"

mkdir -p "$tmp/src/a/b"
for i in $(seq 100); do seq "$i" 5000 >"$tmp/src/a/$i"; done
echo few >"$tmp/src/a/b/few"
vitrine init >/dev/null
vitrine publish --quiet birds "$tmp/src"
vitrine mount "$mnt" >/dev/null

it "shows a new dataset to its publisher alone"
assert_equal "$(as_user "$alice" ls "$mnt")" ""
assert_status 1 as_user "$alice" cat "$mnt/birds/v1/a/1"
assert_err "Permission denied"
assert_status 3 as_user "$alice" "$VITRINE" ls birds
assert_ok cat "$mnt/birds/v1/a/1"

it "lets in whom it is granted to"
assert_ok vitrine grant "$alice" read birds
assert_ok vitrine grant "user:$bob" read birds --until +1h
assert_ok as_user "$alice" grep -rqx 4999 "$mnt/birds/v1"
assert_ok as_user "$bob" cat "$mnt/birds/v1/a/1"

it "keeps everybody else out while one holds it, open descriptors and mappings too"
keep bob "$bob" -n 50 -m 10 -w "$mnt/birds/v1/a"
assert_ok as_user "$alice" "$VITRINE" lease acquire birds --for 1h
kept bob
works bob pread "0/50 ESTALE"
works bob fstat "0/50 ESTALE"
works bob reopen "0/50 ESTALE"
works bob map "0/10 SIGBUS"
works bob path "0/50 EACCES"
works bob cwd "0/2 ESTALE"
assert_equal "$(as_user "$bob" ls "$mnt")" ""
assert_status 1 cat "$mnt/birds/v1/a/1"
assert_status 6 as_user "$bob" "$VITRINE" lease acquire birds
assert_err "$alice"
assert_ok as_user "$alice" grep -rqx 4999 "$mnt/birds/v1"

it "publishes into what is leased without showing it"
echo more >"$tmp/src/more"
assert_ok vitrine publish --quiet birds "$tmp/src"
assert_status 1 as_user "$bob" cat "$mnt/birds/v2/more"
assert_ok as_user "$alice" cat "$mnt/birds/v2/more"

it "takes it from the holder at once when it is broken, and gives it to the next"
keep alice "$alice" -m 10 -w "$mnt/birds/v1/a"
(as_user "$bob" "$VITRINE" lease acquire birds --for 1h --wait >"$tmp/bob.lease" 2>&1) &
waiter=$!
while ! as_user "$bob" "$VITRINE" lease list --json | grep -q queued; do sleep 0.05; done
assert_ok vitrine lease break birds --reason "needed elsewhere"
kept alice
works alice pread "0/101 ESTALE"
works alice map "0/10 SIGBUS"
works alice cwd "0/2 ESTALE"
works alice path "0/101 EACCES"
wait "$waiter" || fail "$(cat "$tmp/bob.lease")"
assert_ok as_user "$bob" grep -rqx 4999 "$mnt/birds/v1"
assert_status 1 as_user "$alice" cat "$mnt/birds/v1/a/1"

it "gives nothing back to old descriptors when the next holder reads the same files"
keep old "$bob" -m 10 "$mnt/birds/v1/a"
assert_ok as_user "$bob" "$VITRINE" lease release birds
assert_ok as_user "$alice" "$VITRINE" lease acquire birds --for 1h
as_user "$alice" cat "$mnt"/birds/v1/a/* >"$tmp/null" 2>&1 || true
kept old
works old pread "0/101 ESTALE"
works old map "0/10 SIGBUS"

it "ends a lease when its time is over, and what was granted works again"
assert_ok as_user "$alice" "$VITRINE" lease release birds
assert_ok as_user "$alice" "$VITRINE" lease acquire birds --for 2s
keep late "$alice" -n 20 -m 5 "$mnt/birds/v1/a"
sleep 2.5
kept late
works late pread "0/20 ESTALE"
works late map "0/5 SIGBUS"
assert_ok as_user "$bob" cat "$mnt/birds/v1/a/1"
assert_ok as_user "$alice" cat "$mnt/birds/v1/a/1"

it "goes on refusing after the server was killed"
assert_ok as_user "$alice" "$VITRINE" lease acquire birds --for 1h
keep killed "$alice" -n 20 -m 5 "$mnt/birds/v1/a"
vitrine status --json >"$tmp/out"
kill -9 "$(json_member 1 pid)"
assert_status 1 as_user "$bob" cat "$mnt/birds/v1/a/1"
assert_ok as_user "$alice" cat "$mnt/birds/v1/a/1"
assert_ok vitrine lease break birds
kept killed
works killed pread "0/20 ESTALE"
works killed map "0/5 SIGBUS"

it "lets its holder give it up who was denied what it is on meanwhile"
assert_ok as_user "$alice" "$VITRINE" lease acquire birds --for 1h
assert_ok vitrine deny "user:$alice" browse birds
assert_status 3 as_user "$alice" "$VITRINE" lease renew birds
assert_status 1 as_user "$bob" cat "$mnt/birds/v1/a/1"
assert_ok as_user "$alice" "$VITRINE" lease release birds
assert_ok as_user "$bob" cat "$mnt/birds/v1/a/1"
assert_status 1 as_user "$alice" cat "$mnt/birds/v1/a/1"
assert_ok vitrine audit list --kind lease.drain --json
tail -n 1 "$tmp/out" | grep -q "\"by\":$(id -u "$alice"),.*\"how\":1," || fail "$(tail -n 1 "$tmp/out")"
assert_ok vitrine revoke "user:$alice" browse birds

it "can prove who had it, when and by which rule"
assert_ok vitrine audit verify
assert_ok vitrine audit who-read birds --json
grep -q "\"$alice\"" "$tmp/out" || fail "$(cat "$tmp/out")"
assert_ok vitrine audit list
for kind in rule.add lease.acquire lease.drain lease.end lease.queue access deny publish; do
	grep -q " $kind " "$tmp/out" || fail "no $kind in" "$(cat "$tmp/out")"
done
