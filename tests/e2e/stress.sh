#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Publishers, rm and gc in a loop under kill -9 of the server and of publishers, a mount read all
# along: nothing is lost, nothing is wrong, and verify finds all sound. DURATION: seconds. SEED.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools

vitrine init >/dev/null
mkdir "$tmp/mnt" "$tmp/work"
vitrine mount "$tmp/mnt" >/dev/null

it "loses nothing and shows nothing wrong"
# shellcheck disable=SC2086 # no seed, no argument
"$tools/stress.py" "$VITRINE_STORE" "$tmp/mnt" "$tmp/work" "${DURATION:-20}" ${SEED:-} \
	>"$tmp/said" 2>&1 || fail "$(tail -n 40 "$tmp/said")"
echo "# $(tail -n 1 "$tmp/said")"

it "is sound afterwards"
assert_ok vitrine verify
vitrine umount --quiet "$tmp/mnt"
vitrine stop --quiet
assert_ok vitrine verify
assert_ok vitrine gc --now
assert_ok vitrine verify
assert_equal "$(ls "$VITRINE_STORE/tmp")" ""
