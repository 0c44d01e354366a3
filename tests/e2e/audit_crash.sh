#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The server dies between a change and its record in the audit log, before the one and after the other: the next server
# records what was done, once, and nothing that was not.
. "$(dirname "$0")/lib.sh"
need_crash_points
need_root
make_user alice
alice=$user
mkdir "$tmp/src"
echo "the bytes" >"$tmp/src/file"
mkdir "$tmp/other"
echo "other bytes" >"$tmp/other/file"

# How many records of a kind there are.
records() {
	vitrine audit list --json >"$tmp/log"
	grep -c "\"kind\": *\"$1\"" "$tmp/log" || true
}

# A store as it is before every case, without a server.
fresh() {
	[ ! -d "$VITRINE_STORE" ] || vitrine stop --quiet
	rm -rf "$VITRINE_STORE"
	vitrine init >/dev/null
	vitrine publish --quiet birds "$tmp/src"
	echo more >>"$tmp/src/file"
	vitrine publish --quiet birds "$tmp/src"
	vitrine publish --quiet roads "$tmp/src"
	vitrine publish --quiet bees "$tmp/src"
	vitrine grant "$alice" read birds@v1 >/dev/null
	vitrine partner add acme --user "$alice" >/dev/null
	vitrine lease acquire roads --for 8h --user "$alice" >/dev/null
	vitrine stop --quiet
}

# What is so, in words: rules, leases, partners, versions.
state() {
	vitrine rules --json
	vitrine lease list --all --json | sed 's/"fence": *[0-9]*//'
	vitrine partner list --json
	vitrine log birds --json
	vitrine ls --json
}

# dies POINT KIND COMMAND...: the server dies at POINT of the command; what it did and what is recorded agree.
dies() {
	point=$1 kind=$2
	shift 2
	fresh
	before=$(state) count=$(records "$kind")
	vitrine stop --quiet
	VITRINE_TEST_CRASH=$point vitrine "$@" >"$tmp/out" 2>"$tmp/err" &&
		fail "the server did not die at $point of $*"
	after=$(state) now=$(records "$kind")
	if [ "$before" = "$after" ]; then
		assert_equal "$point $*: $now" "$point $*: $count"
		unchanged=$((unchanged + 1))
	else
		assert_equal "$point $*: $now" "$point $*: $((count + 1))"
		changed=$((changed + 1))
	fi
	vitrine stop --quiet # and the next server has nothing to add
	assert_equal "$point $*: $(records "$kind")" "$point $*: $now"
	assert_ok vitrine audit verify
}

for point in policy-before-commit policy-after-commit outbox-delivered; do
	it "rules, partners and leases, dying at $point"
	changed=0 unchanged=0
	dies "$point" rule.add grant "$alice" read bees
	dies "$point" rule.add deny "$alice" read bees
	dies "$point" rule.remove revoke "$alice" read birds@v1
	dies "$point" partner.add partner add zeta --user "$alice"
	dies "$point" partner.remove partner remove acme --user "$alice"
	dies "$point" partner.end partner end acme
	dies "$point" lease.acquire lease acquire bees --for 1h --user "$alice"
	dies "$point" lease.renew lease renew roads --for 20h
	dies "$point" lease.drain lease break roads
	case $point in
	policy-before-commit) assert_equal "$changed $unchanged" "0 9" ;;
	*) assert_equal "$changed $unchanged" "9 0" ;;
	esac
done

for point in catalog-committed outbox-delivered; do
	it "versions, dying at $point"
	changed=0 unchanged=0
	dies "$point" withdraw withdraw birds@v1 --reason wrong
	dies "$point" rm rm birds@v1
	dies "$point" rm rm --all bees
	dies "$point" publish publish birds "$tmp/other"
	assert_equal "$changed $unchanged" "4 0"
done

it "an end that was broken off is finished and recorded: the lease is over"
fresh
VITRINE_TEST_CRASH=policy-after-commit vitrine lease break roads >/dev/null 2>&1 && fail "it did not die"
assert_ok vitrine ls # the next server
for _ in $(seq 100); do
	[ "$(records lease.end)" -eq 0 ] || break
	sleep 0.05
done
assert_equal "$(records lease.drain) $(records lease.end)" "1 1"

it "a lease whose dataset is removed ends in the log, too"
fresh
assert_ok vitrine rm --all roads
assert_equal "$(records lease.end)" 1
assert_ok vitrine publish --quiet roads "$tmp/src"
assert_ok vitrine lease acquire roads --for 1h --user "$alice"
vitrine stop --quiet
assert_ok vitrine audit verify
