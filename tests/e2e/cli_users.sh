#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whose store it is: what another user may and may not, and root working in somebody's store.
. "$(dirname "$0")/lib.sh"
need_root
make_user owner
owner=$user
make_user guest
guest=$user
mkdir -p "$tmp/source"
printf 'secret of root' >"$tmp/source/private.txt"
chmod 0600 "$tmp/source/private.txt"

it "root makes a store for somebody, and nothing in it is root's"
assert_ok vitrine init --owner "$owner"
assert_equal "$(find "$VITRINE_STORE" ! -user "$owner" | wc -l)" 0
assert_status 4 vitrine init --owner no-such-user "$tmp/other"
assert_err "no-such-user"

it "an ordinary user cannot make a store for another"
mkdir "$tmp/guest"
chown "$guest" "$tmp/guest"
assert_status 3 as_user "$guest" "$VITRINE" init --owner "$owner" "$tmp/guest/store"

it "root publishes what only root can read, and the files are the owner's"
assert_ok vitrine publish --open notes "$tmp/source"
assert_equal "$(find "$VITRINE_STORE" ! -user "$owner" | wc -l)" 0
assert_ok vitrine cat notes:private.txt
assert_equal "$(cat "$tmp/out")" "secret of root"

it "the server is the owner's process"
vitrine status --json >"$tmp/out"
assert_equal "$(json_member 1 uid)" "$(id -u "$owner")"

it "a guest reads, and is denied what changes the store"
assert_ok as_user "$guest" "$VITRINE" ls notes
assert_ok as_user "$guest" "$VITRINE" show notes
for change in "tag notes@v1 mine" "rollback notes@v1" "withdraw notes@v1 --reason x" \
	"rm notes@v1" "rm --all notes" "gc" "verify" "stop" "publish mine $tmp/guest"; do
	# shellcheck disable=SC2086 # words of a command
	assert_status 3 as_user "$guest" "$VITRINE" $change
	[ -s "$tmp/err" ] || fail "$change: denied without a word"
done
assert_ok vitrine show notes@v1

it "the owner may do all of it without root"
assert_ok as_user "$owner" "$VITRINE" tag notes@v1 mine
assert_ok as_user "$owner" "$VITRINE" untag notes@mine
