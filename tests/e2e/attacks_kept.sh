#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What was opened, mapped or begun while it was allowed gives nothing once access is gone, whatever others read
# meanwhile: each way of tests/tools/attack.py, on every kind of mount, at every kind of hand-over. Numbers are the rows
# of attacks.md. Controls, for each way: it gave the file's bytes to the loser before, and gives them to the next reader.
. "$(dirname "$0")/policy_lib.sh"
cp "$(dirname "$0")/../tools/attack.py" "$tmp/attack.py"
chmod 0755 "$tmp/attack.py"
make_user carol
carol=$user
stranger=54321 # a uid of a container

# number, way, what it must say after (OK: that is the loser's own memory), what it is.
# REFUSED: asked by name or anew, so ESTALE, EACCES or ENOENT as the name's version is new, closed or not shown.
ways() {
	cat <<-END
		5 read ESTALE read(2) by a kept descriptor
		5 pread ESTALE pread(2) by a kept descriptor
		5 pread-far ESTALE pages that nobody had read
		5 forked ESTALE a child reads
		5 execed ESTALE another program's standard input
		5 readahead ESTALE posix_fadvise(2), then pread
		5 direct ESTALE O_DIRECT: no page cache
		5 aio ESTALE io_submit(2)
		5 open-at REFUSED by a kept descriptor of the folder
		3 open-at-path REFUSED by a kept O_PATH descriptor of the folder
		5 cwd REFUSED a process that stands in the folder
		14 reopen ESTALE /proc/self/fd/N
		3 reopen-path REFUSED /proc/self/fd/N of an O_PATH descriptor
		15 fetched ESTALE pidfd_getfd(2) from another process of the same user
		13 passed ESTALE a descriptor that lay in a socket (SCM_RIGHTS)
		7 map SIGBUS a shared mapping
		7 map-private SIGBUS a private mapping
		7 map-closed SIGBUS a mapping without its descriptor
		7 map-later SIGBUS mapped only after
		9 map-populated SIGBUS MAP_POPULATE
		9 map-locked SIGBUS mlock(2)
		9 map-moved SIGBUS mremap(2)
		9 map-advised EFAULT MADV_POPULATE_READ
		9 map-written EFAULT write(2) from a mapping
		9 map-spliced EFAULT vmsplice(2) of a mapping
		9 other-memory EFAULT process_vm_readv(2) of a mapping
		9 proc-mem EIO /proc/self/mem
		10 map-copied OK pages it had written to are its own
		11 piped OK what is in a pipe is its own
		12 sendfile ESTALE sendfile(2)
		12 splice ESTALE splice(2)
		12 copy-range ESTALE copy_file_range(2), and sendfile where that cannot be
		44 ring ESTALE io_uring
		44 ring-async ESTALE io_uring, IOSQE_ASYNC
		44 ring-file ESTALE io_uring, a registered file
		44 ring-buffer ESTALE io_uring, a registered buffer
		44 ring-polled ESTALE io_uring, IORING_SETUP_SQPOLL
		45 ring-personality REFUSED io_uring, a registered personality opens by path
	END
}

# begin NAME COMMAND...: a loser, who begins every way.
losers=
begin() {
	loser=$1
	shift
	losers="$losers $loser"
	rm -f "$tmp/go.$loser"
	start kept "$tmp/$loser.said" "$@" "$tmp/go.$loser"
	eval "pid_$loser=\$!"
}

keeps() {
	begin "$1" as_user "$2" "$tmp/attack.py" keep "$3"
}

# Opened by one user, used by another (17: or by a program that changed its user).
hands() {
	begin "$1" "$tmp/attack.py" --opens "$(id -u "$2")" --uses "$(id -u "$carol")" keep "$3"
}

# word FILE WHEN WAY: what was said
word() {
	sed -n "s/^$2 $3 //p" "$tmp/$1.said"
}

# Some ways ask again about who uses them: then what another has opened is refused all along.
check_one() {
	before=$(word "$1" before "$2")
	after=$(word "$1" after "$2")
	case $1:$before:$after in
	*handed:E*:E*) return ;;
	esac
	[ "$before" = OK ] || [ "$2" = piped ] || fail "$1, $2: the loser's control said '$before'"
	case $3:$after in
	"$after:$after" | REFUSED:ESTALE | REFUSED:EACCES | REFUSED:ENOENT) ;;
	*) fail "$1, $2 said '$after', not $3" ;;
	esac
}

# goes_on WHAT: access is gone by now, and the next reader has read everything ("next").
goes_on() {
	for loser in $losers; do : >"$tmp/go.$loser"; done
	for loser in $losers; do
		eval "wait \$pid_$loser" || fail "$loser failed" "$(cat "$tmp/$loser.said")"
	done
	ways >"$tmp/ways"
	while read -r number way expected words; do
		if [ "$(word next now "$way")" = UNABLE ]; then
			it "$1: $number $way # SKIP this kernel has none"
			continue
		fi
		it "$1: $number $way, $words"
		[ "$(word next now "$way")" = OK ] ||
			fail "the next reader's control said '$(word next now "$way")'"
		for loser in $losers; do check_one "$loser" "$way" "$expected"; done
	done <"$tmp/ways"
	losers=
}

