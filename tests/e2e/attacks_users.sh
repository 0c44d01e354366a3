#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Another user, and root in another's name, try to come by what is alice's alone: by path, by namespaces, by bind
# mounts and overlays, by programs that change who they are. Numbers are the rows of attacks.md. Controls: alice's same
# act succeeds; where the act is root's, it succeeds once root may read.
. "$(dirname "$0")/policy_lib.sh"
cp "$(dirname "$0")/../tools/attack.py" "$tmp/attack.py"
chmod 0755 "$tmp/attack.py"
make_user carol
carol=$user
make_group club
mkdir "$tmp/hers" "$tmp/his" "$tmp/bound" "$tmp/over" "$tmp/other" "$tmp/src" "$tmp/clubsrc"

"$tmp/attack.py" make "$tmp/src"
cp /bin/true "$tmp/src/program"
mkdir "$tmp/src/folder"
for i in $(seq 300); do : >"$tmp/src/folder/$i"; done
echo "the club's" >"$tmp/clubsrc/file"
vitrine init --quiet
vitrine publish --quiet birds "$tmp/src"
vitrine publish --quiet club "$tmp/clubsrc"
vitrine publish --quiet --open roads "$tmp/clubsrc"
vitrine grant "$alice" read birds --quiet
vitrine mount "$mnt" --quiet
vitrine mount --for "$alice" "$tmp/hers" --quiet
file=$mnt/birds/v1/read
own=$tmp/hers/birds/v1/read
as_user "$alice" cat "$mnt"/birds/v1/* "$tmp"/hers/birds/v1/* >"$tmp/null" 2>&1 || true # all of it is cached

# attempt USER ACT ARGS...: the word that the act said
attempt() {
	as_user "$1" "$tmp/attack.py" act "$2" "$3" ${4+"$4"} 2>"$tmp/err" | sed 's/^[^ ]* //'
}

# refused EXPECTED ACT ARGS...: bob gets the expected word, and alice by the same act the bytes
refused() {
	assert_equal "bob $2: $(attempt "$bob" "$2" "$3" ${4+"$4"})" "bob $2: $1"
	assert_equal "alice $2: $(attempt "$alice" "$2" "$3" ${4+"$4"})" "alice $2: OK"
}

# denied COMMAND...: whoever it runs as gets no byte
denied() {
	! "$@" >"$tmp/out" 2>"$tmp/err" || fail "it worked: $*" "$(head -c 100 "$tmp/out")"
	[ ! -s "$tmp/out" ] || fail "bytes by $*"
}

# What needs a while: a user of a group that goes, and one who goes altogether (36, 37), seen to at the end.
make_user member
member=$user
make_user leaver
leaver=$user
uid=$(id -u "$leaver")
usermod -aG "$group" "$member"
vitrine grant "osgroup:$group" read club --quiet
vitrine grant "$leaver" read club --quiet
mkdir "$tmp/members"
vitrine mount --for "$member" "$tmp/members" --quiet
in_group() {
	setpriv --reuid="$member" --regid="$(id -g "$member")" --init-groups "$@"
}
cp "$(dirname "$0")/../tools/hold.py" "$tmp/hold.py"
chmod 0755 "$tmp/hold.py"
for who in member private leaver; do mkfifo "$tmp/hold.$who"; done
in_group "$tmp/hold.py" "$mnt/club/v1/file" <"$tmp/hold.member" >"$tmp/member.held" 2>&1 &
exec 7>"$tmp/hold.member"
in_group "$tmp/hold.py" "$tmp/members/club/v1/file" <"$tmp/hold.private" >"$tmp/private.held" 2>&1 &
exec 8>"$tmp/hold.private"
as_user "$leaver" "$tmp/hold.py" "$mnt/club/v1/file" <"$tmp/hold.leaver" >"$tmp/leaver.held" 2>&1 &
exec 9>"$tmp/hold.leaver"
for who in member private leaver; do
	until [ -s "$tmp/$who.held" ]; do sleep 0.05; done
done
gpasswd -d "$member" "$group" >/dev/null
userdel --force "$leaver" 2>/dev/null # one of its processes runs on
useradd --no-create-home --uid "$uid" "$leaver-new"
users="$users $leaver-new"

it "1 by path: bytes, names, a program"
refused EACCES open "$file"
refused EACCES open "$own"
refused EACCES list "$mnt/birds/v1"
refused EACCES list "$tmp/hers/birds"
refused EACCES run "$mnt/birds/v1/program"
refused EACCES run "$tmp/hers/birds/v1/program"
refused EACCES open "$mnt/birds/.vitrine/v1/SHA256SUMS"

it "2 names that alice's process has had cached"
refused EACCES stat "$file"
refused EACCES stat "$own"

it "3 by O_PATH, and names below it"
refused EACCES walk "$mnt/birds/v1" read
refused EACCES walk "$tmp/hers" birds

it "4 guessed names: on a private mount all are alike, on a shared one a dataset's name can be found, no version's"
assert_equal "$(attempt "$bob" stat "$tmp/hers/birds")" "$(attempt "$bob" stat "$tmp/hers/nothing")"
assert_equal "$(attempt "$bob" stat "$mnt/nothing")" ENOENT
assert_equal "$(attempt "$bob" stat "$mnt/birds/v1")" "$(attempt "$bob" stat "$mnt/birds/v7")"
assert_equal "$(attempt "$bob" list "$mnt/birds")" EACCES
refused EACCES stat "$mnt/birds/v1"
as_user "$bob" "$VITRINE" show birds >"$tmp/a" 2>&1 && fail "shown"
as_user "$bob" "$VITRINE" show burds 2>&1 | sed s/burds/birds/ | cmp - "$tmp/a" || fail "told apart"

it "59 refusals throw nothing away that alice's kernel has"
walk "$mnt/birds/v1" as_user "$alice" >"$tmp/null"
as_user "$alice" cat "$file" >"$tmp/null"
for i in $(seq 20); do
	as_user "$bob" stat "$file" "$mnt/birds/v1/folder/$i" "$mnt/birds/v1" >"$tmp/null" 2>&1 || true
	as_user "$bob" ls "$mnt/birds/v1" >"$tmp/null" 2>&1 || true
done
before=$(requests "$mnt")
walk "$mnt/birds/v1" as_user "$alice" >"$tmp/null"
after=$(requests "$mnt")
[ $((after - before)) -lt 60 ] || fail "$((after - before)) requests for 340 files"

it "62 xattrs"
refused EACCES xattr "$file" user.vitrine.digest
refused EACCES xattr "$own" user.vitrine.digest

it "24 a handle made by name, opened by number"
assert_equal "$(attempt "$bob" handle "$mnt" "$file")" EACCES
assert_equal "$(attempt "$alice" handle "$mnt" "$file")" EPERM # nobody but root
assert_equal "$("$tmp/attack.py" act handle "$mnt" "$file")" "handle OK" # root is the owner: the control
assert_equal "$("$tmp/attack.py" act handle "$tmp/hers" "$own")" "handle EACCES"

it "42 page-cache timing: RWF_NOWAIT says nothing to anybody"
assert_equal "$(attempt "$alice" nowait "$file")" ENOTSUP
assert_equal "$(attempt "$alice" nowait "$own")" ENOTSUP
refused EACCES open "$file"

it "46 inotify and fanotify"
refused EACCES inotify "$file"
refused EACCES inotify "$own"
refused EACCES inotify "$mnt/birds/v1"
attempt "$bob" fanotify "$file" >"$tmp/said"
case $(cat "$tmp/said") in EACCES | EPERM | UNABLE | ENODEV) ;; *) fail "$(cat "$tmp/said")" ;; esac

it "58 a folder read from where it has no place"
refused EACCES seekdir "$mnt/birds/v1/folder"
refused EACCES seekdir "$tmp/hers/birds/v1/folder"

it "61 offsets that no file has"
refused EACCES far "$file"
refused EACCES far "$own"

it "14 15 another process's descriptors and memory: /proc, pidfd_getfd, ptrace"
for at in "$file" "$own"; do
	mkfifo "$tmp/go.hold"
	as_user "$alice" sh -c 'exec 5<"$1"; echo $$; read -r line <"$2"; :' sh "$at" "$tmp/go.hold" >"$tmp/holder" &
	until [ -s "$tmp/holder" ]; do sleep 0.05; done
	case $(attempt "$bob" trace "$(cat "$tmp/holder")" 5) in EPERM | EACCES) ;; *) fail "bob traces" ;; esac
	assert_equal "$(attempt "$alice" trace "$(cat "$tmp/holder")" 5)" OK
	echo >"$tmp/go.hold"
	rm "$tmp/go.hold" "$tmp/holder"
done

it "18 19 22 user namespaces: as its root, unmapped, with an overlay of one's own"
if as_user "$bob" unshare -U -r true 2>/dev/null; then
	for at in "$file" "$own"; do
		denied as_user "$bob" unshare -U -r cat "$at"
		denied as_user "$bob" unshare -U cat "$at"
		assert_ok as_user "$alice" unshare -U -r cat "$at"
		assert_ok as_user "$alice" unshare -U cat "$at"
	done
	overlay='mount -t overlay none -o "lowerdir=$1:$2" "$3" && cat "$3/read"'
	for at in "$mnt" "$tmp/hers"; do
		denied as_user "$bob" unshare -U -r -m sh -c "$overlay" sh "$at/birds/v1" "$tmp/other" "$tmp/over"
	done
	assert_ok as_user "$alice" unshare -U -r -m sh -c "$overlay" sh "$mnt/birds/v1" "$tmp/other" "$tmp/over"
fi

it "50 a file system of one's own over the path, in one's own namespace"
if as_user "$bob" unshare -U -r true 2>/dev/null; then
	mine='mount -t tmpfs none "$1" && mkdir -p "$1/birds/v1" && echo mine >"$1/birds/v1/read" && cat "$1/birds/v1/read"'
	assert_ok as_user "$bob" unshare -U -r -m sh -c "$mine" sh "$mnt"
	assert_equal "$(cat "$tmp/out")" mine
	assert_equal "$(attempt "$alice" open "$file")" OK
	as_user "$alice" head -n 1 "$file" | grep -qx read || fail "alice reads something else"
fi

it "20 bind mounts by root into bob's tree"
for at in "$mnt" "$tmp/hers"; do
	mount --bind "$at/birds/v1" "$tmp/bound"
	refused EACCES open "$tmp/bound/read"
	refused EACCES open "$tmp/bound/pread"
	umount "$tmp/bound"
done

it "63 totals of what is not bob's"
as_user "$bob" df --output=itotal,size "$mnt" | tail -n 1 >"$tmp/bobs"
as_user "$alice" df --output=itotal,size "$mnt" | tail -n 1 | cmp -s - "$tmp/bobs" && fail "bob is told of birds"
as_user "$bob" grep -q birds "$mnt/.vitrine/status.json" "$mnt/.vitrine/metrics" && fail "birds"

it "64 the audit log and errors, read by bob"
assert_status 3 as_user "$bob" "$VITRINE" audit list
assert_ok vitrine audit list
denied as_user "$bob" cat "$VITRINE_STORE/run/server.log"
denied as_user "$bob" sh -c "cat '$VITRINE_STORE'/audit/*"
assert_status 3 as_user "$bob" "$VITRINE" explain "$alice" read birds

# Root owns birds; for what follows it holds nothing: the lease keeps it out, and then lets it in (the control).
cp /bin/cat "$tmp/suid-cat"
chmod 4755 "$tmp/suid-cat"
as_root() { # on the shared mount, then on the private one
	it "$1"
	shift
	denied "$@" "$file"
	denied "$@" "$own"
	printf '%s\n' "$*" >>"$tmp/as_root"
}
assert_ok as_user "$alice" "$VITRINE" lease acquire birds --for 1h
own=$tmp/hers/birds/v1/read
as_user "$alice" cat "$file" "$own" >"$tmp/null"
as_root "root opens by path what the kernel has cached" cat
as_root "17 a setuid program of root's reads for bob" as_user "$bob" "$tmp/suid-cat"
as_root "17 a program of root's that changes its group" setpriv --regid="$alice" --clear-groups cat
as_root "16 a program that changed to bob" setpriv --reuid="$bob" --regid="$alice" --clear-groups cat

it "21 root's overlay over the mounts, read by bob and by root"
for at in "$mnt" "$tmp/hers"; do
	if mount -t overlay none -o "lowerdir=$at/birds/v1:$tmp/other" "$tmp/over" 2>/dev/null; then
		denied as_user "$bob" cat "$tmp/over/read"
		denied cat "$tmp/over/read"
		umount "$tmp/over"
	fi
done

it "23 24 root opens by handle, as a file server would, and by a loop device"
assert_equal "$("$tmp/attack.py" act handle "$mnt" "$file")" "handle EACCES"
assert_equal "$("$tmp/attack.py" act handle "$tmp/hers" "$own")" "handle EACCES"
for at in "$file" "$own"; do
	if loop=$(losetup --find --show --read-only "$at" 2>/dev/null); then
		losetup -d "$loop"
		fail "a loop device of $at"
	fi
done
assert_ok as_user "$alice" cat "$file" "$own"

it "control of the last cases: when the lease is over root, who owns birds, reads by each of them"
assert_ok as_user "$alice" "$VITRINE" lease release birds
assert_ok cat "$file"
assert_ok as_user "$bob" "$tmp/suid-cat" "$file"
assert_ok setpriv --regid="$alice" --clear-groups cat "$file"
assert_ok setpriv --reuid="$alice" --regid="$bob" --clear-groups cat "$file"
assert_equal "$("$tmp/attack.py" act handle "$mnt" "$file")" "handle OK"
loop=$(losetup --find --show --read-only "$file" 2>/dev/null) && losetup -d "$loop"
if mount -t overlay none -o "lowerdir=$mnt/birds/v1:$tmp/other" "$tmp/over" 2>/dev/null; then
	assert_ok cat "$tmp/over/read"
	umount "$tmp/over"
fi

it "26 changes are EROFS to everybody (read_only.sh has them all)"
for act in "rm -f $file" "ln $file $mnt/birds/v1/link" "mv $file $mnt/birds/v1/other" "mkdir $mnt/birds/v1/d"; do
	# shellcheck disable=SC2086 # words
	assert_status 1 as_user "$alice" $act
	assert_err "Read-only file system"
done

it "38 newgrp and setgid: the groups of a process are nothing"
gid=$(getent group "$group" | cut -d: -f3)
denied setpriv --reuid="$bob" --regid="$gid" --groups="$gid" cat "$mnt/club/v1/file"
as_user "$bob" cat "$mnt/roads/v1/file" >"$tmp/null" || fail "the open one"
usermod -aG "$group" "$carol"
assert_ok setpriv --reuid="$carol" --regid="$(id -g "$carol")" --init-groups cat "$mnt/club/v1/file"

it "36 37 who left a group, and whose uid is another's now, open nothing more within 30 s"
until ! in_group cat "$mnt/club/v1/file" >"$tmp/null" 2>&1; do sleep 0.2; done
until ! as_user "$leaver-new" cat "$mnt/club/v1/file" >"$tmp/null" 2>&1; do sleep 0.2; done
denied setpriv --reuid="$member" --regid="$gid" --groups="$gid" cat "$mnt/club/v1/file"
assert_status 3 as_user "$leaver-new" "$VITRINE" show club
assert_ok setpriv --reuid="$carol" --regid="$(id -g "$carol")" --init-groups cat "$mnt/club/v1/file"

it "36 37 nor do they keep what they had open, by descriptor or mapping"
sleep 12 # the watch looks every ten seconds
for fd in 7 8 9; do eval "echo >&$fd"; done
exec 7>&- 8>&- 9>&-
for who in member private leaver; do
	until grep -q '^private-map' "$tmp/$who.held"; do sleep 0.05; done
	for line in 'pread ESTALE' 'shared-map SIGBUS' 'private-map SIGBUS'; do
		grep -qx "$line" "$tmp/$who.held" || fail "$who:" "$(cat "$tmp/$who.held")"
	done
done
true
