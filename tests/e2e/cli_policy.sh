#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The commands about who may read, without a mount: what they print, whom they refuse, in which words.
. "$(dirname "$0")/lib.sh"
need_root
make_user alice
alice=$user
make_user bob
bob=$user
mkdir "$tmp/src"
echo "the bytes" >"$tmp/src/file"
vitrine init >/dev/null

# as_alice COMMAND...: vitrine as her
as_alice() {
	as_user "$alice" "$VITRINE" "$@"
}
as_bob() {
	as_user "$bob" "$VITRINE" "$@"
}
# Neither of the last two outputs holds a text.
assert_silent_about() {
	! grep -qF -- "$1" "$tmp/out" "$tmp/err" || fail "'$1' is told:" "$(cat "$tmp/out" "$tmp/err")"
}
# Bob hears the same of what is hidden from him and of what is not there.
assert_hidden() {
	hidden=$1
	shift
	assert_status 3 as_bob "$@"
	sed "s/$hidden/NAME/g" "$tmp/err" >"$tmp/hidden"
	shown=$(echo "$*" | sed "s/$hidden/absent/g")
	# shellcheck disable=SC2086 # words of a command
	assert_status 3 as_bob $shown
	assert_equal "$(sed 's/absent/NAME/g' "$tmp/err")" "$(cat "$tmp/hidden")"
}

it "publish says once who may read a new dataset"
assert_ok vitrine publish secret "$tmp/src"
assert_err "only root may read it; 'vitrine grant WHO read secret' or --open lets others in"
assert_ok vitrine publish --as again secret "$tmp/src"
assert_no_err
assert_ok vitrine publish --quiet birds "$tmp/src"
assert_no_err
assert_ok vitrine publish --json lab/owls "$tmp/src"
assert_no_err
assert_ok vitrine publish --open everybodys "$tmp/src"
assert_no_err
assert_ok as_bob cat everybodys:file

it "only root and the store's owner publish, whoever may curate"
assert_ok vitrine grant "$alice" curate birds
assert_status 3 as_alice publish birds "$tmp/src"
assert_err "only root and the store's owner"
assert_ok vitrine revoke "$alice" curate birds

it "a grant lets in, and a stranger is told nothing"
assert_ok vitrine grant "$alice" read birds
assert_out "user:$alice may read birds"
assert_ok as_alice cat birds:file
assert_equal "$(cat "$tmp/out")" "the bytes"
assert_status 3 as_bob cat birds:file
assert_ok as_bob ls
assert_silent_about birds
assert_ok vitrine grant "osgroup:$bob" browse birds@v1 --until +2d --json
assert_json rule kind who right object until
assert_equal "$(json_member 1 object)" birds@v1
assert_ok as_bob ls birds
assert_status 3 as_bob cat birds:file
assert_err "read"

it "a deny takes away, and revoke takes either away"
assert_ok vitrine deny "$alice" read birds
assert_out "user:$alice may not read birds"
assert_status 3 as_alice cat birds:file
assert_ok vitrine revoke "$alice" read birds
assert_out "birds"
assert_status 3 as_alice cat birds:file
assert_status 4 vitrine revoke "$alice" read birds
assert_ok vitrine revoke "osgroup:$bob" browse birds@v1
assert_status 3 as_bob ls birds

it "wrong words are status 2, and who is nobody status 4"
assert_status 2 vitrine grant "$alice" fly birds
assert_err "'fly'"
assert_status 2 vitrine grant "$alice" see birds
assert_status 2 vitrine grant "friend:$alice" read birds
assert_status 2 vitrine grant "$alice" read birds --until yesterday
assert_err "'yesterday' is no time"
assert_status 2 vitrine grant "$alice" read birds --until 2001-01-01
assert_status 4 vitrine grant no-such-user read birds
assert_err "no-such-user"
assert_status 4 vitrine grant partner:nobodys read birds
assert_status 4 vitrine grant "$alice" read absent
assert_status 2 vitrine lease acquire birds --for 8x
assert_err "'8x' is no length"
assert_status 2 vitrine lease acquire birds --for 367d
assert_status 2 vitrine lease borrow birds
assert_status 2 vitrine lease acquire

it "times are dates, instants, and from now"
for until in 2127-12-31 2127-12-31T10:00 2127-12-31T10:00:30Z +8h; do
	assert_ok vitrine grant "$alice" read birds --until "$until" --json
