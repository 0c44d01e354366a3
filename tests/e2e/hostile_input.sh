#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All hostile input in one table (tests/tools/hostile_input.py), each with what must become of it: refused in one
# sentence, or taken and read back as it should be; in bounded memory and time. One server sees it all, lives on and
# serves others.
. "$(dirname "$0")/lib.sh"
need_fuse
table=$(dirname "$0")/../tools/hostile_input.py
seconds=20                # for a case, on a busy machine
memory=${MEMORY:-2000000} # KiB of address space of a command, or unlimited: sanitizers reserve what they like
server=1000000            # KiB that the server may take

mkdir "$tmp/base" "$tmp/mnt"
echo kept >"$tmp/base/f"
vitrine init --quiet
vitrine publish --quiet base "$tmp/base"
vitrine mount --quiet "$tmp/mnt"
pid=$(pids_of server)
"$table" make "$tmp/hostile"

# The command of a case, bounded; what it says is in $tmp/said, its status in $is.
attempt() {
	made=$tmp/hostile/in/$name
	case $command in
	publish) set -- publish "$name" "$made" ;;
	decompress) set -- publish "$name" "$made" --decompress ;;
	strict) set -- publish "$name" "$made" --strict ;;
	labels-*) set -- import-labels base "$made" --format "${command#labels-}" ;;
	lock) set -- lock --check "$made" ;;
	gate) set -- gate set base "$made" ;;
	*) fail "no such command: $command" ;;
	esac
	is=0
	(
		ulimit -v "$memory"
		exec timeout "$seconds" "$VITRINE" "$@"
	) >"$tmp/said" 2>&1 </dev/null || is=$?
}

check_reads() {
	[ -e "$tmp/hostile/expected/$name" ] || return 0
	timeout "$seconds" "$table" read "$tmp/hostile" "$name" "$tmp/mnt/$name/v1" 2>"$tmp/err" ||
		fail "$(cat "$tmp/err")"
}

taken='base
'
while IFS=$(printf '\t') read -r kind name command status words; do
	if [ "$status" -eq 0 ]; then
		it "$kind: $name is taken"
	else
		it "$kind: $name is refused"
	fi
	attempt
	said=$(head -c 2000 "$tmp/said")
	[ "$is" -eq "$status" ] || fail "status $is, expected $status:" "$said"
	grep -qaF -- "$words" "$tmp/said" || fail "no '$words' in:" "$said"
	case $status$command in
	0labels-*) ;;
	0*)
		check_reads
		taken="$taken$name
"
		;;
	*) grep -qa '^vitrine: ' "$tmp/said" || fail "no sentence:" "$said" ;;
	esac
	assert_equal "$(timeout "$seconds" cat "$tmp/mnt/base/v1/f")" kept
done <"$tmp/hostile/cases"

it "leaves nothing of what was refused, and the server as it was"
tries=0 # the server hears of an end a moment later
while [ -n "$(ls "$VITRINE_STORE/tmp")" ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 100 ] || fail "left in tmp:" "$(find "$VITRINE_STORE/tmp")"
	sleep 0.05
done
assert_equal "$(timeout "$seconds" ls "$tmp/mnt" | sort)" "$(printf '%s' "$taken" | sort)"
assert_equal "$(pids_of server)" "$pid"
peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")
echo "# $cases cases, the server took $peak KiB at most"
[ "$peak" -lt "$server" ] || fail "the server took $peak KiB"
assert_ok vitrine verify