reads_all() {
	as_user "$1" "$tmp/attack.py" try "$2" >"$tmp/next.said" 2>&1
	as_user "$1" sh -c "cat '$2'/*" >"$tmp/null" || fail "the next reader cannot read"
}

it "the list is whole"
mkdir "$tmp/src"
"$tmp/attack.py" make "$tmp/src"
ways | cut -d' ' -f2 | sort >"$tmp/listed"
"$tmp/attack.py" list | sort | cmp - "$tmp/listed" || fail "attack.py has other ways"

vitrine init --quiet
vitrine publish --quiet birds "$tmp/src"
vitrine grant "$alice" read birds --quiet
vitrine grant "$bob" read birds --quiet
vitrine mount "$mnt" --quiet
for name in hers his any lazy bound; do mkdir "$tmp/$name"; done
vitrine mount "$tmp/lazy" --quiet
vitrine mount --for "$alice" "$tmp/hers" --quiet
vitrine mount --for "$bob" "$tmp/his" --quiet
vitrine mount --for "$bob" --any-uid "$tmp/any" --quiet

it "acquire: every loser begins"
mount --bind "$mnt/birds/v1" "$tmp/bound"
keeps shared "$bob" "$mnt/birds/v1"
keeps bound "$bob" "$tmp/bound"
keeps lazy "$bob" "$tmp/lazy/birds/v1"
keeps private "$bob" "$tmp/his/birds/v1"
begin any_uid setpriv --reuid=$stranger --regid=$stranger --clear-groups "$tmp/attack.py" keep "$tmp/any/birds/v1"
hands shared_handed "$bob" "$mnt/birds/v1"
hands private_handed "$bob" "$tmp/his/birds/v1"
keep documents "$bob" -m 3 "$mnt/birds/.vitrine/v1"
umount -l "$tmp/lazy"
assert_ok as_user "$alice" "$VITRINE" lease acquire birds --for 1h
reads_all "$alice" "$tmp/hers/birds/v1"
reads_all "$alice" "$mnt/birds/v1"
goes_on acquire

it "acquire: 6 documents of the version, kept open and mapped"
kept documents
works documents pread "0/6 ESTALE"
works documents map "0/3 SIGBUS"
assert_ok as_user "$alice" cat "$mnt/birds/.vitrine/v1/SHA256SUMS"

it "break: every loser begins"
keeps shared "$alice" "$mnt/birds/v1"
keeps private "$alice" "$tmp/hers/birds/v1"
hands shared_handed "$alice" "$mnt/birds/v1"
(as_user "$bob" "$VITRINE" lease acquire birds --for 1h --wait >"$tmp/waits" 2>&1) &
waiter=$!
until as_user "$bob" "$VITRINE" lease list --json | grep -q queued; do sleep 0.05; done
assert_ok vitrine lease break birds
wait "$waiter" || fail "$(cat "$tmp/waits")"
reads_all "$bob" "$mnt/birds/v1"
goes_on break
assert_ok as_user "$bob" "$VITRINE" lease release birds

it "revoke: every loser begins, and others go on"
keeps shared "$bob" "$mnt/birds/v1"
keeps private "$bob" "$tmp/his/birds/v1"
hands shared_handed "$bob" "$mnt/birds/v1"
hands private_handed "$bob" "$tmp/his/birds/v1"
assert_ok vitrine revoke "$bob" read birds
reads_all "$alice" "$mnt/birds/v1"
goes_on revoke

it "48 server killed, then deny: every loser begins"
assert_ok vitrine grant "$bob" read birds
keeps shared "$bob" "$mnt/birds/v1"
keeps private "$bob" "$tmp/his/birds/v1"
vitrine status --json >"$tmp/out"
kill -9 "$(json_member 1 pid)"
assert_ok vitrine deny "$bob" read birds
reads_all "$alice" "$mnt/birds/v1"
goes_on killed
assert_ok vitrine revoke "$bob" read birds

it "expiry: every loser begins"
assert_ok vitrine grant "$bob" read birds --until +12s
ends=$(($(date +%s) + 12))
keeps shared "$bob" "$mnt/birds/v1"
keeps private "$bob" "$tmp/his/birds/v1"
while [ "$(date +%s)" -le "$ends" ]; do sleep 0.1; done
# "Expired" is when the watch has narrowed: the name is gone from the folder then.
until ! as_user "$bob" cat "$tmp/his/birds/v1/read" >"$tmp/null" 2>&1; do sleep 0.05; done
reads_all "$alice" "$mnt/birds/v1"
goes_on expiry