done
assert_ok vitrine grant "$alice" read birds --until 2127-12-31T10:00:30Z --json
assert_equal "$(json_member 1 until)" 2127-12-31T10:00:30Z
assert_ok vitrine grant "$alice" read birds --until 2127-12-31T02:00-05:30 --json
assert_equal "$(json_member 1 until)" 2127-12-31T07:30:00Z
assert_ok vitrine grant "$alice" read birds --until 2128-02-29T00:30+01:00 --json
assert_equal "$(json_member 1 until)" 2128-02-28T23:30:00Z
for until in 2127-02-29 2127-04-31T10:00Z 2127-12-31+02 2127-12-31T10:00+2:00 2127-12-31T10:00+24:00 \
	2127-12-31T10:00Zulu 1960-01-01 2127; do
	assert_status 2 vitrine grant "$alice" read birds --until "$until"
	assert_err "'$until' is no time"
done
assert_ok vitrine grant "$alice" read birds --from 2127-12-31
assert_status 3 as_alice cat birds:file

it "who does not administer an object grants nothing, and learns no name"
for change in "grant anyone read secret" "deny anyone read secret" "revoke anyone read secret" \
	"explain anyone read secret" "who-can read secret" "lease acquire secret" \
	"lease acquire secret --user $alice" "lease renew secret" "lease release secret" \
	"lease break secret --reason x" "grant anyone read secret@v1"; do
	# shellcheck disable=SC2086 # words of a command
	assert_hidden secret $change
done
for change in "grant anyone read **" "grant anyone read lab/**" "deny $alice read lab/**" \
	"lease acquire lab/**" "who-can read **"; do
	set -f
	# shellcheck disable=SC2086 # words of a command
	assert_status 3 as_bob $change
	set +f
	assert_silent_about owls
done
assert_ok as_bob lease show secret
assert_silent_about secret
assert_ok vitrine deny "$bob" browse secret
assert_ok vitrine deny "$bob" browse 'lab/**'
assert_ok as_bob rules
assert_silent_about secret
assert_silent_about lab
assert_ok vitrine revoke "$bob" browse secret
assert_ok vitrine revoke "$bob" browse 'lab/**'

it "rules are shown to who administers their object, and to whom they name"
assert_ok vitrine grant "$alice" read birds
assert_ok vitrine grant "$bob" read birds --until +1h
assert_ok vitrine rules --json
assert_json rule kind who right object by
assert_ok as_alice rules
assert_out "user:$alice"
assert_silent_about "$bob"
assert_ok vitrine grant "$alice" admin lab/owls
assert_ok as_alice grant "$bob" read lab/owls
assert_ok as_bob cat lab/owls:file
assert_status 3 as_alice cat lab/owls:file
assert_ok as_alice rules
assert_out "lab/owls"
assert_ok as_alice revoke "$bob" read lab/owls
assert_ok vitrine revoke "$alice" admin lab/owls

it "explain says which rule, until when, and what it would take"
assert_ok as_bob explain read birds
assert_out "user:$bob may read birds"
assert_out "until"
assert_ok as_bob explain read birds --at +2h
assert_out "may not read"
assert_silent_about "it would take"
assert_ok vitrine explain "$bob" read secret
assert_out "it would take: vitrine grant user:$bob read secret"
assert_ok vitrine explain "$bob" curate birds --json
assert_json allowed who object reason sentence would_allow steps
assert_equal "$(json_member 1 allowed)" false
assert_status 3 as_bob explain "$alice" read birds

it "who-can lists everybody"
assert_ok vitrine who-can read birds --json
assert_json who reason
for who in root "$alice" "$bob"; do assert_out "\"user:$who\""; done
assert_ok vitrine who-can read birds --at +2h
assert_silent_about "$bob"
assert_ok vitrine who-can read everybodys
assert_out anyone

it "whoami says who the server takes one for"
assert_ok as_bob whoami --json
assert_json uid name stale administers_store partners
assert_equal "$(json_member 1 name)" "$bob"
assert_equal "$(json_member 1 administers_store)" false
assert_ok vitrine whoami
assert_out "You administer the store."

