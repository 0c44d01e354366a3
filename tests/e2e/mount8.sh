#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mount(8), umount(8), findmnt(8) and a line of fstab(5), with the helper where mount(8) looks for
# it. In a mount namespace of its own: the machine's fstab and /sbin stay as they are.
if [ "$(id -u)" -eq 0 ] && [ -z "${OWN_NAMESPACE:-}" ]; then
	! unshare --mount --propagation private true 2>/dev/null ||
		OWN_NAMESPACE=yes exec unshare --mount --propagation private "$0"
fi
. "$(dirname "$0")/lib.sh"
need_fuse
need_root
[ -n "${OWN_NAMESPACE:-}" ] || skip "no mount namespace can be made (in a chroot: bind its root to itself)"
root=$(cd "$(dirname "$0")/../.." && pwd)
point=$tmp/mnt
mkdir -p "$tmp/source" "$tmp/sbin" "$point"
printf hello >"$tmp/source/a"
vitrine init --quiet
vitrine publish --quiet --open notes "$tmp/source"

cp "$root/tools/mount.vitrine" "$tmp/sbin/"
ln -s "$VITRINE" "$tmp/sbin/vitrine"
mount -t overlay -o "lowerdir=$tmp/sbin:/usr/sbin" overlay /usr/sbin || skip "no overlay here"
printf '%s\n' "$VITRINE_STORE $point vitrine noauto,nofail,_netdev,noatime,x-test.word=1 0 0" \
	>"$tmp/fstab"
mount --bind "$tmp/fstab" /etc/fstab
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
program=$VITRINE
unset VITRINE_STORE

# The program is found as it is installed, and not by what this test knows.
mount8() {
	env -u VITRINE mount "$@"
}

gone() {
	assert_equal "$(mounts_below)" ""
}

it "mount -t vitrine STORE MOUNTPOINT, findmnt and umount"
assert_ok mount8 -t vitrine "$tmp/store" "$point" -o ro,noexec,nosuid
assert_equal "$(cat "$point/notes/v1/a")" hello
assert_equal "$(findmnt -n -o SOURCE,FSTYPE "$point" | tr -s ' ')" "$tmp/store fuse.vitrine"
findmnt -n -o OPTIONS "$point" | grep -q 'ro,nosuid,nodev,noexec' || fail "$(findmnt "$point")"
assert_ok umount "$point"
gone

it "a line of fstab, by mount point or by source"
assert_ok mount8 "$point"
assert_equal "$(cat "$point/notes/v1/a")" hello
findmnt -n -o OPTIONS "$point" | grep -q noatime || fail "$(findmnt "$point")"
assert_ok umount "$point"
assert_ok mount8 "$tmp/store"
assert_ok umount "$point"
assert_ok findmnt --verify --tab-file /etc/fstab
gone

it "mount -a leaves noauto alone and takes the others, with defaults"
assert_ok mount8 -a -t vitrine
gone
echo "$tmp/store $point vitrine defaults 0 0" >"$tmp/fstab"
assert_ok mount8 -a -t vitrine
assert_equal "$(cat "$point/notes/v1/a")" hello
assert_ok mount8 -a -t vitrine
assert_equal "$(mounts_below)" "$point"
assert_ok umount "$point"
gone

it "-v says what was mounted, -n changes nothing, -f mounts nothing, -r is what it is anyway"
assert_ok mount8 -v -t vitrine "$tmp/store" "$point"
assert_out "$tmp/store is on $point"
assert_ok umount "$point"
assert_ok mount8 -n -r -t vitrine "$tmp/store" "$point"
assert_ok umount "$point"
assert_ok mount8 -f -t vitrine "$tmp/store" "$point"
gone

it "an option that is not known is refused by name, and passed over with -s"
assert_status 1 mount8 -t vitrine "$tmp/store" "$point" -o noatime,no_such_word
assert_err "no_such_word"
assert_status 1 mount8 -t vitrine "$tmp/store" "$point" -o fd=3
assert_err "fd=3"
gone
assert_ok mount8 -s -t vitrine "$tmp/store" "$point" -o noatime,no_such_word
assert_status 1 mount8 -o remount "$point"
assert_err "remount"
assert_equal "$(cat "$point/notes/v1/a")" hello
assert_ok umount "$point"
gone

it "the helper refuses what mount(8) does not say"
assert_status 1 "$tmp/sbin/mount.vitrine" "$tmp/store" "$point" -x
assert_err "x"
assert_status 1 "$tmp/sbin/mount.vitrine" "$tmp/store" "$point" -o ro extra
assert_status 1 "$tmp/sbin/mount.vitrine" "$tmp/store"
gone

it "a store that is not there fails with 32, also of nofail"
assert_status 32 mount8 -t vitrine "$tmp/no-store" "$point"
assert_err "$tmp/no-store"
gone

it "a user mounts what fstab lets users mount, and ends it"
mknod -m 666 "$tmp/fuse" c 10 229
mount --bind "$tmp/fuse" /dev/fuse
make_user mounter
mkdir "$tmp/theirs"
chown "$user" "$tmp/theirs"
echo "$tmp/store $tmp/theirs vitrine noauto,user 0 0" >"$tmp/fstab"
if ! as_user "$user" test -x "$program"; then
	cp "$program" "$program-store" "$tmp/"
	ln -sf "$tmp/vitrine" "$tmp/sbin/vitrine"
fi
vitrine --store "$tmp/store" ls >/dev/null # the store's owner has its server started
assert_ok as_user "$user" env -u VITRINE mount "$tmp/theirs"
assert_equal "$(as_user "$user" cat "$tmp/theirs/notes/v1/a")" hello
assert_ok as_user "$user" umount "$tmp/theirs"
gone
assert_status 32 as_user "$user" env -u VITRINE mount -t vitrine "$tmp/store" "$point"
gone
umount /dev/fuse
