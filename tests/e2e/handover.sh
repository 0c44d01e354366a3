#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A dataset goes from one reader to the other and back, again and again, while both read it by every way: after
# a command has returned its loser gets no byte, and the winner all of them. NARROWINGS, KILL_EVERY.
. "$(dirname "$0")/policy_lib.sh"
narrowings=${NARROWINGS:-100}
kill_every=${KILL_EVERY:-25}
case $(uname -r) in
[0-5].* | 6.[0-8].*) kill_every=0 ;; # such a kernel cannot send requests again
esac

mkdir "$tmp/src"
for i in $(seq 6); do seq "$i" 30000 | head -c $((i * 37000)) >"$tmp/src/long$i"; done
for i in $(seq 6); do head -c $((i * 30011)) /dev/urandom >"$tmp/src/random$i"; done
for i in $(seq 4); do seq "$i" 2000 | head -c $((i * 700)) >"$tmp/src/short$i"; done
vitrine init >/dev/null
vitrine publish --quiet birds "$tmp/src"
vitrine mount "$mnt" >/dev/null

it "gives the loser of $narrowings narrowings nothing, and who may read what is right"
"$HANDOVER" "$VITRINE_STORE" "$tmp/src" "$mnt/birds/v1" birds "$alice" "$bob" "$narrowings" \
	"$kill_every" >"$tmp/said" 2>&1 || fail "$(tail -n 40 "$tmp/said")"
sed 's/^/# /' "$tmp/said"

it "is sound afterwards"
assert_ok vitrine verify