it "a lease keeps out everybody else, and says who has it to whom it may be told"
assert_ok as_alice lease acquire birds --for 90s
assert_out "birds is $alice's alone until"
assert_ok as_alice cat birds:file
assert_status 3 as_bob cat birds:file
assert_err "leased to $alice until"
assert_status 3 vitrine cat birds:file
assert_status 6 as_bob lease acquire birds
assert_err "'birds' is leased to $alice until"
assert_ok as_alice lease show birds --json
assert_json lease object state since until holder fence
assert_equal "$(json_member 1 holder)" "$alice"
assert_ok as_bob lease show birds --json
assert_json lease object state until
assert_silent_about "$alice"
assert_ok as_bob lease show birds@v1 --json
assert_json lease object state until
assert_ok as_bob lease list
assert_out birds

it "renewing moves the end, and never back"
assert_ok as_alice lease renew birds --for 2h --json
until=$(json_member 1 until)
assert_ok as_alice lease renew birds --for 1h --json
assert_equal "$(json_member 1 until)" "$until"
assert_status 4 as_bob lease renew birds
assert_status 3 as_bob lease break birds --reason mine
assert_status 4 as_bob lease release birds

it "a place in the line is given up with the command, and the turn comes"
# A command in the background of a script ignores SIGINT.
setpriv --reuid="$bob" --regid="$(id -g "$bob")" --clear-groups env --default-signal=INT \
	"$VITRINE" lease acquire birds --wait >"$tmp/waiting" 2>&1 &
waiter=$!
while ! as_bob lease list --json | grep -q queued; do sleep 0.05; done
grep -q "waiting for birds, which is leased to $alice until" "$tmp/waiting" ||
	fail "$(cat "$tmp/waiting")"
assert_status 6 as_alice lease renew birds --for 3h
kill -INT "$waiter"
wait "$waiter" 2>/dev/null && fail "a wait that was given up is no success"
while as_bob lease list --json | grep -q queued; do sleep 0.05; done
as_user "$bob" "$VITRINE" lease acquire birds --for 1h --wait >"$tmp/waiting" 2>&1 &
waiter=$!
while ! as_bob lease list --json | grep -q queued; do sleep 0.05; done
assert_ok as_alice lease release birds
assert_out "released"
wait "$waiter" || fail "$(cat "$tmp/waiting")"
grep -q "birds is $bob's alone until" "$tmp/waiting" || fail "$(cat "$tmp/waiting")"
assert_status 3 as_alice cat birds:file
assert_ok as_bob cat birds:file

it "an administrator breaks the lease that is in force, not a place of their own in the line"
vitrine grant root read birds >/dev/null
vitrine lease acquire birds --for 1h --wait >"$tmp/waiting" 2>&1 &
waiter=$!
while ! vitrine lease list --json | grep -q queued; do sleep 0.05; done
assert_ok vitrine lease break birds --reason "needed elsewhere" --json
assert_equal "$(json_member 1 holder)" "$bob"
assert_equal "$(json_member 1 end)" broken
assert_equal "$(json_member 1 reason)" "needed elsewhere"
wait "$waiter" || fail "$(cat "$tmp/waiting")"
assert_status 3 as_bob cat birds:file
assert_ok vitrine lease release birds
assert_ok as_bob cat birds:file
assert_ok as_bob lease list --all
assert_out "needed elsewhere"

it "who holds by the word of an administrator alone, renews and releases"
assert_ok vitrine lease acquire lab/owls --user "$bob" --for 30m
assert_ok as_bob cat lab/owls:file
assert_ok as_bob lease show lab/owls
assert_out "$bob"
assert_ok as_bob lease renew lab/owls --for 1h
assert_ok as_bob lease release lab/owls
assert_status 3 as_bob cat lab/owls:file

it "an administrator leases for somebody else, and releases it"
assert_ok vitrine lease acquire lab/owls --user "$bob" --for 30m
assert_ok as_bob cat lab/owls:file
assert_status 3 vitrine cat lab/owls:file
assert_ok vitrine lease release lab/owls
assert_status 3 as_bob cat lab/owls:file
assert_ok vitrine cat lab/owls:file

it "whom no space is open to, does not hear who holds it"
assert_ok vitrine lease acquire 'lab/**' --user "$alice" --for 30m
assert_ok as_bob explain read 'lab/**'
assert_silent_about lease
assert_silent_about "$alice"
assert_ok as_bob lease list
assert_silent_about lab
assert_ok vitrine lease break 'lab/**' --reason "tried"

it "the holder of what is hidden from others is not named to them"
assert_ok vitrine publish --quiet --as hidden birds "$tmp/src"
assert_ok vitrine deny "$bob" browse birds@hidden
assert_ok as_alice lease acquire birds@hidden
assert_status 6 as_bob lease acquire birds
assert_err "'birds' is held by another"
assert_silent_about "$alice"
assert_silent_about hidden
assert_ok as_bob lease show birds
assert_silent_about hidden
assert_ok as_alice lease release birds@hidden

