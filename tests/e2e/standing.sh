#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A mount in the foreground outlives what serves it: server and keeper killed together, and the
# command with them when somebody (systemd; here tests/tools/supervise.py) keeps its descriptors.
# What is withdrawn afterwards is gone for descriptors and mappings opened before.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools
case $(uname -r) in
[0-5].* | 6.[0-8].*) skip "this kernel cannot send requests again" ;;
esac

vitrine init --quiet
mkdir "$tmp/mnt" "$tmp/unit"
"$tools/make_tree.py" "$tmp/src" 3 100
chmod -R a+rX "$tmp/src"
for version in 1 2 3 4; do
	echo "$version" >"$tmp/src/changes"
	vitrine publish --quiet ds "$tmp/src"
done
echo 3 >"$tmp/src/changes" # readers read v3
file=$(cd "$tmp/src" && find . -type f -size +8 | sort | head -n 1)

# Waits until $tmp/unit/events has N lines of a kind.
wait_events() {
	until [ "$(grep -c "^$1" "$tmp/unit/events")" -ge "$2" ]; do
		kill -0 "$supervisor" || fail "it ended:" "$(cat "$tmp/unit/events" "$tmp/said")"
		sleep 0.05
	done
}

# Waits until the server serves the mount.
wait_adopted() {
	until vitrine status --json | grep -q '"mountpoint"'; do sleep 0.05; done
}

main_pid() {
	sed -n 's/^start //p' "$tmp/unit/events" | tail -n 1
}

# Both stopped first, so that neither sees the other die.
kill_both() {
	both=$(pids_of 'server|keeper')
	[ "$(echo "$both" | wc -l)" -eq 2 ] || fail "not a server and a keeper: $both"
	# shellcheck disable=SC2086 # one word per process
	kill -STOP $both "$@" && kill -KILL $both "$@"
}

hold() {
	mkfifo "$tmp/go.$1"
	"$tools/hold.py" "$tmp/mnt/ds/$1/$file" <"$tmp/go.$1" >"$tmp/held.$1" 2>&1 &
	holder=$!
	exec 7>"$tmp/go.$1"
	until [ -s "$tmp/held.$1" ]; do sleep 0.05; done
}

# What was held is told to go on: every way is to give the same.
assert_held() {
	echo >&7
	exec 7>&-
	wait "$holder" || fail "$(cat "$tmp/held.$1")"
	grep -qvE "^held|$2" "$tmp/held.$1" && fail "$(cat "$tmp/held.$1")"
	rm "$tmp/go.$1"
}

"$tools/supervise.py" "$tmp/unit" "$VITRINE" mount --foreground "$tmp/mnt" >"$tmp/said" 2>&1 &
supervisor=$!
until [ -s "$tmp/unit/events" ]; do sleep 0.05; done

it "has the mount's two descriptors kept"
wait_events ready 1
wait_events store 2
cmp "$tmp/src/$file" "$tmp/mnt/ds/v1/$file"

it "server and keeper killed together: readers notice nothing, the command starts another server"
"$tools/readers.py" "$tmp/src" "$tmp/mnt/ds/v3" 4 4 >"$tmp/readers" 2>&1 &
readers=$!
kills=0
while [ "$kills" -eq 0 ] || [ ! -s "$tmp/readers" ]; do
	kill_both
	kills=$((kills + 1))
	until [ "$(pids_of 'server|keeper' | wc -l)" -eq 2 ]; do sleep 0.05; done
done
wait "$readers" || fail "$(cat "$tmp/readers")"
echo "# $(cat "$tmp/readers"), $kills kills"
assert_equal "$(grep -c ^start "$tmp/unit/events")" 1

it "then a withdrawal still ends what was opened before"
hold v1
kill_both
wait_adopted
assert_ok vitrine withdraw ds@v1 --reason test
assert_held v1 ' (ESTALE|SIGBUS)$|^path ENOENT$'
grep -q 'shared-map SIGBUS' "$tmp/held.v1"

it "and does so when it came before the mount was handed over"
hold v4
exec 6<"$tmp/mnt/ds/v4/$file"
kill -STOP "$(main_pid)"
kill_both
assert_ok vitrine withdraw ds@v4 --reason test
kill -CONT "$(main_pid)"
while python3 -c 'import os; os.pread(6, 1, 0)' 2>/dev/null; do sleep 0.05; done
exec 6<&-
assert_held v4 ' (ESTALE|SIGBUS)$|^path ENOENT$'
grep -q 'shared-map SIGBUS' "$tmp/held.v4"

it "all three killed together: the next start takes the mount up, open files go on"
hold v2
"$tools/readers.py" "$tmp/src" "$tmp/mnt/ds/v3" 4 4 >"$tmp/readers2" 2>&1 &
readers=$!
starts=1
while [ "$starts" -eq 1 ] || [ ! -s "$tmp/readers2" ]; do
	kill_both "$(main_pid)"
	starts=$((starts + 1))
	wait_events ready "$starts"
done
wait "$readers" || fail "$(cat "$tmp/readers2")"
echo "# $(cat "$tmp/readers2"), $((starts - 1)) kills"
assert_held v2 ' ok$'

it "then too a withdrawal ends what was opened before"
hold v2
kill_both "$(main_pid)"
wait_events ready $((starts + 1))
assert_ok vitrine withdraw ds@v2 --reason test
assert_held v2 ' (ESTALE|SIGBUS)$|^path ENOENT$'
grep -q 'shared-map SIGBUS' "$tmp/held.v2"

it "the command alone killed: the next start finds the mount served"
server=$(pids_of server)
kill -KILL "$(main_pid)"
wait_events ready $((starts + 2))
assert_equal "$(pids_of server)" "$server"
assert_equal "$(vitrine status --json | grep -o '"mountpoint"' | wc -l)" 1
cmp "$tmp/src/$file" "$tmp/mnt/ds/v3/$file"

it "ends the mount when told to, and lets go of the descriptors"
kill "$supervisor"
wait "$supervisor" || fail "status $?" "$(cat "$tmp/said")"
assert_equal "$(mounts_below)" ""
grep -qE '^(remove|drop) mount' "$tmp/unit/events"
grep -qE '^(remove|drop) state' "$tmp/unit/events"
