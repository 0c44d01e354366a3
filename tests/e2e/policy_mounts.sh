#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The three kinds of mount: what each shows to whom, what it asks of the server, and containers.
. "$(dirname "$0")/policy_lib.sh"

mkdir -p "$tmp/src/a" "$tmp/open" "$tmp/pen" "$tmp/private" "$tmp/any" "$tmp/in"
for d in $(seq 20); do
	mkdir "$tmp/src/$d"
	for i in $(seq 50); do echo "$d $i" >"$tmp/src/$d/$i"; done
done
vitrine init >/dev/null
vitrine publish --quiet birds "$tmp/src"
vitrine publish --quiet --open roads "$tmp/src"
vitrine publish --quiet trials "$tmp/src"
vitrine grant "$alice" read birds >/dev/null
vitrine grant "$bob" read trials >/dev/null

it "a shared mount lists to each what is theirs"
assert_ok vitrine mount "$mnt"
assert_equal "$(as_user "$alice" ls "$mnt" | tr '\n' ' ')" "birds roads "
assert_equal "$(as_user "$bob" ls "$mnt" | tr '\n' ' ')" "roads trials "
assert_equal "$(ls "$mnt" | tr '\n' ' ')" "birds roads trials "
assert_equal "$(as_user "$alice" "$VITRINE" ls --json | grep -o '"dataset": *"[a-z]*"' | tr -d ' ' | tr '\n' ' ')" \
	'"dataset":"birds" "dataset":"roads" '
assert_equal "$(as_user "$bob" df --output=itotal "$mnt" | tail -n 1 | tr -d ' ')" 2044
grep -q '"datasets": 2' "$mnt/.vitrine/status.json" && fail "root sees all three"
as_user "$bob" grep -q '"datasets": 2' "$mnt/.vitrine/status.json" || fail "bob sees two"
as_user "$bob" grep -q requests "$mnt/.vitrine/status.json" && fail "what others do is nothing to bob"
assert_ok as_user "$bob" "$VITRINE" status --json
grep -q '"requests"' "$tmp/out" && fail "what others do is nothing to bob" "$(cat "$tmp/out")"
for name in birds/v1 birds/latest birds/.vitrine/v1/SHA256SUMS birds/.vitrine/v1/README.md; do
	assert_status 1 as_user "$bob" cat "$mnt/$name"
	assert_err "Permission denied"
done

it "a shared mount with lists keeps strangers out of the folder itself"
vitrine grant "$bob" read birds >/dev/null
make_user carol
assert_ok vitrine mount -o acl=auto "$tmp/in"
assert_ok as_user "$bob" ls "$tmp/in/birds/v1"
assert_ok as_user "$alice" cat "$tmp/in/birds/v1/1/1"
assert_status 2 as_user "$user" ls "$tmp/in/birds/v1"
assert_status 1 as_user "$user" stat "$tmp/in/birds/v1/1"
assert_ok vitrine umount "$tmp/in"
vitrine revoke "$bob" read birds >/dev/null

it "an open-only mount shows what everybody may read, and asks nothing when it is warm"
assert_ok vitrine mount --open-only "$tmp/open"
assert_equal "$(as_user "$alice" ls "$tmp/open")" roads
assert_status 2 as_user "$alice" ls "$tmp/open/birds"
assert_err "No such file"
walk "$tmp/open/roads/v1" as_user "$alice" >"$tmp/first"
as_user "$bob" cat "$tmp/open/roads/v1/1/1" >"$tmp/null"
before=$(requests "$tmp/open")
walk "$tmp/open/roads/v1" as_user "$alice" >"$tmp/second"
after=$(requests "$tmp/open")
cmp "$tmp/first" "$tmp/second"
[ $((after - before)) -lt 10 ] || fail "$((after - before)) requests"

it "an open-only mount shows a new version at once, and ends one that is closed"
keep open "$alice" -n 50 -m 5 -w "$tmp/open/roads/v1/1"
ls "$tmp/open/roads" >"$tmp/null"
echo new >"$tmp/src/new"
assert_ok vitrine publish --quiet roads "$tmp/src"
assert_equal "$(ls "$tmp/open/roads" | tr '\n' ' ')" "latest v1 v2 "
assert_ok vitrine revoke anyone read roads
kept open
works open pread "0/50 ESTALE"
works open map "0/5 SIGBUS"
works open cwd "0/2 ESTALE"
assert_equal "$(ls "$tmp/open")" ""

