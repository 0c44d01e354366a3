#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Revisions in a mount: other folders and the files of the version they revise; who may label, who may read labels,
# and that whatever takes a version from somebody takes its revisions too.
. "$(dirname "$0")/policy_lib.sh"
. "$(dirname "$0")/labels_lib.sh"

mkdir -p "$tmp/src/a/b" "$tmp/src/other"
for i in $(seq 30); do seq "$i" 3000 >"$tmp/src/a/$i"; done
for i in $(seq 20); do seq "$i" 2000 >"$tmp/src/other/$i"; done
echo few >"$tmp/src/a/b/few"
ln "$tmp/src/a/b/few" "$tmp/src/a/b/hard"
ln -s b/few "$tmp/src/a/link"
vitrine init >/dev/null
vitrine publish --quiet ds "$tmp/src"
vitrine mount "$mnt" >/dev/null
row a/1 one | vitrine import-labels ds - --format jsonl --quiet
sleep 1.1

# resident FILE: how many of its pages are in memory
resident() {
	python3 -c '
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
fd = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(fd).st_size
pages = ctypes.create_string_buffer((size + 4095) // 4096)
at = libc.mmap(None, size, 1, 1, fd, 0)
assert libc.mincore(at, size, pages) == 0
print(sum(page[0] & 1 for page in [pages[i] for i in range(len(pages))]))' "$1"
}

numbers() { # numbers FOLDER -type f: path and inode number of what is below it
	folder=$1
	shift
	(cd "$folder" && find . "$@" -printf '%p %i\n' | sort)
}

it "shows a revision beside its version, as the latest"
assert_equal "$(ls "$mnt/ds" | tr '\n' ' ')" "latest v1 v1.1 "
assert_equal "$(readlink "$mnt/ds/latest")" v1.1
assert_ok diff -r "$tmp/src" "$mnt/ds/v1.1"
assert_ok diff -r "$mnt/ds/v1" "$mnt/ds/v1.1"
assert_ok "$e2e/../tools/same_tree.py" "$tmp/src" "$mnt/ds/v1.1"

it "gives files one number in both, and folders each their own"
numbers "$mnt/ds/v1" ! -type d >"$tmp/files"
numbers "$mnt/ds/v1.1" ! -type d >"$tmp/files.1"
assert_ok cmp "$tmp/files" "$tmp/files.1"
[ "$(wc -l <"$tmp/files")" -eq 53 ] || fail "$(cat "$tmp/files")"
numbers "$mnt/ds/v1" -type d >"$tmp/folders"
numbers "$mnt/ds/v1.1" -type d >"$tmp/folders.1"
assert_equal "$(sort "$tmp/folders" "$tmp/folders.1" | uniq -d)" ""

it "keeps the pages of a file once, by whichever name it was read"
cat "$mnt/ds/v1/a/7" >/dev/null
pages=$(resident "$mnt/ds/v1/a/7")
[ "$pages" -gt 0 ] || fail "no pages of what was just read"
assert_equal "$(resident "$mnt/ds/v1.1/a/7")" "$pages"

it "shows the documents of a revision"
documents=$(ls "$mnt/ds/.vitrine/v1")
assert_equal "$(ls "$mnt/ds/.vitrine/v1.1")" "$documents"
for document in $documents; do
	cat "$mnt/ds/.vitrine/v1.1/$document" >"$tmp/document"
	assert_equal "$(stat -c %s "$mnt/ds/.vitrine/v1.1/$document")" "$(stat -c %s "$tmp/document")"
	[ -s "$tmp/document" ] || fail "$document is empty"
done
assert_ok cmp "$mnt/ds/.vitrine/v1/SHA256SUMS" "$mnt/ds/.vitrine/v1.1/SHA256SUMS"

it "lets a curator label who owns nothing, under his own name, and read no labels"
row a/2 two >"$tmp/two.jsonl"
chmod 0644 "$tmp/two.jsonl"
assert_status 3 as_user "$bob" "$VITRINE" import-labels ds "$tmp/two.jsonl"
assert_ok vitrine grant "$bob" curate ds
assert_ok as_user "$bob" "$VITRINE" import-labels ds "$tmp/two.jsonl" --author somebody
assert_out "ds@v1.2"
vitrine show ds --json >"$tmp/out"
assert_equal "$(json_member 1 author)" "$bob"
assert_status 3 as_user "$bob" "$VITRINE" export-labels ds
assert_status 3 as_user "$bob" "$VITRINE" label show ds:a/2
assert_equal "$(labels ds)" "a/1 class one
a/2 class two"

it "lets a reader read labels, and set none"
assert_ok vitrine grant "$alice" read ds
assert_ok as_user "$alice" "$VITRINE" export-labels ds@v1.2
assert_out '"two"'
assert_reader "$alice" ds@v1.2
assert_status 3 as_user "$alice" "$VITRINE" import-labels ds "$tmp/two.jsonl"
assert_status 3 as_user "$alice" "$VITRINE" label set ds:a/2 class=three
assert_status 3 as_user "$alice" "$VITRINE" label rm ds:a/2 class

it "lets a curator of one version label that one"
echo more >"$tmp/src/more"
vitrine publish --quiet ds "$tmp/src"
assert_ok vitrine revoke "$bob" curate ds
assert_ok vitrine grant "$bob" curate ds@v1
row a/3 three >"$tmp/two.jsonl"
assert_ok as_user "$bob" "$VITRINE" import-labels ds@v1 "$tmp/two.jsonl"
assert_out "ds@v1.3"
assert_status 3 as_user "$bob" "$VITRINE" import-labels ds@v2 "$tmp/two.jsonl"
assert_status 3 as_user "$bob" "$VITRINE" publish ds "$tmp/src"
assert_equal "$(labels ds@v2 | wc -l)" 2

it "takes a revision from everybody else with a lease on its version, open files, maps and folders too"
assert_ok vitrine grant "$bob" read ds
assert_ok as_user "$bob" cat "$mnt/ds/v1.1/a/1"
keep bob "$bob" -n 20 -m 5 -w "$mnt/ds/v1.1/a"
assert_ok as_user "$alice" "$VITRINE" lease acquire ds@v1 --for 1h
kept bob
works bob pread "0/20 ESTALE"
works bob fstat "0/20 ESTALE"
works bob map "0/5 SIGBUS"
works bob path "0/20 EACCES"
works bob cwd "0/2 ESTALE"
assert_status 3 as_user "$bob" "$VITRINE" export-labels ds@v1.1
assert_status 1 as_user "$bob" cat "$mnt/ds/v1.2/a/1"
assert_ok as_user "$bob" cat "$mnt/ds/v2/a/1"
assert_ok as_user "$alice" cat "$mnt/ds/v1.2/a/1"

it "takes a version from everybody else with a lease on its revision, until it ends"
assert_ok as_user "$alice" "$VITRINE" lease release ds@v1
keep base "$bob" -n 20 -m 5 -w "$mnt/ds/v1/a"
assert_ok as_user "$alice" "$VITRINE" lease acquire ds@v1.1 --for 1h
kept base
works base pread "0/20 ESTALE"
works base cwd "0/2 ESTALE"
assert_status 1 as_user "$bob" cat "$mnt/ds/v1/a/1"
assert_ok as_user "$alice" cat "$mnt/ds/v1/a/1"
assert_ok as_user "$alice" "$VITRINE" lease release ds@v1
assert_ok as_user "$bob" cat "$mnt/ds/v1.1/a/1"

it "takes a revision from whom its version is taken, and from nobody else"
keep bob "$bob" -n 20 -m 5 -w "$mnt/ds/v1.1/a"
keep alice "$alice" -n 20 -m 5 -w "$mnt/ds/v1.1/other"
assert_ok vitrine deny "$bob" read ds@v1
kept bob
works bob pread "0/20 ESTALE"
works bob map "0/5 SIGBUS"
works bob path "0/20 EACCES"
kept alice
works alice pread "20/20"
works alice map "5/5"
works alice cwd "2/2"
assert_status 3 as_user "$bob" "$VITRINE" export-labels ds@v1.2
assert_ok vitrine revoke "$bob" read ds
keep alice "$alice" -n 20 -m 5 "$mnt/ds/v1.1/a"
assert_ok vitrine revoke "$alice" read ds
kept alice
works alice pread "0/20 ESTALE"
assert_ok vitrine grant "$alice" read ds

it "withdraws a revision alone: its folders go, the files are those of its version"
keep alice "$alice" -n 20 -m 5 -w "$mnt/ds/v1.1/a"
assert_ok vitrine withdraw ds@v1.1 --reason "wrong labels"
kept alice
works alice pread "20/20"
works alice cwd "0/2 ESTALE"
works alice path "0/20 ENOENT"
assert_ok as_user "$alice" cat "$mnt/ds/v1/a/1"
assert_status 3 as_user "$alice" "$VITRINE" export-labels ds@v1.1
assert_err "wrong labels"

it "withdraws the revisions with their version"
keep alice "$alice" -n 20 -m 5 -w "$mnt/ds/v1.2/a"
assert_ok vitrine withdraw ds@v1 --reason "wrong licence"
kept alice
works alice pread "0/20 ESTALE"
works alice map "0/5 SIGBUS"
works alice cwd "0/2 ESTALE"
sleep 1.1
assert_equal "$(ls "$mnt/ds" | tr '\n' ' ')" "latest v2 "
assert_status 3 vitrine import-labels ds@v1 "$tmp/two.jsonl"
assert_err "wrong licence"
