#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who may look at views: no names and no values without the right to read; what takes a version from somebody takes
# its views too, also one that he stands in; who makes up expressions loses none but his own; private and open-only
# mounts.
. "$(dirname "$0")/policy_lib.sh"
. "$(dirname "$0")/labels_lib.sh"

mkdir -p "$tmp/src/a/b" "$tmp/src/other"
for i in $(seq 30); do seq "$i" 3000 >"$tmp/src/a/$i"; done
for i in $(seq 20); do seq "$i" 2000 >"$tmp/src/other/$i"; done
echo few >"$tmp/src/a/b/few"
vitrine init >/dev/null
vitrine publish --quiet ds "$tmp/src"
vitrine publish --quiet --open roads "$tmp/src"
for dataset in ds roads; do
	(cd "$tmp/src" && find a -type f) | while read -r path; do row "$path" cat; done |
		vitrine import-labels "$dataset" - --format jsonl --quiet
done
vitrine mount "$mnt" >/dev/null
labels=$mnt/ds/.labels/v1.1
queries=$mnt/ds/.query/v1.1

# refused USER COMMAND...: it fails, and tells nothing
refused() {
	who=$1
	shift
	status=0
	as_user "$who" "$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	[ "$status" -ne 0 ] || fail "$* worked:" "$(cat "$tmp/out")"
	grep -qE "Permission denied|No such file" "$tmp/err" || fail "$*:" "$(cat "$tmp/err")"
	[ ! -s "$tmp/out" ] || fail "$* says:" "$(cat "$tmp/out")"
}

it "shows no key, value or file to whom nothing is granted"
for way in "$labels" "$labels/class" "$labels/class/cat" "$labels/class/cat/a" "$labels/nokey" "$queries/class=cat" "$queries/class=="; do
	refused "$bob" ls "$way"
	assert_err "Permission denied"
done
refused "$bob" cat "$labels/class/cat/a/1"
refused "$bob" getfattr --absolute-names --only-values -n user.vitrine.error "$queries"

it "shows none to whom may browse and not read, whatever others have looked at"
assert_ok vitrine grant "$alice" read ds
assert_ok vitrine grant "$bob" browse ds
sleep 1.1
refused "$bob" stat "$labels/nokey"
assert_denied "$bob" no-grant ds@v1.1
assert_equal "$(as_user "$alice" ls "$labels" "$labels/class" "$labels/class/cat/a/b" | grep -c .)" 6
assert_equal "$(as_user "$alice" ls "$queries/class=cat" "$queries/class=cat/a" | grep -c .)" 34
assert_ok as_user "$bob" ls "$mnt/ds/v1.1/a"
for way in "$labels" "$labels/class" "$labels/class/cat" "$labels/class/cat/a" "$labels/class/dog" "$queries/class=cat" "$queries/class=cat/a" "$queries/size>1"; do
	refused "$bob" ls "$way"
	as_user "$alice" ls "$labels" "$labels/class" "$queries/class=cat/a" >"$tmp/null" || fail "alice may"
done
refused "$bob" cat "$labels/class/cat/a/1"
assert_ok vitrine revoke "$bob" browse ds

it "takes a view that he stands in, and what he has open through it, from everybody else with a lease"
assert_ok vitrine grant "$bob" read ds
sleep 1.1
assert_ok as_user "$bob" ls "$labels/class/cat/a"
keep value "$bob" -n 20 -m 5 -w "$labels/class/cat/a"
keep query "$bob" -n 20 -m 5 -w "$queries/class=cat/a"
assert_ok as_user "$alice" "$VITRINE" lease acquire ds@v1 --for 1h
for name in value query; do
	kept "$name"
	works "$name" pread "0/20 ESTALE"
	works "$name" fstat "0/20 ESTALE"
	works "$name" map "0/5 SIGBUS"
	works "$name" path "0/20 EACCES"
	works "$name" cwd "0/2 ESTALE"
done
refused "$bob" ls "$labels"
refused "$bob" ls "$queries/size>1"
assert_ok as_user "$alice" cat "$labels/class/cat/a/1"
assert_ok as_user "$alice" ls "$queries/class=cat/a"
assert_ok as_user "$alice" "$VITRINE" lease release ds@v1
sleep 1.1
assert_ok as_user "$bob" cat "$labels/class/cat/a/1"

it "takes them from whom the right to read is taken, and from nobody else"
keep bob "$bob" -n 20 -m 5 -w "$labels/class/cat/a"
keep alice "$alice" -n 20 -m 5 -w "$queries/class=cat/a/b"
assert_ok vitrine revoke "$bob" read ds
kept bob
works bob pread "0/20 ESTALE"
works bob map "0/5 SIGBUS"
works bob path "0/20 EACCES"
works bob cwd "0/2 EACCES"
kept alice
works alice pread "1/1"
works alice map "1/1"
works alice path "1/1"
works alice cwd "2/2"
refused "$bob" ls "$labels/class"

