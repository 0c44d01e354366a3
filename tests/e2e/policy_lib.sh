# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# For tests of who may read: lib.sh, two users ($alice, $bob), a folder to mount on ($mnt), and keepers,
# which hold files in the background and say in the end what still works (tests/tools/keep.py). $e2e: this folder,
# for who stands in another.
: "${e2e:=$(dirname "$0")}"
. "$e2e/lib.sh"
need_fuse
need_root
cp "$e2e/../tools/keep.py" "$tmp/keep.py"
chmod 0755 "$tmp/keep.py"
make_user alice
alice=$user
make_user bob
bob=$user
mnt=$tmp/mnt
mkdir "$mnt"

# keep NAME USER ARGS...: begins; kept NAME: ends it, and what worked is in $tmp/NAME.kept
keep() {
	name=$1 keeper=$2
	shift 2
	rm -f "$tmp/go.$name"
	start kept "$tmp/$name.kept" as_user "$keeper" "$tmp/keep.py" "$@" "$tmp/go.$name"
	eval "pid_$name=\$!"
}

kept() {
	: >"$tmp/go.$1"
	chmod 0644 "$tmp/go.$1"
	eval "wait \$pid_$1" || fail "the keeper failed" "$(cat "$tmp/$1.kept")"
}

# requests POINT: served on that mount so far
requests() {
	vitrine status --json | python3 -c '
import json, sys
print([m["requests"] for m in json.load(sys.stdin)["mounts"] if m["mountpoint"] == sys.argv[1]][0])' "$1"
}

# works NAME WAY LINE
works() {
	grep -qx "$2 $3" "$tmp/$1.kept" || fail "not '$2 $3':" "$(cat "$tmp/$1.kept")"
}
