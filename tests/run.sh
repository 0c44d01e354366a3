#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# COMMAND 2: installs what is missing (as root), builds with gcc, runs every test. The last line is
# "N passed, N failed", followed by ", N skipped" if there are any; the status says whether all is
# well. Arguments go to `meson test`, e.g. --suite unit. BUILD: the build folder.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
log=$build/meson-logs/testlog.json
trap 'echo "0 passed, 1 failed"' EXIT # what goes wrong before there are results

tests/need.sh --tests
if [ ! -f "$build/build.ninja" ]; then
	CC=gcc meson setup --werror -Dcrash_points=true "$build"
elif ! grep -q VT_CRASH_POINTS "$build/build.ninja"; then # of the tour, or by hand
	meson setup --reconfigure -Dcrash_points=true "$build"
fi
ninja -C "$build"
rm -f "$log"
status=0
meson test -C "$build" --no-rebuild --print-errorlogs "$@" || status=$?
[ -s "$log" ]
trap - EXIT
python3 tests/summary.py "$log" || status=1
exit "$status"
