#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Real mounts served by programs built with sanitizers: any finding fails. BUILD: where they are
# built (build-asan and build-tsan, kept). Arguments: the end-to-end tests to run.
set -eu
cd "$(dirname "$0")/.."
export VT_TEST_DATA="${VT_TEST_DATA:-$PWD/tests/data}"
tests=${*:-"round_trip versions documents restart slow_disk publish_kill stress soak hostile_users hostile_input upgrade audit_crash faults"}
reports=$(mktemp -d "${TMPDIR:-/tmp}/vitrine-sanitized.XXXXXX")
chmod 1777 "$reports" # servers of other users report too
trap 'rm -rf "$reports"' EXIT
trap 'exit 1' HUP INT TERM
# Else a report is only a remark: of a thread that was killed while leaks were looked for.
finding='ERROR: |WARNING: ThreadSanitizer|runtime error'
cases=0
failed=0

# build NAME SANITIZERS
build() {
	if [ ! -f "${BUILD:-.}/build-$1/build.ninja" ]; then
		meson setup "${BUILD:-.}/build-$1" "-Db_sanitize=$2" -Dcrash_points=true >&2
	elif ! grep -q VT_CRASH_POINTS "${BUILD:-.}/build-$1/build.ninja"; then
		meson setup --reconfigure -Dcrash_points=true "${BUILD:-.}/build-$1" >&2
	fi
	ninja -C "${BUILD:-.}/build-$1" tools/vitrine tests/tools/faults.so >&2
}

# run NAME: every test with that build; then there must be no report.
run() {
	built=$(realpath "${BUILD:-.}/build-$1")
	for test in $tests; do
		cases=$((cases + 1))
		status=0
		VITRINE=$built/tools/vitrine FAULTS=$built/tests/tools/faults.so sh "tests/e2e/$test.sh" \
			>"$reports/output" 2>&1 || status=$?
		if grep -q '^1\.\.0 # SKIP' "$reports/output"; then
			echo "ok $cases - $test with $1 # SKIP"
		elif [ "$status" -eq 0 ] && ! grep -qsE "$finding" "$reports"/report.*; then
			grep '^# ' "$reports/output" || true # its figures
			echo "ok $cases - $test with $1"
		else
			echo "not ok $cases - $test with $1"
			cat "$reports"/report.* "$reports/output" 2>/dev/null | head -n 200 | sed 's/^/# /'
			rm -f "$reports"/report.*
			failed=1
		fi
	done
}

export VITRINE_CONFINE=no # reports lie outside of stores, and leaks are looked for by ptrace
export MEMORY=unlimited # of hostile_input
export GROWTH=256 # of soak: what the sanitizers remember grows, too
export ASAN_OPTIONS="log_path=$reports/report:detect_leaks=1:quarantine_size_mb=32:verify_asan_link_order=0"
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
export UBSAN_OPTIONS="log_path=$reports/report:print_stacktrace=1"
export TSAN_OPTIONS="log_path=$reports/report:suppressions=$PWD/tests/tsan.supp:second_deadlock_stack=1"
build asan address,undefined
run asan
build tsan thread
run tsan
echo "1..$cases"
exit "$failed"
