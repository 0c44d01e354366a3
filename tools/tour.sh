#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# COMMAND 1: from a bare Debian 12 to a mounted sample. Installs what is missing (as root), builds,
# makes a store, publishes 1,797 images of digits, mounts it, reads, publishes again, compares. The
# mount stays; the last lines say how to end it. An ordinary user installs nothing and gets a store
# under $HOME. VITRINE_TOUR: another folder to work in.
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" -eq 0 ]; then
	tour=${VITRINE_TOUR:-/var/lib/vitrine-tour}
else
	tour=${VITRINE_TOUR:-$HOME/vitrine-tour}
fi
build=${BUILD:-build}

step() {
	printf '\n== %s\n' "$*"
}

# Shows a command as one would type it, then runs it.
show() {
	printf '$'
	for word; do
		case $word in
		*[!A-Za-z0-9@%+=:,./_-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	echo
	"$@"
}

vitrine() {
	"$program" "$@"
}

step "Install what is missing, and build"
tests/need.sh
[ -f "$build/build.ninja" ] || meson setup "$build" >/dev/null
ninja -C "$build" tools/vitrine
program=$(cd "$build" && pwd)/tools/vitrine

export VITRINE_STORE="$tour/store" VITRINE_MOUNT="$tour/mnt"
if [ -e "$tour" ]; then
	if [ ! -e "$tour/made-by-tour" ]; then
		echo "tour: '$tour' is not of an earlier tour; set VITRINE_TOUR to another folder" >&2
		exit 1
	fi
	vitrine umount --all --quiet
	[ ! -e "$VITRINE_STORE/vitrine.json" ] || vitrine stop --quiet
	rm -rf "$tour"
fi
mkdir -p "$tour/mnt"
touch "$tour/made-by-tour"

step "Make a store"
show vitrine init

step "Publish the sample: images in one folder per digit"
tests/data/digits.py "$tour/digits"
show vitrine publish digits "$tour/digits" --open --message "as collected" \
	--licence CC-BY-4.0
show vitrine ls

mounted=yes
if [ -r /dev/fuse ] && [ -w /dev/fuse ]; then
	step "Mount it, and read with ordinary tools"
	show vitrine mount
	show ls "$VITRINE_MOUNT/digits/latest/"
	show cmp "$tour/digits/3/0003.png" "$VITRINE_MOUNT/digits/v1/3/0003.png"
	echo "(the same bytes)"
else
	mounted=
	step "No mount: /dev/fuse is missing here or closed to you (vitrine doctor says more)"
fi

step "Read without a mount"
show vitrine ls digits@v1:3 | head -n 6
echo "$ vitrine cat digits@v1:3/0003.png | sha256sum"
vitrine cat digits@v1:3/0003.png | sha256sum

step "A second version: one image relabelled, one dropped, a note added"
mv "$tour/digits/5/0005.png" "$tour/digits/9/0005.png"
rm "$tour/digits/8/0008.png"
echo "0005.png reads as a nine." >"$tour/digits/NOTES.md"
show vitrine publish digits "$tour/digits" --message "0005.png reads as a nine"
show vitrine diff digits@v1 digits@v2
show vitrine tag digits@v1 as-collected
show vitrine log digits
[ -z "$mounted" ] || show ls "$VITRINE_MOUNT/digits"

step "Done"
if [ -n "$mounted" ]; then
	echo "The mount stays: look around in $VITRINE_MOUNT"
	echo "To end it:       vitrine umount --all"
fi
echo "To remove all:   vitrine umount --all; vitrine stop; rm -r $tour"
echo "For these words: export PATH=${program%/vitrine}:\$PATH VITRINE_STORE=$VITRINE_STORE"
