#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The power goes. What the programs write in a store is recorded, with each sync; then states that a disk may hold after
# that are made and opened (tools/power_loss.py says which, and what must hold).
# STATES: how many. SEED: of the choices. SYNCS=1: also whether each kind of sync is needed (tools/syncs.list).
. "$(dirname "$0")/lib.sh"
: "${RECORDER:?the library that records}"
need_root
# A sanitizer's library has to be the first one.
if ldd "$VITRINE" | grep -qE 'lib[at]san'; then
	skip "built with a sanitizer"
fi
tools=$(dirname "$0")/../tools
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
log=$tmp/recorded root=$tmp/root
mkdir "$root" "$tmp/seen" "$tmp/src"
export VITRINE_STORE="$root/store" RECORD_ROOT="$root" RECORD_LOG="$log"
export VITRINE_CONFINE=no # a confined server could not write into $log
make_user alice
alice=$user
steps=0

recorded() {
	LD_PRELOAD=$RECORDER "$@"
}

mark() {
	printf 'mark\t0\t%s\t0\t%s\t%s\n' "$(date +%s%N)" "$1" "$steps" >>"$log"
}

# step COMMAND...: one that changes something, and what the store shows once it is done.
step() {
	steps=$((steps + 1))
	mark begin
	recorded "$@" >"$tmp/out" 2>&1 || fail "$*: $(cat "$tmp/out")"
	mark 'done'
	recorded "$VITRINE" ls >/dev/null # a server, where the step ended it
	"$tools/power_loss.py" see "$VITRINE_STORE" "$tmp/seen/$steps"
}

it "records what was done"
seq 60000 >"$tmp/src/numbers"
head -c 200000 /dev/urandom >"$tmp/src/noise"
mkdir "$tmp/other"
echo asphalt >"$tmp/other/road"
for name in a b c d; do
	seq -s "$name" 100 >"$tmp/src/$name"
done
step "$VITRINE" init
step "$VITRINE" publish birds "$tmp/src"
echo changed >"$tmp/src/new"
seq 70000 >"$tmp/src/numbers"
step "$VITRINE" publish birds "$tmp/src"
step "$VITRINE" tag birds@v1 first
step "$VITRINE" label set birds:new kind=sparrow
step "$VITRINE" grant "$alice" read birds
step kill -9 "$(pids_of server)"
step "$VITRINE" publish roads "$tmp/other"
step "$VITRINE" lease acquire roads --for 8h --user "$alice"
step "$VITRINE" deny "$alice" read birds@v2
step "$VITRINE" partner add acme --user "$alice"
# The end of the log is torn, so that what the next server does about it is recorded.
step sh -c 'kill -9 "$1"; sleep 0.1; printf torn >>"$2"' sh "$(pids_of server)" "$VITRINE_STORE"/audit/*.log
step "$VITRINE" stop
step "$VITRINE" lease break roads
rm "$tmp/src/numbers"
step "$VITRINE" publish birds "$tmp/src"
step "$VITRINE" rollback birds@v2
step "$VITRINE" rm birds@v3
step "$VITRINE" rm roads --all
step "$VITRINE" gc --now
step "$VITRINE" revoke "$alice" read birds
step "$VITRINE" stop
recorded "$VITRINE" stop >"$tmp/out"
"$tools/power_loss.py" changes "$VITRINE_STORE" "$tmp/seen/changes"

it "has recorded all of it"
"$tools/power_loss.py" whole "$log" "$root" >"$tmp/out" || fail "$(cat "$tmp/out")"

# In memory where that can be: no state has to last.
states=$tmp
[ ! -w /dev/shm ] || states=/dev/shm

# check WHAT ARGUMENTS...: of power_loss.py, on what was recorded.
check() {
	what=$1
	shift
	TMPDIR=$states "$tools/power_loss.py" "$what" "$log" "$tmp/seen" "$@" >"$tmp/out" || fail "$(cat "$tmp/out")"
	sed 's/^/# /' "$tmp/out"
}

it "stands ${STATES:=200} states after the power went, seed $seed"
check states "$STATES" "$seed"

[ -n "${SYNCS:-}" ] || exit 0
it "is wrong without any one kind of sync"
check syncs "$tools/syncs.list" "$seed"
