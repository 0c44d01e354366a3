#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sources that cannot be published, and a disk that is full: a sentence that names the thing, nothing
# published, nothing left behind.
. "$(dirname "$0")/lib.sh"
need_fuse
tools=$(dirname "$0")/../tools

vitrine init --quiet
mkdir "$tmp/good"
echo fine >"$tmp/good/file"
vitrine publish --quiet ds "$tmp/good"

# Left by a publish that was refused: nothing. The server hears of its end a moment later.
assert_nothing_left() {
	tries=0
	while [ -n "$(ls "$VITRINE_STORE/tmp")" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || fail "left in tmp:" "$(find "$VITRINE_STORE/tmp")"
		sleep 0.05
	done
	assert_equal "$(vitrine log ds --json | wc -l)" "${1:-1}"
	assert_equal "$(find "$VITRINE_STORE/shards" -type f | wc -l)" "${1:-1}"
}

# refused WORDS SOURCE...
refused() {
	words=$1
	shift
	status=0
	vitrine publish ds "$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	case $status in
	1 | 2 | 4 | 5) ;;
	*) fail "$*: status $status" ;;
	esac
	assert_err "$words"
	assert_nothing_left
	[ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "more than a sentence:" "$(cat "$tmp/err")"
}

it "names what is wrong with an archive"
"$tools/hostile.py" "$tmp/hostile" >/dev/null
refused "'../up'" "$tmp/hostile/dot-dot.tar"
refused "'a/../../up'" "$tmp/hostile/dot-dot-inside.tar"
refused "'/etc/passwd'" "$tmp/hostile/absolute.tar"
refused "outside" "$tmp/hostile/link-outside.tar"
refused "twice" "$tmp/hostile/twice.tar"
refused "through-a-link" "$tmp/hostile/through-a-link.tar"
refused "both" "$tmp/hostile/file-and-folder.tar"
refused "long-name.tar" "$tmp/hostile/long-name.tar"
refused "nest deeper than 2048" "$tmp/hostile/deep.tar"
refused "nothing-there" "$tmp/nothing-there"
refused "good" "$tmp/good" "$tmp/good"

it "tells damage from what is no archive, from a file and from a pipe"
for name in truncated.tar truncated.tar.gz damaged.tar.gz damaged-stored.tar.gz truncated.tar.xz \
	truncated.tar.zst truncated.zip; do
	refused "$name" "$tmp/hostile/$name"
	assert_equal "$status" 5
	assert_err "damaged"
	cat "$tmp/hostile/$name" | {
		refused "'standard input'" -
		assert_equal "$status" 5
	}
done
refused "'$tmp/hostile/no-archive.tar' is not an archive" "$tmp/hostile/no-archive.tar"
assert_equal "$status" 2
cat "$tmp/hostile/no-archive.tar" | {
	refused "'standard input' is not an archive" -
	assert_equal "$status" 2
}

it "keeps what an archive may hold"
assert_ok vitrine publish --quiet odd "$tmp/hostile/odd-names.tar"
assert_ok vitrine publish --quiet odd2 "$tmp/hostile/long-but-legal.tar"

it "shows no name as the terminal would take it"
script -qec "'$VITRINE' publish ds '$tmp/hostile/escape.tar'; '$VITRINE' ls odd@v1" /dev/null \
	>"$tmp/out" 2>&1 </dev/null || true
assert_out '\x1b]0;owned\x07\x1b[31mred'
assert_out '\x1b[31m'
assert_out 'new\x0aline'
sed "s/$(printf '\r')//; s/$(printf '\033')\[K//" "$tmp/out" | grep -q "$(printf '\033')\[31m" &&
	fail "an escape sequence: $(cat -v "$tmp/out")"
assert_ok vitrine rm odd --all
assert_ok vitrine rm odd2 --all
assert_ok vitrine gc --now
assert_nothing_left

