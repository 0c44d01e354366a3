#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# crash_points_built.sh VITRINE yes|no: a build with crash points says so, and one without has nothing of them.
set -eu
said=no
case $("$1" --version) in
*"crash points"*) said=yes ;;
esac
[ "$said" = "$2" ] || exit 1
for program in "$1" "$1-store"; do
	found=no
	! grep -q VITRINE_TEST_CRASH "$program" || found=yes
	[ "$found" = "$2" ] || exit 1
done
