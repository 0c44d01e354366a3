#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The servers of several stores are killed under 8 readers: they notice nothing, and a withdrawal
# afterwards still bites. First with requests that the kernel sends again to the next server (Linux
# 6.9 and later), then with those that are kept for it. KILLS, KEPT_KILLS: how many. STORES: a
# keeper takes its time after 20 deaths in a minute, so the kills are shared out.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools
stores=${STORES:-4}

"$tools/make_tree.py" "$tmp/src" 3 200
truncate -s 2M "$tmp/src/hole"
chmod -R a+rX "$tmp/src"
big=$(cd "$tmp/src" && find . -type f -size +100 ! -name hole | head -n 1)
numbers=$(seq "$stores")
for i in $numbers; do
	mkdir "$tmp/mnt$i"
	assert_ok vitrine --store "$tmp/store$i" init
	assert_ok vitrine --store "$tmp/store$i" publish ds "$tmp/src"
	assert_ok vitrine --store "$tmp/store$i" stop
done

kill_server() {
	kill -9 "$(vitrine --store "$1" status --json |
		python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["pid"])')"
}

# kill_often STORE TIMES: two deaths that follow at once on the one before, then one that does not.
kill_often() {
	rest=1.2
	[ "$2" -lt 20 ] || rest=9
	for k in $(seq "$2"); do
		kill_server "$1"
		if [ $((k % 3)) -eq 0 ]; then sleep "$rest"; else sleep 0.2; fi
	done
}

mount_all() {
	for i in $numbers; do
		assert_ok vitrine --store "$tmp/store$i" mount "$tmp/mnt$i"
	done
}

unmount_all() {
	for i in $numbers; do
		assert_ok vitrine --store "$tmp/store$i" umount "$tmp/mnt$i"
		assert_ok vitrine --store "$tmp/store$i" stop
	done
}

# finish PID OUTPUT: a reader whose request was lost would never end.
finish() {
	for _ in $(seq 600); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	! kill -0 "$1" 2>/dev/null || fail "a read never ends"
	wait "$1" || fail "$(cat "$2")"
}

# Of a hole no byte is stored. Past the page cache, which would ask once more.
read_hole() {
	while [ -e "$tmp/reading" ]; do
		dd if="$1" of=/dev/null bs=1M iflag=direct status=none
	done
}

# storm KILLS
storm() {
	readers=
	killers=
	touch "$tmp/reading"
	for i in $numbers; do
		"$tools/readers.py" "$tmp/src" "$tmp/mnt$i/ds/v1" "$tmp/reading" $((8 / stores)) \
			>"$tmp/readers$i" 2>&1 &
		readers="$readers $!:readers$i"
		read_hole "$tmp/mnt$i/ds/v1/hole" >"$tmp/holes$i" 2>&1 &
		readers="$readers $!:holes$i"
		kill_often "$tmp/store$i" $((($1 + stores - i) / stores)) &
		killers="$killers $!"
	done
	for killer in $killers; do
		wait "$killer" || fail "a kill failed"
	done
	rm "$tmp/reading"
	for reader in $readers; do
		finish "${reader%:*}" "$tmp/${reader#*:}"
	done
	echo "# $1 kills, $(cat "$tmp"/readers* | awk '{ n += $1 } END { print n }') operations"
}

# Reads one file from $1 in the background, and the server of the first store dies meanwhile.
held_request() {
	cat "$1" >"$tmp/held" 2>"$tmp/err" &
	reader=$!
	sleep 1
	kill -0 "$reader" || fail "the disk was not slow"
	kill_server "$tmp/store1"
	finish "$reader" "$tmp/err"
	cmp "$tmp/src/$big" "$tmp/held" || fail "it got other bytes"
}

# withdraw_after_a_kill DATASET: an open descriptor is kept, and loses its access.
withdraw_after_a_kill() {
	assert_ok vitrine --store "$tmp/store1" publish "$1" "$tmp/src"
	exec 9<"$tmp/mnt1/$1/v1/$big"
	kill_server "$tmp/store1"
	head -c 10 <&9 >/dev/null
	assert_ok vitrine --store "$tmp/store1" withdraw "$1@v1" --reason test
	assert_status 1 head -c 10 /proc/self/fd/9
	exec 9<&-
}

# everything WORDS KILLS
everything() {
	it "goes on reading under kills, requests $1"
	mount_all
	storm "$2"
	unmount_all

	it "answers what was under way at a kill, requests $1"
	VITRINE_TEST_SOURCE=delay:1:4000 vitrine --store "$tmp/store1" mount "$tmp/mnt1" >/dev/null
	held_request "$tmp/mnt1/ds/v1/$big"
	grep -q "taking over .* requests=$1" "$tmp/store1/run/server.log" || fail "not so"

	it "takes access away after a kill, requests $1"
	withdraw_after_a_kill "$1"
	vitrine --store "$tmp/store1" umount --quiet "$tmp/mnt1"
	vitrine --store "$tmp/store1" stop --quiet
}

case $(uname -r) in
[0-5].* | 6.[0-8].*) ;; # all are kept
*) everything sent-again "${KILLS:-30}" ;;
esac
export VITRINE_NO_RESEND=1
everything kept "${KEPT_KILLS:-20}"
