#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Completion in real shells: bash with what `vitrine completion bash` prints, zsh with the TAB key in
# a terminal of its own.
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$tmp/bin" "$tmp/source/folder"
ln -s "$VITRINE" "$tmp/bin/vitrine"
export PATH="$tmp/bin:$PATH"
echo hello >"$tmp/source/folder/file"
cd "$tmp"
command -v bash >/dev/null || skip "bash is missing"
command -v zsh >/dev/null || skip "zsh is missing"
vitrine init --quiet
vitrine publish --quiet birds source
vitrine publish --quiet "bird-song" source
vitrine tag --quiet birds@v1 gold

it "what is printed is what is installed"
assert_equal "$(vitrine completion bash)" "$(cat "$root/tools/completion/vitrine.bash")"
assert_equal "$(vitrine completion zsh)" "$(cat "$root/tools/completion/_vitrine")"

# What bash offers for a line: as readline would, words split where COMP_WORDBREAKS says.
in_bash() {
	bash -c '
		source <(vitrine completion bash)
		compopt() { :; } # only while readline completes
		COMP_LINE=$1 COMP_POINT=${#1}
		_vitrine
		printf "%s\n" "${COMPREPLY[@]}"' bash "$1" | sort | tr '\n' ' '
}

it "bash completes commands, options, datasets, versions and paths"
assert_equal "$(in_bash 'vitrine publ' | tr -d ' ')" publish
in_bash 'vitrine mount --fore' | grep -q -- --foreground
assert_equal "$(in_bash 'vitrine show bird' | tr ' ' '\n' | grep -c '^bird')" 2
in_bash 'vitrine show birds@' | grep -q 'birds@gold'
in_bash 'vitrine ls birds@v1:fo' | grep -q '^folder/'

# Types a line and TAB into a zsh of its own; what then stands on the line.
in_zsh() {
	zsh -f -c '
		zmodload zsh/zpty
		zpty -b shell zsh -f -i
		send() { zpty -w shell "$1" }
		hear() { # until a text comes
			local all= piece
			while [[ $all != *"$1"* ]]; do
				zpty -r shell piece && all+=$piece || sleep 0.02
			done
			print -r -- "$all"
		}
		send "PS1=; unsetopt zle_bracketed_paste beep prompt_cr prompt_sp; unset zle_bracketed_paste"
		send "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; $3"
		send "show() { print -r -- \"<<\$BUFFER>>\"; zle kill-buffer }; zle -N show"
		send "bindkey \"^X\" show; print rea\"\"dy"
		hear ready >/dev/null
		zpty -w -n shell "$2"$'\''\t\x18'\''
		hear ">>" | tr -d "\r" | sed -n "s/.*<<\(.*\)>>.*/\1/p"
		zpty -d shell' zsh "$functions" "$1" "$load"
}
functions=$root/tools/completion
load=:

it "zsh completes commands, options, datasets, versions and paths"
assert_equal "$(in_zsh 'vitrine publ')" 'vitrine publish'
assert_equal "$(in_zsh 'vitrine mount --fore')" 'vitrine mount --foreground'
assert_equal "$(in_zsh 'vitrine show bir')" 'vitrine show bird'
assert_equal "$(in_zsh 'vitrine show birds@g')" 'vitrine show birds@gold'
assert_equal "$(in_zsh 'vitrine ls birds@v1:fo')" 'vitrine ls birds@v1:folder/'

it "zsh completes files where a file is wanted"
assert_equal "$(in_zsh 'vitrine publish new sour')" 'vitrine publish new source/'

it "zsh completes also when what is printed is sourced"
mkdir "$tmp/empty"
load='source <(vitrine completion zsh)'
functions=$tmp/empty
assert_equal "$(in_zsh 'vitrine publ')" 'vitrine publish'
