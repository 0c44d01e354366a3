#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Another program takes the place of the server that runs, under its mounts and their readers.
. "$(dirname "$0")/policy_lib.sh"
# shellcheck disable=SC2154 # policy_lib.sh: $e2e, $alice, $bob, $mnt
tools=$tmp/tools # for other users
mkdir "$tools"
cp "$e2e/../tools/"*.py "$tools"
for copy in one two; do # the same build, but not the same file: as good as another
	mkdir "$tmp/$copy"
	copy_programs "$tmp/$copy"
done
VITRINE=$tmp/one/vitrine

program_of() {
	readlink "/proc/$1/exe"
}

# takes_over COPY: that program, or fail
takes_over() {
	VITRINE=$tmp/$1/vitrine
	assert_ok vitrine upgrade --json
	assert_equal "$(json_member 1 same)" true
	assert_equal "$(program_of "$(json_member 1 pid)")" "$VITRINE-store"
}

# It may take a moment until the other keeper is gone.
wait_for_pair() {
	for _ in $(seq 200); do
		[ "$(pids_of 'server|keeper' | wc -l)" -ne 2 ] || break
		sleep 0.05
	done
}

# assert_one_pair CLIENT: one of each, and of which program.
assert_one_pair() {
	wait_for_pair
	assert_equal "$(pids_of 'server|keeper' | wc -l)" 2
	assert_equal "$(program_of "$(pids_of server)")" "$1-store"
	assert_equal "$(program_of "$(pids_of keeper)")" "$1-store"
}

"$tools/make_tree.py" "$tmp/src" 3 300
mkdir "$tmp/many"
seq 4000 | split -a 3 -l 1 - "$tmp/many/"
chmod -R a+rX "$tmp/src" "$tmp/many"
file=$(cd "$tmp/src" && find . -type f -size +100 | head -n 1)
assert_ok vitrine init
assert_ok vitrine publish ds "$tmp/src"
assert_ok vitrine publish many "$tmp/many"
assert_ok vitrine grant "user:$alice" read ds
assert_ok vitrine grant "user:$alice" read many
assert_ok vitrine grant "user:$bob" read many

it "does nothing when no server runs, or it is the same program"
assert_ok vitrine stop
assert_ok vitrine upgrade
assert_out "No server runs"
assert_ok vitrine ls
before=$(pids_of server)
assert_ok vitrine upgrade
assert_out "is this program already"
assert_equal "$(pids_of server)" "$before"

it "replaces a server without mounts"
takes_over two
takes_over one

it "replaces it though commands of the old program start the next one first"
touch "$tmp/asking"
for _ in 1 2; do
	while [ -e "$tmp/asking" ]; do "$tmp/one/vitrine" ls >/dev/null; done &
	askers="${askers:-} $!"
done
for _ in $(seq "${UPGRADES:-6}"); do
	takes_over two
	takes_over one
done
rm "$tmp/asking"
# shellcheck disable=SC2086 # several
wait $askers || fail "a command was refused"

it "replaces it for two that ask at once"
for mounted in no yes; do
	[ $mounted = no ] || assert_ok vitrine mount "$mnt"
	for copy in two one two one two one; do
		"$tmp/$copy/vitrine" upgrade >"$tmp/first" 2>&1 &
		first=$!
		assert_ok "$tmp/$copy/vitrine" upgrade
		wait "$first" || fail "$(cat "$tmp/first")"
		assert_equal "$(program_of "$(pids_of server)")" "$tmp/$copy/vitrine-store"
	done
done
assert_ok vitrine umount "$mnt"

it "is refused to who is neither root nor the store's owner"
assert_ok vitrine grant "user:$bob" admin '**'
assert_ok vitrine mount "$mnt"
assert_status 3 as_user "$bob" "$tmp/two/vitrine" upgrade
assert_err "only the store's owner and root"
assert_ok vitrine revoke "user:$bob" admin '**'

it "is refused to a program that keeps mounts in another form"
"$tools/upgrade.py" ask "$VITRINE_STORE" "$tmp/two/vitrine-store" "messages 0" >"$tmp/out"
assert_out "EOPNOTSUPP"
assert_out "vitrine umount --all"
assert_one_pair "$tmp/one/vitrine"

it "is refused while something is being published"
mkfifo "$tmp/pipe"
vitrine publish slow - <"$tmp/pipe" >/dev/null 2>&1 &
publisher=$!
exec 8>"$tmp/pipe"
for _ in $(seq 100); do
	vitrine status --json >"$tmp/out"
	[ "$(json_member 1 imports)" -eq 0 ] || break
	sleep 0.05
