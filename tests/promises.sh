#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# promises.sh SOURCE BUILD: every suite that the manual names for a promise is a test of the build, and tests/README.md
# speaks of each promise.
set -eu
cd "$1"
page=tools/man/vitrine-promises.7
promises=$(sed -n 's/^\.It \(P[0-9]*\)\. .*/\1/p' "$page")
suites=$(awk '/^\./ { on = 0 } sub(/^Suites: /, "") { on = 1 } on' "$page" | tr '.;,' ' ')
tests=$(tr ',' '\n' <"$2/meson-info/intro-tests.json" | sed -n 's/^ *"name": "\(.*\)"$/\1/p')
status=0

problem() {
	echo "$*"
	status=1
}

for suite in $suites; do
	echo "$tests" | grep -qx "$suite" || problem "$page: there is no test $suite"
done
for promise in $promises; do
	grep -q "^| $promise |" tests/README.md || problem "tests/README.md says nothing of $promise"
done
[ "$(echo "$promises" | wc -l)" -ge 7 ] || problem "$page has fewer than seven promises"
exit "$status"
