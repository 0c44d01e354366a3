#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first grant that takes a list, on a mount that was made without: contents are closed, names can be guessed,
# and grant and doctor say so until it is mounted again.
. "$(dirname "$0")/policy_lib.sh"
make_user carol
carol=$user
mkdir "$tmp/src"
echo "the bytes" >"$tmp/src/file"
vitrine init >/dev/null
vitrine publish --quiet birds "$tmp/src"
vitrine publish --quiet roads "$tmp/src"
vitrine mount "$mnt" >/dev/null
words="can be guessed on $mnt until it is mounted again (acl=auto)"

it "a grant that owner and group can show says nothing"
assert_ok vitrine grant "osgroup:$alice" read birds
assert_no_err
vitrine doctor >"$tmp/out" 2>&1 || true
! grep -q guessed "$tmp/out" || fail "$(cat "$tmp/out")"

it "the first that takes a list says that names can be guessed, and so does doctor"
assert_ok vitrine grant "$bob" read birds
assert_err "names and sizes of birds $words"
vitrine doctor >"$tmp/out" 2>&1 || true
assert_out "$words"
assert_ok vitrine grant "osgroup:$alice" read roads
assert_no_err
as_user "$alice" "$VITRINE" doctor >"$tmp/out" 2>&1 || true
! grep -q guessed "$tmp/out" || fail "who does not administer the store is told" "$(cat "$tmp/out")"

it "contents are closed all the same"
assert_ok as_user "$bob" cat "$mnt/birds/v1/file"
assert_status 1 as_user "$carol" cat "$mnt/birds/v1/file"
assert_err "Permission denied"

it "mounted again it is closed to the last name"
assert_ok vitrine umount "$mnt"
assert_ok vitrine mount "$mnt"
vitrine doctor >"$tmp/out" 2>&1 || true
! grep -q guessed "$tmp/out" || fail "$(cat "$tmp/out")"
assert_ok vitrine grant "$carol" browse birds
assert_no_err
assert_ok vitrine revoke "$carol" browse birds
assert_ok as_user "$bob" cat "$mnt/birds/v1/file"
assert_status 1 as_user "$carol" stat "$mnt/birds/v1/file"