it "a partner's users read until they leave it, or it ends"
assert_status 3 as_alice partner add acme --user "$bob"
assert_ok vitrine partner add acme --user "$bob,$alice" --until 2127-12-31
assert_out "acme is a partner"
assert_ok vitrine grant partner:acme read secret
assert_ok as_bob cat secret:file
assert_ok as_bob whoami --json
assert_equal "$(json_member 1 partners)" '["acme"]'
assert_ok as_alice partner list
assert_silent_about acme
assert_ok vitrine partner --json
assert_json partner users until owner
assert_ok vitrine partner remove acme --user "$bob"
assert_status 3 as_bob cat secret:file
assert_ok as_alice cat secret:file
assert_ok vitrine partner end acme
assert_status 3 as_alice cat secret:file
assert_status 4 vitrine partner add acme --user no-such-user
assert_status 2 vitrine partner add

it "a uid that was another's gets nothing, until an administrator gives it to who has it now"
make_user carol
assert_ok vitrine grant "$user" read birds
uid=$(id -u "$user")
userdel "$user"
useradd --no-create-home --shell /bin/sh --uid "$uid" "vt-e2e-dave-$$"
users="$users vt-e2e-dave-$$"
assert_ok vitrine stop # who is who is remembered for half a minute
assert_ok vitrine ls
assert_status 3 as_user "vt-e2e-dave-$$" "$VITRINE" cat birds:file
assert_err "there is no 'birds' here"
assert_ok as_user "vt-e2e-dave-$$" "$VITRINE" whoami
assert_out "This uid was another user's"
assert_ok vitrine explain "vt-e2e-dave-$$" read birds
assert_out "vitrine repin vt-e2e-dave-$$"
assert_status 3 as_bob repin "vt-e2e-dave-$$"
assert_ok vitrine repin "vt-e2e-dave-$$"
assert_out "What uid $uid was given as $user is vt-e2e-dave-$$'s now"
assert_ok as_user "vt-e2e-dave-$$" "$VITRINE" cat birds:file
assert_ok vitrine audit list --kind repin
assert_out "was=$user"
assert_status 4 vitrine repin no-such-user

it "the clock is shown to everybody, and accepted by administrators"
assert_ok as_bob clock --json
assert_json wall earliest latest in_doubt
assert_equal "$(json_member 1 in_doubt)" false
assert_ok vitrine clock
assert_out "earliest"
assert_status 3 as_bob clock accept
assert_ok vitrine clock accept
assert_ok vitrine audit list --kind clock
assert_out "root"
assert_status 2 vitrine clock set
assert_ok vitrine doctor
assert_out "is taken for right"

it "a long answer stops when its reader loses the right"
truncate -s 256M "$tmp/src/large"
assert_ok vitrine publish --quiet large "$tmp/src"
assert_ok vitrine grant "$bob" read large
{
	status=0
	as_bob cat large:large 2>"$tmp/err" || status=$?
	echo "$status" >"$tmp/status"
} | {
	head -c 1000 >/dev/null
	: >"$tmp/begun"
	while [ ! -e "$tmp/go" ]; do sleep 0.05; done
	wc -c >"$tmp/count"
} &
pipe=$!
while [ ! -e "$tmp/begun" ]; do sleep 0.05; done
assert_ok vitrine revoke "$bob" read large
: >"$tmp/go"
wait "$pipe"
assert_equal "$(cat "$tmp/status")" 3
[ "$(cat "$tmp/count")" -lt $((64 << 20)) ] || fail "$(cat "$tmp/count") bytes came"

it "what was read without a mount is in the audit log, and who was refused"
assert_reader "$bob" large:large
assert_status 3 as_bob cat large:large
assert_denied "$bob" no-grant large@v1
tail -n 1 "$tmp/denials" | grep -q '"object": *"large@v1".*"right": *"read"' || fail "$(cat "$tmp/denials")"

it "what was given to a user that is gone can be taken away"
make_user carol
carol=$user
assert_ok vitrine grant "$carol" read secret
assert_ok vitrine partner add zenith --user "$carol"
userdel "$carol"
assert_ok vitrine partner remove zenith --user "$carol"
assert_ok vitrine revoke "$carol" read secret
assert_ok vitrine rules
assert_silent_about "$carol"