done
assert_status 6 "$tmp/two/vitrine" upgrade
assert_err "publish"
kill "$publisher"
exec 8>&-
wait "$publisher" || true

it "is noticed by no reader, and what they opened is recorded"
private=$tmp/private
mkdir "$private"
chown "$alice" "$private"
chmod 0700 "$private"
assert_ok vitrine mount --for "$alice" "$private"
touch "$tmp/reading"
"$tools/readers.py" "$tmp/src" "$mnt/ds/v1" "$tmp/reading" 3 >"$tmp/readers" 2>&1 &
readers=$!
as_user "$alice" "$tools/readers.py" "$tmp/src" "$private/ds/v1" "$tmp/reading" 2 >"$tmp/hers" 2>&1 &
hers=$!
as_user "$bob" "$tools/upgrade.py" open "$mnt/many/v1" "$tmp/reading" >"$tmp/opened" &
opener=$!
for round in $(seq "${UPGRADES:-6}"); do
	if [ $((round % 2)) -eq 0 ]; then takes_over one; else takes_over two; fi
	[ $((round % 5)) -ne 0 ] || sleep 1
done
rm "$tmp/reading"
wait "$readers" || fail "$(cat "$tmp/readers")"
wait "$hers" || fail "$(cat "$tmp/hers")"
wait "$opener" || fail "a file could not be opened"
assert_one_pair "$VITRINE"
takes_over one
takes_over two
vitrine audit list --json >"$tmp/log"
"$tools/upgrade.py" recorded "$(id -u "$bob")" "$tmp/opened" "$tmp/log" >"$tmp/out" || fail "$(cat "$tmp/out")"
echo "# $(cat "$tmp/out"); readers: $(cat "$tmp/readers" "$tmp/hers" | tr '\n' ' ')"

it "keeps the new program after a kill"
kill -9 "$(pids_of server)"
cmp "$tmp/src/$file" "$mnt/ds/v1/$file"
assert_one_pair "$tmp/two/vitrine"

it "takes access away afterwards from what was open before"
keep bob "$bob" -n 20 -m 5 "$mnt/many/v1"
keep alice "$alice" -n 20 -m 5 "$private/many/v1"
takes_over one
assert_ok vitrine revoke "user:$bob" read many
kept bob
kept alice
works bob pread "0/20 ESTALE"
works bob map "0/5 SIGBUS"
works alice pread "20/20"
works alice map "5/5"
takes_over two
assert_status 1 as_user "$bob" cat "$mnt/many/v1/aaa"
assert_ok as_user "$alice" cat "$mnt/many/v1/aaa"

it "goes back to the old program when the new one fails"
before=$(pids_of server)
for bad in /bin/false "$tmp/src/$file"; do # ends at once, cannot be run
	"$tools/upgrade.py" ask "$VITRINE_STORE" "$bad" >"$tmp/out"
	assert_out "$before"
	assert_ok cmp "$tmp/src/$file" "$mnt/ds/v1/$file"
	assert_one_pair "$tmp/two/vitrine"
	before=$(pids_of server)
done

it "leaves one server and one keeper wherever the new server dies"
for after in ${DEATHS:-0 0.02 0.04 0.06 0.1}; do
	before=$(pids_of server)
	"$tools/upgrade.py" ask "$VITRINE_STORE" "$tmp/one/vitrine-store" >/dev/null
	for _ in $(seq 1000); do
		new=$(pids_of server)
		[ -z "$new" ] || [ "$new" = "$before" ] || break
	done
	sleep "$after"
	# shellcheck disable=SC2086 # none, or one
	kill -9 $new 2>/dev/null || true
	assert_ok cmp "$tmp/src/$file" "$mnt/ds/v1/$file"
	wait_for_pair
	program=$(program_of "$(pids_of server)")
	assert_one_pair "${program%-store}"
	takes_over two
done

it "serves a store of somebody else's, asked by root and by them"
assert_ok vitrine umount --all
assert_ok vitrine stop
export VITRINE_STORE="$tmp/hers.store"
mkdir "$VITRINE_STORE"
chown "$alice" "$VITRINE_STORE"
assert_ok as_user "$alice" "$VITRINE" init
assert_ok as_user "$alice" "$VITRINE" publish --open ds "$tmp/src"
assert_ok vitrine mount "$mnt"
takes_over one
assert_equal "$(awk '/^Uid/ { print $2 }' "/proc/$(pids_of server)/status")" "$(id -u "$alice")"
assert_ok as_user "$alice" "$tmp/two/vitrine" upgrade
assert_one_pair "$tmp/two/vitrine"
cmp "$tmp/src/$file" "$mnt/ds/v1/$file"
