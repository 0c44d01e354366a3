#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing of the packages that building takes, with --tests of those that testing
# takes too, and with --bench of those that the comparison with other file systems takes. As an
# ordinary user it only says what is missing.
set -eu
build="gcc libc6-dev meson ninja-build pkg-config python3 libfuse3-dev fuse3 librocksdb-dev
	libzstd-dev liblz4-dev libseccomp-dev libssl-dev libjansson-dev libarchive-dev zlib1g-dev libxxhash-dev libroaring-dev
	uthash-dev check"
tests="attr git man-db openssl rsync spin sqlite3 xz-utils zip zsh zstd"
bench="squashfs-tools squashfuse erofs-utils borgbackup restic casync linux-source-6.1"

case "${1:-}" in
--tests) wanted="$build $tests" ;;
--bench) wanted="$build $bench" ;;
*) wanted=$build ;;
esac
missing=
for package in $wanted; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "$0: these packages are missing; as root: apt-get install$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # one word per package
exec apt-get install -q -y --no-install-recommends $missing
