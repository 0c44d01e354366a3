#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Versions while mounted: they appear at once, differ where they should, and go away for good.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools

vitrine init >/dev/null
mkdir -p "$tmp/mnt" "$tmp/src/a/b"
seq 1 20000 >"$tmp/src/a/numbers"
seq 1 9 >"$tmp/src/a/b/few"
echo one >"$tmp/src/gone"
vitrine publish ds "$tmp/src" >/dev/null
vitrine mount "$tmp/mnt" >/dev/null
mnt=$tmp/mnt/ds

it "shows a version that was published meanwhile, to those who looked for it all along"
for i in 1 2 3 4; do
	(while [ ! -e "$tmp/enough" ]; do
		stat "$mnt/v2" >/dev/null 2>&1 || true
		readlink "$mnt/latest" >/dev/null
	done) &
done
echo changed >"$tmp/src/a/b/few"
rm "$tmp/src/gone"
echo new >"$tmp/src/new"
assert_ok vitrine publish ds "$tmp/src" --message second
sleep 1
assert_equal "$(readlink "$mnt/latest")" v2
assert_equal "$(cat "$mnt/v2/new")" new
assert_equal "$(cat "$mnt/v1/gone")" one
: >"$tmp/enough"
wait

it "lets diff -r find what was changed, and nothing else"
assert_status 1 diff -rq "$mnt/v1" "$mnt/v2"
assert_equal "$(sort "$tmp/out" | sed "s,$mnt/,,g")" "Files v1/a/b/few and v2/a/b/few differ
Only in v1: gone
Only in v2: new"

it "gives every version inode numbers of its own"
[ "$(stat -c %i "$mnt/v1/a/numbers")" != "$(stat -c %i "$mnt/v2/a/numbers")" ] || fail "equal numbers"

it "moves tags, and latest with a rollback"
assert_ok vitrine tag ds@v1 golden
sleep 1
assert_equal "$(readlink "$mnt/golden")" v1
assert_ok vitrine tag ds@v2 golden
sleep 1.1
assert_equal "$(readlink "$mnt/golden")" v2
assert_ok vitrine rollback ds@v1
sleep 1.1
assert_equal "$(readlink "$mnt/latest")" v1
assert_equal "$(cat "$mnt/latest/gone")" one

hold() { # hold PATH NAME: starts a holder; release NAME prints what still works for it
	mkfifo "$tmp/$2.in"
	"$tools/hold.py" "$1" <"$tmp/$2.in" >"$tmp/$2.out" &
	holder=$!
	exec 9>"$tmp/$2.in"
	while ! grep -q held "$tmp/$2.out"; do
		kill -0 "$holder" || fail "the holder ended"
		sleep 0.05
	done
}

release() {
	echo >&9
	exec 9>&-
	wait "$holder" || fail "the holder ended badly"
}

it "takes a withdrawn version from those who hold it open, and from nobody else"
hold "$mnt/v1/a/numbers" loser
exec 8<"$mnt/v2/a/numbers"
assert_ok vitrine withdraw ds@v1 --reason "wrong licence"
release
for way in pread fstat reopen o_path openat listdir cwd; do
	grep -qx "$way ESTALE" "$tmp/loser.out" || fail "$way:" "$(cat "$tmp/loser.out")"
done
for way in shared-map private-map; do
	grep -qx "$way SIGBUS" "$tmp/loser.out" || fail "$way:" "$(cat "$tmp/loser.out")"
done
grep -qx "path ENOENT" "$tmp/loser.out" || fail "path:" "$(cat "$tmp/loser.out")"
assert_equal "$(sha256sum <&8 | cut -d' ' -f1)" "$(sha256sum <"$tmp/src/a/numbers" | cut -d' ' -f1)"
exec 8<&-
sleep 1.1
assert_equal "$(ls "$mnt" | sort | tr '\n' ' ')" "golden latest v2 "

it "does the same for rm, and gives nothing back by publishing again"
hold "$mnt/v2/a/numbers" other
assert_ok vitrine untag ds@golden
assert_ok vitrine rm ds@v2
assert_ok vitrine publish ds "$tmp/src"
cat "$mnt/latest/a/numbers" >"$tmp/null"
release
grep -qx "pread ESTALE" "$tmp/other.out" || fail "$(cat "$tmp/other.out")"
grep -qx "shared-map SIGBUS" "$tmp/other.out" || fail "$(cat "$tmp/other.out")"
