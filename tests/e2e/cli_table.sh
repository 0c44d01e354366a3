#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Walks the table of commands: each explains itself, is in the manual and in the completion, and
# refuses what it does not know. Needs neither a store nor FUSE.
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
commands=$(vitrine complete -- "")

it "lists its commands, and completion knows the same ones"
assert_ok vitrine help
assert_equal "$(sed -n 's/^  \([a-z-]*\) .*/\1/p' "$tmp/out")" "$commands"
[ "$(echo "$commands" | wc -l)" -ge 20 ] || fail "only: $commands"
assert_ok vitrine --help
assert_out "publish"

for command in $commands; do
	it "$command explains itself on standard output, within 80 columns"
	assert_ok vitrine "$command" --help
	assert_no_err
	assert_out "vitrine $command"
	awk 'length > 80 { print; bad = 1 } END { exit bad }' "$tmp/out" >"$tmp/long" ||
		fail "longer than 80 columns:" "$(cat "$tmp/long")"
	sed -n 's/^  .*--\([a-z-]*\).*/\1/p' "$tmp/out" | cut -d= -f1 >"$tmp/options"

	it "$command has a manual page that names every option of its own and has an example"
	page=$root/tools/man/vitrine-$command.1
	[ -f "$page" ] || fail "there is no $page"
	grep -q '^\.Sh EXAMPLES' "$page" || fail "$page has no EXAMPLES"
	while read -r option; do
		case $option in store | json | quiet | help) continue ;; esac
		grep -q "Fl Fl $option\\b" "$page" || fail "$page does not mention --$option"
	done <"$tmp/options"
	if command -v man >/dev/null; then
		man --warnings=mac -l "$page" >"$tmp/page" 2>"$tmp/err" </dev/null
		assert_no_err
		grep -q "vitrine" "$tmp/page" || fail "$page renders to nothing"
	fi

	it "$command completes its options"
	vitrine complete -- "$command" -- | sed 's/^--//; s/=$//' | sort >"$tmp/completed"
	assert_equal "$(cat "$tmp/completed")" "$(sort "$tmp/options")"

	it "$command refuses an option it does not know, and names it"
	assert_status 2 vitrine "$command" --no-such-option
	assert_err "'--no-such-option'"
	assert_err "vitrine $command --help"
	[ ! -s "$tmp/out" ] || fail "something went to standard output"
done

it "every manual page is of a command, or is one of the overviews"
for page in "$root"/tools/man/*; do
	name=$(basename "$page")
	case $name in vitrine.1 | vitrine-*.7 | meson.build) continue ;; esac
	name=${name#vitrine-}
	echo "$commands" | grep -qx "${name%.1}" || fail "$page is of no command"
done

it "a wrong command line is status 2 and says what is wrong"
assert_status 2 vitrine
assert_err "no command"
assert_status 2 vitrine nonsense
assert_err "'nonsense'"
assert_status 2 vitrine tag only-one
assert_err "DATASET[@VERSION] TAG"
assert_status 2 vitrine ls one two
assert_err "'two'"
assert_status 2 vitrine publish a b --level
assert_err "'--level' needs a value"
assert_status 2 vitrine publish a b --level=x
assert_err "'x' is no number"
assert_status 2 vitrine ls --json=3
assert_err "'--json' takes no value"
assert_status 2 vitrine ls -x
assert_err "'-x'"
assert_status 2 vitrine mount --cache=12Q "$tmp"
assert_err "'12Q'"
assert_status 2 vitrine mount
assert_err "VITRINE_MOUNT"

it "a target that cannot be is status 2, before anything is asked"
for target in "" "@v1" ":a/b" "birds@" "birds@:x" "$(printf '%0300d' 0)" "a@$(printf '%0300d' 0)"; do
	assert_status 2 vitrine show "$target"
done
assert_status 2 vitrine cat birds
assert_err "DATASET[@VERSION]:PATH"
assert_status 2 vitrine rm birds
assert_err "--all"
assert_status 2 vitrine rm --all birds@v1
assert_status 2 vitrine rollback birds
assert_status 2 vitrine untag birds
assert_status 2 vitrine withdraw birds@v1
assert_err "--reason"
assert_status 2 vitrine publish birds@v1 "$tmp"
assert_err "--as v1"

it "prints its version, alone and as JSON"
assert_ok vitrine --version
assert_out "vitrine "
assert_ok vitrine version --json
assert_json version

it "prints completion scripts that the shells accept"
assert_ok vitrine completion bash
bash -n "$tmp/out"
assert_ok vitrine completion zsh
assert_out "#compdef vitrine"
assert_status 2 vitrine completion fish
assert_err "'fish'"

it "says so when its results cannot be written"
status=0
vitrine help >/dev/full 2>"$tmp/err" || status=$?
assert_equal "$status" 1
assert_err "cannot write the results"
