#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The client, the program that works on stores and the one that publishes: what each lacks, how commands are passed on, and
# how they find each other where they were built, where they were installed, and where one is not.
: "${VITRINE:?the program to test}"
build=$(dirname "$(dirname "$VITRINE")")
. "$(dirname "$0")/lib.sh"
mkdir -p "$tmp/source/folder" "$tmp/mnt"
echo hello >"$tmp/source/folder/file"

libraries() {
	ldd "$1" | awk '{ print $1 }' | grep -E '^lib(rocksdb|archive|icu|xml2)' || true
}

it "the client needs neither RocksDB nor libarchive"
libraries "$VITRINE-store" | grep -q '^librocksdb' || skip "RocksDB is no library of its own here"
assert_equal "$(libraries "$VITRINE")" ""

it "the server has no reader of archives"
libraries "$VITRINE-publish" | grep -q '^libarchive' || skip "libarchive is no library of its own here"
assert_equal "$(libraries "$VITRINE-store" | grep -v '^librocksdb')" ""

it "passes on arguments, whatever is in them, and the results"
assert_ok vitrine --store "$VITRINE_STORE" init
assert_ok vitrine publish ds --json "$tmp/source" --message "two  words, a * and
a line" --author ""
assert_json dataset version
assert_ok vitrine show --json ds
assert_equal "$(json_member 1 message)" "two  words, a * and
a line"

it "passes on standard input"
tar -C "$tmp/source" -cf - . >"$tmp/source.tar"
assert_ok vitrine publish piped - <"$tmp/source.tar"
assert_equal "$(vitrine cat piped:folder/file)" hello

it "passes on the exit status and the message"
assert_status 2 vitrine publish ds
assert_err "vitrine: "
assert_err "vitrine publish --help"
assert_status 2 vitrine verify --no-such-option
assert_status 4 vitrine --store "$tmp/nowhere" publish ds "$tmp/source"
assert_ok vitrine verify --help
assert_no_err
assert_status 2 vitrine publsh
assert_err "there is no command 'publsh' (see 'vitrine help')"

it "is the process that the command was, and takes its signals"
mkfifo "$tmp/pipe"
"$VITRINE" publish slow - <"$tmp/pipe" >"$tmp/out" 2>"$tmp/err" &
publisher=$!
exec 8>"$tmp/pipe"
for _ in $(seq 200); do
	vitrine status --json >"$tmp/status"
	! grep -q '"imports": *1' "$tmp/status" || break
	sleep 0.05
done
assert_equal "$(readlink "/proc/$publisher/exe")" "$(realpath "$VITRINE-publish")"
kill -TERM "$publisher"
exec 8>&-
status=0
wait "$publisher" || status=$?
assert_equal "$status" 1
assert_err "interrupted; nothing was published"

it "says what is missing when the other program is not there, and what works goes on"
mkdir "$tmp/alone"
cp "$VITRINE" "$tmp/alone/"
for command in "init" "verify --help" upgrade; do
	# shellcheck disable=SC2086 # words
	assert_status 1 "$tmp/alone/vitrine" $command
	assert_err "/vitrine-store', the part of Vitrine that works on stores, is missing"
	assert_err "install Vitrine anew"
done
assert_status 1 "$tmp/alone/vitrine" publish ds "$tmp/source"
assert_err "/vitrine-publish', the part of Vitrine that publishes, is missing"
assert_ok "$tmp/alone/vitrine" help publish
assert_ok "$tmp/alone/vitrine" ls ds
assert_ok vitrine stop
assert_status 1 "$tmp/alone/vitrine" ls ds
assert_err "vitrine-store"
assert_status 1 "$tmp/alone/vitrine" doctor
assert_out "vitrine-store"
assert_out "vitrine-publish"

it "publishes by whichever of them is called"
cp "$VITRINE-publish" "$tmp/alone/" # which finds no server to start
assert_status 1 "$tmp/alone/vitrine" publish ds "$tmp/source"
assert_err "/vitrine-store', the part of Vitrine that works on stores, is missing"
for program in "$VITRINE-store" "$VITRINE-publish"; do
	assert_ok "$program" publish again "$tmp/source"
	assert_ok "$program" ls again
	assert_ok "$program" verify
	assert_ok "$program" stop
done

it "is not found by PATH, nor in the folder one is in"
assert_status 1 env PATH="$(dirname "$VITRINE"):$PATH" "$tmp/alone/vitrine" verify
cd "$(dirname "$VITRINE")"
assert_status 1 "$tmp/alone/vitrine" verify
cd /

[ -f "$build/build.ninja" ] || exit 0 # nothing to install from
for copy in one two; do
	meson install -C "$build" --no-rebuild --quiet --destdir "$tmp/$copy" >"$tmp/out" 2>&1 ||
		fail "$(cat "$tmp/out")"
done
installed=$(find "$tmp/one" -path '*/bin/vitrine')
[ -x "$installed" ] || fail "no client was installed:" "$(find "$tmp/one")"
other=$tmp/two${installed#"$tmp/one"}
export VITRINE_STORE="$tmp/installed"

it "works as installed: init, publish, verify, through a link and by PATH"
ln -s "$installed" "$tmp/link"
assert_ok "$tmp/link" init
assert_ok env PATH="$(dirname "$installed"):$PATH" vitrine publish ds "$tmp/source"
assert_ok "$installed" verify
assert_equal "$("$installed" cat ds:folder/file)" hello
case $(readlink "/proc/$(pids_of server)/exe") in
"$tmp"/one/*/vitrine/vitrine-store) ;;
*) fail "the server is $(readlink "/proc/$(pids_of server)/exe")" ;;
esac

if [ ! -r /dev/fuse ] || [ ! -w /dev/fuse ]; then
	exit 0
fi

it "works as installed: mount, read, upgrade, kill, umount"
assert_ok "$installed" mount "$tmp/mnt"
assert_equal "$(cat "$tmp/mnt/ds/v1/folder/file")" hello
assert_ok "$installed" upgrade
assert_out "is this program already"
assert_ok "$other" upgrade
assert_out "has become"
assert_equal "$(cat "$tmp/mnt/ds/v1/folder/file")" hello
kill -9 "$(pids_of server)"
assert_equal "$(cat "$tmp/mnt/ds/v1/folder/file")" hello
case $(readlink "/proc/$(pids_of server)/exe") in
"$tmp"/two/*/vitrine/vitrine-store) ;;
*) fail "the server is $(readlink "/proc/$(pids_of server)/exe")" ;;
esac
assert_ok "$installed" umount "$tmp/mnt"
assert_ok "$installed" stop
