#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Taking access away on a real mount (bench_narrow.py). FILES: how many are published and cached; a million take some
# minutes and a few GiB. RUNS of each case.
here=$(cd "$(dirname "$0")" && pwd)
e2e=$here/../e2e
. "$e2e/policy_lib.sh"
files=${FILES:-10000}

"$here/../tools/make_many.py" "$tmp/src" "$files" 1000 300
vitrine init >/dev/null
vitrine publish --quiet guarded "$tmp/src"
vitrine publish --quiet --open open "$tmp/src"
rm -rf "$tmp/src"
vitrine grant "$alice" lease guarded >/dev/null
vitrine grant "$bob" lease guarded >/dev/null
vitrine mount "$mnt" >/dev/null
"$here/bench_narrow.py" "$VITRINE_STORE" "$mnt" "$alice" "$bob" "$files" "${RUNS:-20}"
