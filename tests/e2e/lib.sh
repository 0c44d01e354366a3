# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# For the end-to-end tests: `. "$(dirname "$0")/lib.sh"` first. Gives a temporary folder ($tmp), a
# store path ($VITRINE_STORE, not yet made), assertions, users. Whatever happens, what is mounted
# below $tmp is unmounted, its servers are ended and the folder is removed.
#
# A test is a sequence of `it "says what should be"` followed by assertions; the first that fails
# ends it. TAP goes to standard output. $VITRINE is the client, $VITRINE-store and $VITRINE-publish what it starts.
set -eu

: "${VITRINE:?the program to test}"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/vitrine-e2e.XXXXXX")
chmod 0711 "$tmp" # other users reach mounts in it
# shellcheck disable=SC2034 # for tests
built=$(dirname "$VITRINE")

# copy_programs FOLDER: as if Vitrine were installed there, too.
copy_programs() {
	cp "$VITRINE" "$VITRINE-store" "$VITRINE-publish" "$1"
}

if [ "$(id -u)" -eq 0 ]; then # and the program, wherever it was built
	mkdir "$tmp/program"
	copy_programs "$tmp/program"
	VITRINE=$tmp/program/vitrine
fi
export VITRINE_STORE="$tmp/store" VITRINE_IDLE_SECONDS=60 LC_ALL=C.UTF-8 TZ=UTC
unset VITRINE_MOUNT NO_COLOR PYTHONUNBUFFERED
users=
many_users=
groups=
cases=0
current=

vitrine() {
	"$VITRINE" "$@"
}