it "does not take a small archive's word for its size"
(
	ulimit -v 4000000
	assert_ok vitrine publish --quiet bomb "$tmp/hostile/bomb.tar.gz"
)
assert_ok vitrine ls bomb --json
[ "$(du -sk "$VITRINE_STORE/shards" | cut -f1)" -lt 1000 ] || fail "zeros were stored"
assert_ok vitrine rm bomb --all
assert_ok vitrine gc --now

it "notices a file that changes while it is read"
mkfifo "$tmp/go"
mkdir "$tmp/changing"
head -c 60000000 /dev/zero | tr '\0' x >"$tmp/changing/file"
(
	while [ ! -e "$tmp/stop" ]; do
		echo more >>"$tmp/changing/file"
	done
) &
writer=$!
assert_status 1 vitrine publish ds "$tmp/changing"
: >"$tmp/stop"
wait "$writer"
assert_err "changing/file"
assert_nothing_left

if [ "$(id -u)" -eq 0 ]; then
	it "names the file that an ordinary user may not read"
	make_user publisher
	install -d -o "$user" "$tmp/theirs"
	as_user "$user" "$VITRINE" --store "$tmp/theirs/store" init --quiet
	install -d -m 755 "$tmp/closed"
	echo secret >"$tmp/closed/key"
	chmod 600 "$tmp/closed/key"
	assert_status 3 as_user "$user" "$VITRINE" --store "$tmp/theirs/store" publish ds "$tmp/closed"
	assert_err "closed/key"
	for _ in $(seq 100); do # the server hears of its end a moment later
		as_user "$user" "$VITRINE" --store "$tmp/theirs/store" log ds >"$tmp/out" 2>&1 || break
		sleep 0.05
	done
	assert_status 4 as_user "$user" "$VITRINE" --store "$tmp/theirs/store" log ds
	vitrine --store "$tmp/theirs/store" stop --quiet

	it "survives a full disk at every step"
	mkdir "$tmp/small"
	mount -t tmpfs -o size=40m tmpfs "$tmp/small" # without the filler it has more room than a stuck server waits for
	export VITRINE_STORE="$tmp/small/store"
	vitrine init --quiet
	vitrine publish --quiet ds "$tmp/good"
	mkdir "$tmp/big" "$tmp/mnt"
	vitrine mount --quiet "$tmp/mnt"
	head -c 30000000 /dev/urandom >"$tmp/big/file"
	assert_status 1 vitrine publish ds "$tmp/big"
	assert_err "space"
	assert_nothing_left
	head -c 300000 /dev/urandom >"$tmp/big/file"
	refusals=0
	for room in 0 8 32 64 128 200 300 350 400 500 700; do
		head -c 30000000 /dev/zero >"$tmp/small/filler" 2>/dev/null || true
		truncate -s "-${room}K" "$tmp/small/filler"
		outcome=0
		vitrine publish --quiet "full$room" "$tmp/big" 2>"$tmp/err" || outcome=$?
		case $outcome in
		0) ;;
		1)
			refusals=$((refusals + 1))
			grep -qiE "space|full" "$tmp/err" || fail "$room KiB: $(cat "$tmp/err")"
			;;
		*) fail "$room KiB: status $outcome: $(cat "$tmp/err")" ;;
		esac
		rm "$tmp/small/filler"
		assert_ok vitrine verify
		assert_ok vitrine cat ds:file
		tries=0 # a server whose index was stuck begins anew
		until vitrine publish --quiet "again$room" "$tmp/big" 2>"$tmp/err"; do
			tries=$((tries + 1))
			[ "$tries" -lt 300 ] || fail "after $room KiB: $(cat "$tmp/err")"
			sleep 0.1
		done
		cmp "$tmp/good/file" "$tmp/mnt/ds/v1/file"
		assert_ok vitrine rm "again$room" --all
		[ "$outcome" -ne 0 ] || assert_ok vitrine rm "full$room" --all
		assert_ok vitrine gc --now
	done
	echo "# $refusals of 11 were refused"
	[ "$refusals" -gt 2 ] || fail "the disk was never full"
	assert_nothing_left
	vitrine umount --quiet "$tmp/mnt"
	vitrine stop --quiet
	umount "$tmp/small"
fi
