#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One of several readers loses access: he gets nothing more, and nobody else notices.
. "$(dirname "$0")/policy_lib.sh"

mkdir -p "$tmp/src/own" "$tmp/src/common"
for i in $(seq 1000); do seq "$i" 2000 >"$tmp/src/own/$i"; done
for i in $(seq 20); do seq "$i" 3000 >"$tmp/src/common/$i"; done
vitrine init >/dev/null
vitrine publish --quiet birds "$tmp/src"
vitrine grant "$alice" read birds >/dev/null
vitrine mount "$mnt" >/dev/null
mkdir "$tmp/private" "$tmp/bound"

it "takes a grant away when its time is over, and disturbs nobody else"
assert_ok vitrine grant "$bob" read birds --until +3s
mount --bind "$mnt/birds/v1/own" "$tmp/bound"
keep alice "$alice" -n 1000 -m 10 -w "$mnt/birds/v1/own"
keep common "$alice" -n 20 -m 5 "$mnt/birds/v1/common"
keep bob "$bob" -n 20 -m 20 -w "$mnt/birds/v1/common"
sleep 3.3
kept bob
works bob pread "0/20 ESTALE"
works bob reopen "0/20 ESTALE"
works bob map "0/20 SIGBUS"
works bob path "0/20 EACCES"
kept alice
works alice pread "1000/1000"
works alice fstat "1000/1000"
works alice reopen "1000/1000"
works alice map "10/10"
works alice path "1000/1000"
works alice cwd "2/2"
assert_ok as_user "$alice" cat "$tmp/bound/1"
assert_status 1 as_user "$bob" cat "$tmp/bound/1"

it "burns only what the loser too had open, and that is read again by path at once"
kept common
works common pread "0/20 ESTALE"
works common map "0/5 SIGBUS"
works common path "20/20"

it "does the same for a revoke, a deny and the end of a partner"
assert_ok vitrine grant "$bob" read birds
for way in "revoke $bob read birds" "deny $bob read birds" "partner end acme"; do
	keep "stays${way%% *}" "$alice" -n 1000 "$mnt/birds/v1/own"
	keep "loses${way%% *}" "$bob" -n 20 -m 5 "$mnt/birds/v1/common"
	# shellcheck disable=SC2086 # words
	assert_ok vitrine $way
	kept "loses${way%% *}"
	kept "stays${way%% *}"
	works "loses${way%% *}" pread "0/20 ESTALE"
	works "loses${way%% *}" map "0/5 SIGBUS"
	works "stays${way%% *}" pread "1000/1000"
	case $way in
	revoke*) assert_ok vitrine grant "$bob" read birds ;;
	deny*)
		assert_ok vitrine revoke "$bob" read birds
		assert_ok vitrine partner add acme --user "$bob" --until +1h
		assert_ok vitrine grant partner:acme read birds
		;;
	esac
done

it "touches no private mount of somebody else"
assert_ok vitrine mount --for "$alice" "$tmp/private"
assert_ok vitrine grant "$bob" read birds
keep private "$alice" -n 20 -m 5 -w "$tmp/private/birds/v1/common"
keep loser "$bob" -n 20 "$mnt/birds/v1/common"
assert_ok vitrine revoke "$bob" read birds
kept loser
works loser pread "0/20 ESTALE"
kept private
works private pread "20/20"
works private map "5/5"
works private cwd "2/2"

it "ends a private mount's reading when its user loses it"
keep mine "$alice" -n 20 -m 5 -w "$tmp/private/birds/v1/common"
assert_ok vitrine revoke "$alice" read birds
kept mine
works mine pread "0/20 ESTALE"
works mine map "0/5 SIGBUS"
works mine cwd "0/2 ESTALE"
assert_equal "$(as_user "$alice" ls "$tmp/private")" ""

it "ends it when its user keeps the names"
assert_ok vitrine grant "$alice" read birds
assert_ok vitrine grant "$alice" browse birds
keep names "$alice" -n 20 -m 5 "$tmp/private/birds/v1/common"
assert_ok vitrine revoke "$alice" read birds
kept names
works names pread "0/20 ESTALE"
works names map "0/5 SIGBUS"
works names path "20/20"
assert_status 1 as_user "$alice" cat "$tmp/private/birds/v1/common/1"
assert_equal "$(as_user "$alice" ls "$tmp/private/birds/v1")" "common
own"