# pids_of 'server|keeper' [STORE]: a store's server and keeper, by the store in their arguments.
pids_of() {
	for cmdline in /proc/[0-9]*/cmdline; do
		grep -qzE "^($1)\$" "$cmdline" 2>/dev/null || continue
		grep -qzFx "${2:-$VITRINE_STORE}" "$cmdline" 2>/dev/null || continue
		pid=${cmdline#/proc/}
		echo "${pid%/cmdline}"
	done
}

mounts_below() {
	awk -v below="$tmp/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r
}

stop_servers() {
	find "$tmp" -name vitrine.json | while read -r store; do
		"$VITRINE" --store "${store%/vitrine.json}" stop --quiet || true
	done
}

# The ends of the servers' logs. meson shows 100 lines of a test that failed: the reason is one of them.
say_logs() {
	set -- "$tmp"/*/run/server.log
	for log in "$@"; do
		[ ! -s "$log" ] || tail -n $((60 / $#)) "$log" | sed "s/^/# server: /"
	done
}

clean_up() {
	status=$?
	trap - EXIT
	if [ "$status" -ne 0 ] && [ -n "$current" ]; then
		echo "not ok $cases - $current"
		say_logs >&2
	elif [ -n "$current" ]; then
		echo "ok $cases - $current"
		echo "1..$cases"
	fi
	mounts_below | while read -r point; do
		point=$(printf '%b' "$point") # a blank stands as \040
		fusermount3 -uz "$point" 2>/dev/null || umount -l "$point" || true
	done
	stop_servers
	[ -z "$many_users" ] || "$(dirname "$0")/../tools/users.py" remove "$many_users"
	for user in $users; do
		userdel --force "$user" 2>/dev/null || true
	done
	for group in $groups; do
		groupdel "$group" 2>/dev/null || true
	done
	chmod -R u+w "$tmp" 2>/dev/null || true
	rm -rf "$tmp"
	exit "$status"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# Ends the test as skipped before its first case. Of TAP meson takes any other status as an error.
skip() {
	echo "1..0 # SKIP $*"
	current=
	exit 0
}

need_fuse() {
	if [ ! -r /dev/fuse ] || [ ! -w /dev/fuse ]; then
		skip "/dev/fuse is missing or closed to us"
	fi
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip "only root can do this"
}

# Can it be told to die at a point of a protocol?
has_crash_points() {
	"$VITRINE" --version | grep -q 'crash points'
}

need_crash_points() {
	has_crash_points || skip "built without crash points (meson setup -Dcrash_points=true)"
}

# Begins a case: the one before it has passed.
it() {
	[ -z "$current" ] || echo "ok $cases - $current"
	cases=$((cases + 1))
	current=$*
}

# Why goes to standard error: meson shows that when a test fails, and not the TAP.
fail() {
	printf '%s\n' "$@" | sed 's/^/# /' >&2
	exit 1
}

# assert_equal WHAT EXPECTED
assert_equal() {
	[ "$1" = "$2" ] || fail "is:       $1" "expected: $2"
}

# Runs a command; its output is in $tmp/out and $tmp/err. assert_status 4 vitrine ls nothing
assert_status() {
	expected=$1
	shift
	status=0
	"$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	[ "$status" -eq "$expected" ] ||
		fail "$*: status $status, expected $expected" "$(cat "$tmp/out" "$tmp/err")"
}

assert_ok() {
	assert_status 0 "$@"
}

# The last command's standard output, or standard error, holds a text.
assert_out() {
	grep -qF -- "$1" "$tmp/out" || fail "no '$1' in the output:" "$(cat "$tmp/out")"
}

assert_err() {
	grep -qF -- "$1" "$tmp/err" || fail "no '$1' in the message:" "$(cat "$tmp/err")"
}

assert_no_err() {
	[ ! -s "$tmp/err" ] || fail "unexpected message:" "$(cat "$tmp/err")"
}

# Every line of the last output is a JSON object that has these members.
assert_json() {
	python3 -c '
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1], "rb")]
assert lines, "no line"
for line in lines:
    missing = [key for key in sys.argv[2:] if key not in line]
    assert isinstance(line, dict) and not missing, f"{line} lacks {missing}"
' "$tmp/out" "$@" 2>"$tmp/python" || fail "$(tail -n 1 "$tmp/python")" "$(head -n 5 "$tmp/out")"
}

# A member of line N (from 1) of the last output: json_member 1 version
json_member() {
	sed -n "$1p" "$tmp/out" | python3 -c '
import json, sys
value = json.load(sys.stdin)[sys.argv[1]]
print(value if isinstance(value, str) else json.dumps(value))' "$2"
}

# walk DIR [as_user NAME]: lists a tree with all that stat(2) says. From coreutils 9.6 on ls asks for
# each file's list of xattrs, and the kernel keeps no such lists.
walk() {
	folder=$1
	shift
	if printf '9.6\n%s\n' "$(ls --version | sed -n '1s/.* //p')" | sort -CV; then
		"$@" find "$folder" -ls
	else
		"$@" ls -lR "$folder"
	fi
}

# Makes a user for this test; needs root. The name is in $user.
make_user() {
	user=vt-e2e-$1-$$
	useradd --no-create-home --shell /bin/sh "$user"
	users="$users $user"
}

# Makes COUNT users at once, once in a test: $many_users1, $many_users2, ...
make_many_users() {
	many_users=vt-e2e-m$$-
	"$(dirname "$0")/../tools/users.py" add "$many_users" "$1"
}

# The same for a group, whose name is in $group.
make_group() {
	group=vt-e2e-$1-$$
	groupadd "$group"
	groups="$groups $group"
}

# Kills server and keeper, and further PIDS; all stopped first, so that none sees another die.
kill_both() {
	both=$(pids_of 'server|keeper')
	[ "$(echo "$both" | wc -l)" -eq 2 ] || fail "not a server and a keeper: $both"
	# shellcheck disable=SC2086 # one word per process
	kill -STOP $both "$@" && kill -KILL $both "$@"
}

# start WORD FILE COMMAND...: runs it in the background, its output in FILE, until it says a line that begins with
# WORD; its process is $!. FILE goes first: on a busy machine the words that another left there would be taken for
# its own, before it has begun.
start() {
	word=$1 said=$2
	shift 2
	rm -f "$said"
	"$@" >"$said" 2>&1 &
	until grep -q "^$word" "$said" 2>/dev/null; do
		kill -0 "$!" || fail "$* ended" "$(cat "$said")"
		sleep 0.05
	done
}

# assert_reader NAME OBJECT: the audit log has that he read it, or will in a moment: records are written together
assert_reader() {
	for _ in $(seq 100); do
		assert_ok vitrine audit who-read "$2"
		! grep -q "^$1 " "$tmp/out" || return 0
		sleep 0.1
	done
	fail "$1 has not read $2:" "$(cat "$tmp/out")"
}

# assert_denied USER REASON OBJECT: the audit log says so, or will in a moment: records are written together
assert_denied() {
	for _ in $(seq 100); do
		vitrine audit list --kind deny --user "$1" --json >"$tmp/denials"
		! grep "\"object\": *\"$3\"" "$tmp/denials" | grep -q "\"reason\": *\"$2\"" || return 0
		sleep 0.1
	done
	fail "no $2 of $1 on $3:" "$(vitrine audit list)"
}

# as_user NAME COMMAND...
as_user() {
	who=$1
	shift
	setpriv --reuid="$who" --regid="$(id -g "$who")" --clear-groups "$@"
}