it "takes them with a revision that is withdrawn, and leaves the files of its version"
row a/1 dog | vitrine import-labels ds - --format jsonl --quiet
sleep 1.1
keep alice "$alice" -n 20 -m 5 -w "$mnt/ds/.query/v1.2/class=cat/a"
assert_ok vitrine withdraw ds@v1.2 --reason "wrong labels"
kept alice
works alice pread "20/20"
works alice cwd "0/2 ESTALE"
works alice path "0/20 ENOENT"
assert_ok as_user "$alice" ls "$queries/class=cat/a"

it "lets who makes up 2000 expressions lose his own views, and no others"
assert_ok vitrine grant "$bob" read ds
sleep 1.1
keep alice "$alice" -n 20 -m 5 -w "$queries/class=cat and size>1/a"
number=$(as_user "$alice" stat -c %i "$queries/class=cat and size>1")
as_user "$bob" stat -c %i "$queries/size>=0" >"$tmp/first"
# shellcheck disable=SC2016 # not ours to expand
assert_ok as_user "$bob" sh -c 'i=0; while [ "$i" -lt 2000 ]; do ls "$1/size>$i" || exit; i=$((i + 1)); done' - "$queries"
kept alice
works alice cwd "2/2"
works alice path "20/20"
works alice pread "20/20"
sleep 1.1
assert_equal "$(as_user "$alice" stat -c %i "$queries/class=cat and size>1")" "$number"
[ "$(as_user "$bob" stat -c %i "$queries/size>=0")" != "$(cat "$tmp/first")" ] || fail "his oldest view is there still"

it "tells each what was wrong with his own expression"
refused "$alice" ls "$queries/class=="
refused "$bob" ls "$queries/no such thing"
as_user "$alice" getfattr --absolute-names --only-values -n user.vitrine.error "$queries" >"$tmp/alice"
as_user "$bob" getfattr --absolute-names --only-values -n user.vitrine.error "$queries" >"$tmp/bob"
[ -s "$tmp/alice" ] && [ -s "$tmp/bob" ] && ! cmp -s "$tmp/alice" "$tmp/bob" ||
	fail "the same for both" "$(cat "$tmp/alice")"
assert_status 1 as_user "$bob" getfattr --absolute-names --only-values -n user.vitrine.error "$mnt/roads/.query/v1.1"
assert_err "No such attribute"

it "shows views in a private mount to its user, until he may read no more"
mkdir "$tmp/private" "$tmp/open"
assert_ok vitrine mount --for "$alice" "$tmp/private"
private=$tmp/private
assert_equal "$(as_user "$alice" ls "$private/ds/.labels/v1.1")" class
assert_equal "$(as_user "$alice" ls "$private/ds/.labels/v1.1/class")" cat
assert_equal "$(as_user "$alice" find "$private/ds/.query/v1.1/class=cat" -type f | wc -l)" 31
assert_ok as_user "$alice" diff -r "$private/ds/.labels/v1.1/class/cat/a" "$tmp/src/a"
status=0
as_user "$bob" ls "$private/ds/.labels/v1.1" >"$tmp/out" 2>"$tmp/err" || status=$?
[ "$status" -ne 0 ] || fail "bob sees alice's mount"
keep alice "$alice" -n 20 -m 5 -w "$private/ds/.query/v1.1/class=cat/a"
assert_ok vitrine revoke "$alice" read ds
kept alice
works alice pread "0/20 ESTALE"
works alice map "0/5 SIGBUS"
grep -q "^path 0/20" "$tmp/alice.kept" || fail "$(cat "$tmp/alice.kept")"
refused "$alice" ls "$private/ds/.labels/v1.1"
refused "$alice" ls "$private/ds/.query/v1.1/class=cat"

it "shows views of open datasets in an open-only mount, until they are closed"
open=$tmp/open
assert_ok vitrine mount --open-only "$open"
assert_equal "$(as_user "$bob" ls "$open/roads/.labels/v1.1/class")" cat
assert_equal "$(as_user "$bob" find "$open/roads/.query/v1.1/class=cat" -type f | wc -l)" 31
refused "$bob" ls "$open/ds/.labels/v1.1"
keep bob "$bob" -n 20 -m 5 -w "$open/roads/.query/v1.1/class=cat/a"
assert_ok vitrine grant "$alice" lease roads
assert_ok as_user "$alice" "$VITRINE" lease acquire roads --for 1h
kept bob
works bob pread "0/20 ESTALE"
works bob map "0/5 SIGBUS"
refused "$bob" ls "$open/roads/.labels/v1.1"
refused "$bob" ls "$open/roads/.query/v1.1/class=cat"
refused "$bob" cat "$open/roads/.query/v1.1/class=cat/a/1"
