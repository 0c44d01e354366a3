#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A folder may use what stands below it, never above: tools, fs, policy, index, index/base.
# Names every #include line that points up.
set -eu
cd "${1:-$(dirname "$0")/..}"

find tools fs policy index -name '*.[ch]' -exec grep -Hn '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' {} + |
awk -F: '
function rank(path) {
	if (path ~ /^index\/base\//) return 1
	if (path ~ /^index\//) return 2
	if (path ~ /^policy\//) return 3
	if (path ~ /^fs\//) return 4
	if (path ~ /^tools\//) return 5
	return 0 # a generated file: beside its user
}
{
	split($3, quoted, "\"")
	seen++
	if (rank(quoted[2]) > rank($1)) {
		printf "%s:%s: \"%s\" stands above it\n", $1, $2, quoted[2]
		up++
	}
}
END {
	if (!seen) print "no #include line was found"
	exit up || !seen
}'
