#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A dataset that is shared with 499, 501 and 5,000 users: up to 500 names the kernel has a list, above that the server is
# asked. Real users of this machine, all of one partner.
. "$(dirname "$0")/policy_lib.sh"
make_many_users 5000
member=$many_users

# members FROM TO: their names, with commas
members() {
	seq -s , -f "$member%g" "$1" "$2"
}

# How many users the list of a file names; 0: it has none.
listed() {
	python3 - "$1" <<'EOF'
import errno, os, struct, sys
try:
    acl = os.getxattr(sys.argv[1], "system.posix_acl_access")
except OSError as e:
    sys.exit(print(0) if e.errno == errno.ENODATA else e)
print(sum(tag == 2 for tag, _, _ in struct.iter_unpack("<HHI", acl[4:])))
EOF
}

# check_members COUNT: that many may read, and nobody else.
check_members() {
	for i in 1 $(($1 / 2)) "$1"; do
		assert_ok as_user "$member$i" cat "$mnt/birds/v1/file"
		assert_ok as_user "$member$i" ls "$mnt/birds/v1"
		as_user "$member$i" ls "$mnt" >"$tmp/out"
		assert_out birds
	done
	assert_status 1 as_user "$bob" cat "$mnt/birds/v1/file"
	assert_err "Permission denied"
	assert_status 2 as_user "$bob" ls "$mnt/birds/v1"
	as_user "$bob" ls "$mnt" >"$tmp/out"
	assert_equal "$(cat "$tmp/out")" roads
	[ "$1" -eq 5000 ] || assert_status 1 as_user "$member$(($1 + 1))" cat "$mnt/birds/v1/file"
}

# A walk that the kernel has seen before asks the server about the folders above the version and to open that, but about
# none of the 71 files.
check_warm_walk() {
	as_user "$1" find "$mnt/birds/v1" -printf '%s\n' >/dev/null
	before=$(requests "$mnt")
	as_user "$1" find "$mnt/birds/v1" -printf '%s\n' >/dev/null
	asked=$(($(requests "$mnt") - before))
	[ "$asked" -le 12 ] || fail "$asked requests"
}

mkdir "$tmp/src"
for i in $(seq 50); do echo "the bytes" >"$tmp/src/file$i"; done
echo "the bytes" >"$tmp/src/file"
mkdir "$tmp/src/other"
for i in $(seq 20); do echo "the bytes" >"$tmp/src/other/file$i"; done
vitrine init >/dev/null
vitrine publish --quiet birds "$tmp/src"
vitrine publish --quiet --open roads "$tmp/src"
assert_ok vitrine partner add crowd --user "$(members 1 499)"
assert_ok vitrine grant partner:crowd read birds
assert_ok vitrine mount "$mnt"

it "499 users: the kernel has a list of them"
assert_equal "$(listed "$mnt/birds/v1")" 499
check_members 499
assert_status 1 as_user "$bob" stat "$mnt/birds/v1/file" # not even the name
check_warm_walk "$member"499

it "501 users are too many for it, and the server is asked"
assert_ok vitrine partner add crowd --user "$(members 500 501)"
assert_equal "$(listed "$mnt/birds/v1")" 0
assert_equal "$(stat -c %a "$mnt/birds/v1")" 555
check_members 501
check_warm_walk "$member"501

it "499 again: the list is back"
assert_ok vitrine partner remove crowd --user "$(members 500 501)"
assert_equal "$(listed "$mnt/birds/v1")" 499
check_members 499

it "5,000 users"
assert_ok vitrine partner add crowd --user "$(members 500 5000)"
check_members 5000
check_warm_walk "$member"5000

it "whoever leaves loses what is open, and nobody else does"
keep first "$member"1 -n 20 -m 5 "$mnt/birds/v1/other" # none that the other one has open
keep last "$member"5000 -n 20 -m 5 -w "$mnt/birds/v1"
assert_ok vitrine partner remove crowd --user "$member"5000
kept last
works last pread "0/20 ESTALE"
works last map "0/5 SIGBUS"
works last path "0/20 EACCES"
kept first
works first pread "20/20"
works first map "5/5"
works first path "20/20"
assert_ok as_user "$member"1 cat "$mnt/birds/v1/file"

it "the end of the partner is the end for all"
keep some "$member"2500 -n 20 -m 5 "$mnt/birds/v1"
assert_ok vitrine partner end crowd
kept some
works some pread "0/20 ESTALE"
works some map "0/5 SIGBUS"
for i in 1 2500 4999; do
	assert_status 1 as_user "$member$i" cat "$mnt/birds/v1/file"
	assert_err "Permission denied"
done
