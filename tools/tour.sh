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

step "Labels: what the collectors say, from the folders, and what a model says"
tests/data/digits_model.py >"$tour/model.jsonl"
show vitrine import-labels digits@v1 --from-path '{class}/*' --source human --annotator collectors
show vitrine import-labels digits@v1 "$tour/model.jsonl" --message "nearest mean"
show vitrine label show digits@v1.2:5/0005.png
[ -z "$mounted" ] || show ls "$VITRINE_MOUNT/digits/.labels/v1.2/class"
[ -z "$mounted" ] || show ls "$VITRINE_MOUNT/digits/.labels/v1.2/class/7/7" | head -n 4

step "Questions: which do the two disagree on, which is the model unsure of"
show vitrine select --count digits@v1.2 'disputed(class)'
show vitrine select --count digits@v1.2 'guess.confidence<0.55'
show vitrine select digits@v1.2 'class=5 and disputed(class)' | head -n 4
if [ -n "$mounted" ]; then
	show vitrine view digits@v1.2 'class in (1,7) and disputed(class)'
	find "$(vitrine view digits@v1.2 'class in (1,7) and disputed(class)')" -type f | wc -l
fi

step "A label is corrected: another revision of the same version"
show vitrine label set digits@v1:5/0005.png class=9 --message "reads as a nine"
show vitrine diff digits@v1.2 digits@v1.3

step "Curate: what nobody disputes, split for training, without copying data"
show vitrine curate digits@v1.3 --where 'has(class) and not disputed(class)' --as digits-train \
	--split train=0.8,val=0.1,test=0.1 --by class --seed 1 --message "undisputed"
[ -z "$mounted" ] || show ls "$VITRINE_MOUNT/digits-train/latest"
show vitrine stats digits-train
vitrine stats digits-train --html "$tour/stats.html"
echo "(the same as a page: $tour/stats.html)"

step "Done"
if [ -n "$mounted" ]; then
	echo "The mount stays: look around in $VITRINE_MOUNT"
	echo "To end it:       vitrine umount --all"
fi
echo "To remove all:   vitrine umount --all; vitrine stop; rm -r $tour"
echo "For these words: export PATH=${program%/vitrine}:\$PATH VITRINE_STORE=$VITRINE_STORE"
