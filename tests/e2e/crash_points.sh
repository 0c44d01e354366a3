#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Vitrine dies at every point of its protocols, by kill -9: in publish, import-labels, label, curate, gc, policy, leases,
# the audit log, mounts, the keeper's hand-over, an upgrade. What was done stays done, what was not is wholly there or not
# at all, what follows goes well, and nothing is left over. KILLS: how often; SEED: of what is drawn.
. "$(dirname "$0")/policy_lib.sh"
need_crash_points
: "${MAKE_AUDIT:?the program that writes a log}"
mkdir "$tmp/other" # the same build, but not the same file: as good as another
copy_programs "$tmp/other"
# shellcheck disable=SC2154 # policy_lib.sh: $e2e, $alice, $bob
export VITRINE OTHER="$tmp/other/vitrine" ALICE="$alice" BOB="$bob"

it "reaches every point"
"$e2e/../tools/crash_points.py" record "$tmp" >"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
sed 's/^/# /' "$tmp/out"

it "keeps what was done and leaves nothing behind, wherever it dies"
"$e2e/../tools/crash_points.py" kill "$tmp" >"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
sed 's/^/# /' "$tmp/out"
