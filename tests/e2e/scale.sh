#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Many files, wide directories and large files, in little memory. The settings are those of the
# quick form: FILES small files, WIDE entries in one directory, a sparse file of GIB, a publish in
# LIMIT MiB (page cache and the server included), a server with CACHE MiB of cache.
. "$(dirname "$0")/lib.sh"
tools=$(dirname "$0")/../tools
: "${FILES:=60000}" "${WIDE:=100000}" "${GIB:=5}" "${LIMIT:=192}" "${CACHE:=32}"
need_root
need_fuse
"$tools/in_cgroup.py" 64 true 2>/dev/null || skip "no memory cgroup can be made"

# The server is started anew, so that it is counted, too.
in_limit() {
	vitrine stop --quiet || true
	assert_ok "$tools/in_cgroup.py" "$LIMIT" "$VITRINE" "$@"
	sed -n 's/^peak/# &/p' "$tmp/err"
}

# A figure of the status: its requests, or its process.
requests() {
	vitrine status --json |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["mounts"][0]["requests"])'
}

server_pid() {
	vitrine status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'
}

# Anonymous memory in MiB stays below the cache and 100 MiB.
assert_small_server() {
	anonymous=$(awk '/^Anonymous:/ { print int($2 / 1024) }' \
		"/proc/$(server_pid)/smaps_rollup")
	echo "# server: $anonymous MiB anonymous"
	[ "$anonymous" -le $((CACHE + 100)) ] || fail "the server has $anonymous MiB"
}

vitrine init --quiet
mkdir "$tmp/mnt"

it "publishes $FILES small files in $LIMIT MiB"
"$tools/make_many.py" "$tmp/many" "$FILES" 1000
in_limit publish many "$tmp/many"
assert_out "$(printf "%d" "$FILES" | sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta') files"

it "publishes a sparse file of $GIB GiB in $LIMIT MiB"
mkdir "$tmp/large"
truncate -s "${GIB}G" "$tmp/large/file"
printf 'across' | dd of="$tmp/large/file" bs=1 seek=4294967293 conv=notrunc status=none
printf 'the end' >>"$tmp/large/file"
in_limit publish large "$tmp/large"

it "publishes a directory of $WIDE entries"
"$tools/make_many.py" "$tmp/wide" "$WIDE" "$WIDE" 0
in_limit publish wide "$tmp/wide"
rm -rf "$tmp/wide"

it "walks and reads them with a cache of $CACHE MiB"
assert_ok vitrine stop
assert_ok vitrine mount --cache "${CACHE}M" "$tmp/mnt"
assert_equal "$(find "$tmp/mnt/many/v1" -type f -printf '%s\n' | wc -l)" "$FILES"
assert_small_server
(cd "$tmp/mnt/many/v1" && find . -type f -print0 | xargs -0 -P 4 cat) | wc -c >"$tmp/read"
assert_equal "$(cat "$tmp/read")" "$(find "$tmp/many" -type f -printf '%s\n' |
	awk '{ sum += $1 } END { print sum }')"
assert_small_server

it "reads what it published"
for number in 0 $((FILES / 2)) $((FILES - 1)); do
	file=$(printf '%05d/%08d.json' $((number / 1000)) "$number")
	cmp "$tmp/many/$file" "$tmp/mnt/many/v1/$file"
done

it "walks a second time without the server"
rm -rf "$tmp/many"
least=1000000
for _ in 1 2 3 4; do # on a busy machine the kernel may have dropped a listing in between
	before=$(requests)
	walk "$tmp/mnt/many/v1/00000" >/dev/null
	count=$(($(requests) - before))
	[ "$count" -gt "$least" ] || least=$count
done
[ "$least" -lt 10 ] || fail "$least requests at least"

it "lists a directory of $WIDE entries and finds names in it"
wide="$tmp/mnt/wide/v1/00000"
assert_equal "$(ls -f "$wide" | wc -l)" $((WIDE + 2))
[ -f "$wide/$(printf '%08d.json' $((WIDE - 1)))" ] || fail "the last name is missing"
[ ! -e "$wide/$(printf '%08d.json' "$WIDE")" ] || fail "there is a name too many"
assert_small_server

it "reads a file of $GIB GiB across 4 GiB and at its end"
file=$tmp/mnt/large/v1/file
assert_equal "$(stat -c %s "$file")" $((GIB * 1073741824 + 7))
assert_equal "$(dd if="$file" bs=1 skip=4294967293 count=6 status=none)" across
assert_equal "$(tail -c 7 "$file")" "the end"

it "gives the end of the long documents"
documents=$tmp/mnt/many/.vitrine/v1
last=$(printf '%05d/%08d.json' $(((FILES - 1) / 1000)) $((FILES - 1)))
assert_equal "$(tail -n 1 "$documents/SHA256SUMS" | cut -c 67-)" "$last"
assert_equal "$(tail -c 100 "$documents/manifest.json" | wc -c)" 100

it "leaves nothing mounted"
assert_ok vitrine umount "$tmp/mnt"