it "a private mount is its user's to the last file, and asks nothing when it is warm"
assert_ok vitrine mount --for "$alice" "$tmp/private"
assert_equal "$(as_user "$alice" ls "$tmp/private")" birds
walk "$tmp/private/birds/v1" as_user "$alice" >"$tmp/null"
as_user "$alice" cat "$tmp/private/birds/v1/1/1" >"$tmp/null"
before=$(requests "$tmp/private")
walk "$tmp/private/birds/v1" as_user "$alice" >"$tmp/null"
after=$(requests "$tmp/private")
[ $((after - before)) -lt 10 ] || fail "$((after - before)) requests"
assert_status 1 as_user "$bob" cat "$tmp/private/birds/v1/1/1"
mount --bind "$tmp/private/birds/v1/1" "$tmp/in"
assert_status 1 as_user "$bob" cat "$tmp/in/1"
assert_ok as_user "$alice" cat "$tmp/in/1"
assert_status 1 cat "$tmp/private/birds/v1/1/2"
assert_status 1 cat "$tmp/in/1" # which the kernel has by now
umount "$tmp/in"

it "what such a mount refuses is in the audit log: bob's walk, and root's"
assert_denied "$bob" other-mount birds@v1
assert_denied root other-mount birds@v1

it "so is who asked by name for what is not shown to him"
assert_status 2 as_user "$alice" ls "$tmp/private/trials"
assert_err "No such file"
assert_denied "$alice" no-grant trials
assert_denied "$alice" other-mount birds # in the open-only mount

it "whom a mount is open to the kernel knows before anybody comes, though much is granted meanwhile"
mkdir "$tmp/fresh"
touch "$tmp/granting"
for name in "$bob" "$user"; do
	while [ -e "$tmp/granting" ]; do
		vitrine grant "$name" read trials
		vitrine revoke "$name" read trials
	done >"$tmp/null" &
	granters="${granters:-} $!"
done
for _ in $(seq 40); do
	assert_ok vitrine mount --for "$alice" "$tmp/fresh"
	assert_equal "$(stat --cached=always -c %a "$tmp/fresh")" 500
	assert_ok vitrine umount "$tmp/fresh"
done
rm "$tmp/granting"
# shellcheck disable=SC2086 # several
wait $granters || fail "a grant was refused"

it "a mount that is the credential serves a container, whatever uid is in it"
assert_ok vitrine mount --for "$alice" --any-uid "$tmp/any"
if unshare -m true 2>/dev/null; then
	assert_ok unshare -m sh -c "mount --bind '$tmp/any' '$tmp/in' && cat '$tmp/in/birds/v1/1/1'"
	assert_ok unshare -m sh -c "mount --bind '$tmp/any' '$tmp/in' &&
		setpriv --bounding-set=-all --inh-caps=-all cat '$tmp/in/birds/v1/2/2'"
else
	echo "# no mount namespace can be made here (in a chroot: bind its root to itself)"
fi
assert_status 1 cat "$mnt/birds/v1/../../trials/v1/none"
keep inside root -n 50 -m 5 -w "$tmp/any/birds/v1/1"
assert_ok vitrine revoke "$alice" read birds
kept inside
works inside pread "0/50 ESTALE"
works inside map "0/5 SIGBUS"

it "mounts and their ends are in the audit log, and for whom they were"
assert_ok vitrine umount "$tmp/any"
assert_ok vitrine audit list --kind umount
assert_out "point=$tmp/any"
assert_ok vitrine audit list --kind mount
grep -F "point=$tmp/any" "$tmp/out" | grep -F "any_uid=1" | grep -qF "who=$alice" || fail "$(cat "$tmp/out")"
assert_out "point=$mnt"
assert_ok vitrine audit verify

it "who is neither root nor the owner makes open mounts only"
mkdir "$tmp/alices" && chown "$alice" "$tmp/alices"
assert_status 3 as_user "$alice" "$VITRINE" mount --for "$alice" "$tmp/alices"
[ ! -w /dev/fuse ] || [ "$(stat -c %a /dev/fuse)" != 666 ] || assert_err "made by root"
assert_equal "$(mounts_below | grep -c alices)" 0
