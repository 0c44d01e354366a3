#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The models, by Spin: what is right must hold in all states, and every mistake that is put in must
# be found, by the property that it breaks. With --long larger models, too.
set -eu
cd "$(dirname "$0")"
if ! command -v spin >/dev/null || ! command -v gcc >/dev/null; then
	echo "1..0 # SKIP spin or gcc is missing"
	exit 77
fi
model=$PWD/narrow.pml
folder=$(mktemp -d "${TMPDIR:-/tmp}/vitrine-model.XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
cd "$folder"
cases=0
failed=0
effort=-O0 # to compile takes longer than to search

# search OPTION...: goes through all states; what Spin says is in `result`.
search() {
	rm -f pan* narrow.pml.trail
	spin -a "$@" "$model" >result 2>&1 || return 1
	gcc "$effort" -DSAFETY -DCOLLAPSE -DMEMLIM=2000 -o pan pan.c >>result 2>&1 || return 1
	./pan -m1000000 >result 2>&1
}

# report NAME: the status of the last command is the result of a case.
report() {
	status=$?
	cases=$((cases + 1))
	if [ "$status" -eq 0 ]; then
		echo "ok $cases - $1"
	else
		echo "not ok $cases - $1"
		sed 's/^/# /' result
		failed=1
	fi
}

# holds NAME OPTION...: no error, and nothing was left out.
holds() {
	name=$1
	shift
	search "$@" && grep -q 'errors: 0' result && ! grep -qE 'too small|max search|out of memory' \
		result && :
	report "$name"
}

# finds NAME ASSERTION OPTION...
finds() {
	name=$1
	assertion=$2
	shift 2
	search "$@" && grep -qF "assertion violated $assertion" result && :
	report "$name is found"
}

leak='((who!=0)|| !(returned))'
holds 'narrowing, one file, twice, a death' -DFILES=1 -DROUNDS=2
holds 'narrowing, two files' -DDEATHS=0
finds 'check and enter in two steps' "$leak" -DFILES=1 -DFAULT=1
finds 'no drain' "$leak" -DFILES=1 -DFAULT=2
finds 'drop before drain' "$leak" -DFILES=1 -DFAULT=3
finds 'the same id after a retirement' "$leak" -DFILES=1 -DFAULT=4
finds 'the policy changed after the scan' "$leak" -DFILES=1 -DFAULT=5
finds 'a successor that forgets' "$leak" -DFILES=1 -DFAULT=6
finds 'a handle entered after the reply' "$leak" -DFILES=1 -DFAULT=7
finds 'an id that dies before it is noted' "$leak" -DFILES=1 -DFAULT=8
finds 'a READ looked up before it is entered' "$leak" -DFILES=1 -DFAULT=9
finds 'pages that are not dropped' "$leak" -DFILES=1 -DFAULT=10
finds 'a READ that is not looked up' "$leak" -DFILES=1 -DFAULT=11
finds 'burning for those who keep their right' 'handles[' -DFILES=1 -DFAULT=12
if [ "${1:-}" = --long ]; then
	effort=-O2
	holds 'narrowing, two files, a death' -DDEATHS=1
	holds 'narrowing, one file, two deaths' -DFILES=1 -DDEATHS=2
	holds 'narrowing, one file, twice, two deaths' -DFILES=1 -DROUNDS=2 -DDEATHS=2
fi
echo "1..$cases"
exit "$failed"
