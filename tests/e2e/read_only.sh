#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The mount takes no change, and every error has the number users expect.
. "$(dirname "$0")/lib.sh"
need_fuse

vitrine init >/dev/null
mkdir -p "$tmp/mnt" "$tmp/src/folder"
echo content >"$tmp/src/file"
ln -s file "$tmp/src/link"
vitrine publish lab/small "$tmp/src" >/dev/null
vitrine mount "$tmp/mnt" >/dev/null
shown=$tmp/mnt/lab/small/v1

# What an attempt in Python ends with: attempt 'os.unlink(p)' PATH
attempt() {
	python3 - "$2" <<P
import errno, os, sys
p = sys.argv[1]
try:
    $1
    print("ok")
except OSError as e:
    print(errno.errorcode[e.errno])
P
}

it "answers EROFS to every change"
for change in 'os.open(p, os.O_WRONLY)' 'os.unlink(p)' 'os.chmod(p, 0o600)' 'os.utime(p)' 'os.truncate(p, 0)' \
	'os.rename(p, p + "x")' 'os.link(p, p + "x")' 'os.mkdir(p + "x")' 'os.symlink("a", p + "x")' \
	'os.setxattr(p, "user.a", b"1")' 'os.open(p + "x", os.O_CREAT | os.O_WRONLY)' 'os.chown(p, 1, 1)' \
	'os.mkfifo(p + "x")'; do
	assert_equal "$change $(attempt "$change" "$shown/file")" "$change EROFS"
done

it "answers ENOENT, ENOTDIR, EISDIR, ENAMETOOLONG and EINVAL where they belong"
assert_equal "$(attempt 'os.stat(p)' "$shown/nothing")" ENOENT
assert_equal "$(attempt 'os.stat(p)' "$tmp/mnt/nothing")" ENOENT
assert_equal "$(attempt 'os.stat(p)' "$tmp/mnt/lab/small/v9")" ENOENT
assert_equal "$(attempt 'os.stat(p)' "$shown/file/x")" ENOTDIR
assert_equal "$(attempt 'os.read(os.open(p, 0), 1)' "$shown/folder")" EISDIR
assert_equal "$(attempt 'os.stat(p + "n" * 300)' "$shown/")" ENAMETOOLONG
assert_equal "$(attempt 'os.readlink(p)' "$shown/file")" EINVAL
assert_equal "$(attempt 'os.getxattr(p, "user.none")' "$shown/file")" ENODATA
assert_equal "$(attempt 'os.getxattr(p, "security.selinux")' "$shown/file")" ENOTSUP
assert_equal "$(attempt 'os.lseek(os.open(p, 0), 99, os.SEEK_DATA)' "$shown/file")" ENXIO

it "tells what is what by xattrs that are not listed"
assert_equal "$(attempt 'print(os.getxattr(p, "user.vitrine.dataset").decode(), end=" ")' "$shown/file")" "lab/small ok"
assert_equal "$(attempt 'print(os.getxattr(p, "user.vitrine.version").decode(), end=" ")' "$shown/file")" "v1 ok"
assert_equal "$(attempt 'print(os.getxattr(p, "user.vitrine.mode").decode(), end=" ")' "$shown/file")" "0644 ok"
assert_equal "$(attempt 'print(os.getxattr(p, "user.vitrine.digest").decode(), end=" ")' "$shown/file")" \
	"$(sha256sum "$tmp/src/file" | cut -d' ' -f1) ok"
assert_equal "$(attempt 'print(os.listxattr(p), end=" ")' "$shown/file")" "[] ok"

it "has a fixed size and nothing free"
assert_equal "$(stat -f -c '%a %f %c %d' "$tmp/mnt")" "0 0 $(stat -f -c '%c' "$tmp/mnt") 0"

it "is mounted as fuse.vitrine, read-only, without setuid and devices"
options=$(awk -v point="$tmp/mnt" '$2 == point { print $3 "," $4 }' /proc/mounts)
for option in fuse.vitrine ro nosuid nodev default_permissions; do
	case ",$options," in
	*",$option,"*) ;;
	*) fail "no $option in $options" ;;
	esac
done
