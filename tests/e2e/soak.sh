#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Readers, publishers, labels, leases, grants, gc, verify and kills, all at once and for long: nothing is lost, nothing is
# wrong, nobody reads what was taken away, and nothing grows. MINUTES, SEED, GROWTH (tests/tools/soak.py).
. "$(dirname "$0")/policy_lib.sh"
# shellcheck disable=SC2154 # policy_lib.sh: $alice, $bob, $mnt, $e2e
case $(uname -r) in
[0-5].* | 6.[0-8].*) skip "this kernel cannot send requests again" ;;
esac
export VITRINE_CACHE=8M # soon full, so that what grows is something else
mkdir "$tmp/work" "$tmp/private"
vitrine init --quiet
vitrine mount --quiet "$mnt"
vitrine mount --quiet --for "$alice" "$tmp/private"

it "stands everything at once"
# shellcheck disable=SC2086 # no seed, no argument
ALICE=$alice BOB=$bob "$e2e/../tools/soak.py" "$tmp/work" "$mnt" "$tmp/private" "${MINUTES:-0.4}" ${SEED:-} >"$tmp/said" 2>&1 ||
	fail "$(tail -n 60 "$tmp/said")"
sed 's/^/# /' "$tmp/said"

it "is sound afterwards"
vitrine umount --quiet "$mnt"
vitrine umount --quiet "$tmp/private"
vitrine stop --quiet
assert_ok vitrine verify
assert_ok vitrine audit verify
vitrine stop --quiet
assert_equal "$(ls "$VITRINE_STORE/tmp")" ""
