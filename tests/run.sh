#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# COMMAND 2: installs what is missing (as root), builds with gcc, runs every test. The last line is
# "N passed, N failed", followed by ", N skipped" if there are any; the status says whether all is
# well. Arguments go to `meson test`, e.g. --suite unit. BUILD: the build folder.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}

packages=$(sed 's/#.*//' tests/packages.txt)
missing=
for package in $packages; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
		missing="$missing $package"
done
if [ -n "$missing" ]; then
	if [ "$(id -u)" -ne 0 ]; then
		echo "tests/run.sh: these packages are missing:$missing" >&2
		echo "tests/run.sh: as root: apt-get install$missing" >&2
		exit 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q
	# shellcheck disable=SC2086 # one word per package
	apt-get install -q -y --no-install-recommends $missing
fi

if [ ! -f "$build/build.ninja" ]; then
	CC=gcc meson setup "$build" --werror
fi
ninja -C "$build"
status=0
meson test -C "$build" --no-rebuild --print-errorlogs "$@" || status=$?
python3 tests/summary.py "$build/meson-logs/testlog.json" || status=1
exit "$status"
