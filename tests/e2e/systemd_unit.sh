#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The unit vitrine@.service: how systemd rates it, and that a mount works with the rights it leaves.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
unit=$tmp/vitrine@.service
sed 's|@bindir@|/usr/bin|' "$(dirname "$0")/../../tools/systemd/vitrine@.service.in" >"$unit"

it "gives the unit no view of its own of the files, in which nobody would see the mount"
# exec_needs_mount_namespace() of systemd's src/core/execute.c
grep -nE '^(Private|ProtectSystem|ProtectHome|ProtectProc|ProtectKernel|ProtectControl|ProcSubset|ReadOnly|ReadWrite|Inaccessible|Exec(Search)?Path|NoExec|Bind|Temporary|Root|Mount|DynamicUser|LogNamespace|IPCNamespace)' "$unit" &&
	fail "that has a mount namespace"

it "is rated better than 4.5 of 10 by systemd-analyze, of which 9.6 is a unit without a line of this"
if command -v systemd-analyze >"$tmp/null" && systemd-analyze security --help | grep -q -- --offline; then
	assert_ok systemd-analyze security --offline=true --threshold=45 "$unit"
	echo "# $(tail -n 1 "$tmp/out")"
else
	echo "# systemd-analyze is missing or old"
fi

it "leaves the rights to mount somebody else's store, to restart its server and to end"
rights=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | sed 's/CAP_/+/g' | tr 'A-Z ' 'a-z,')
grep -q '^NoNewPrivileges=yes' "$unit" || fail "NoNewPrivileges is gone"
make_user owner
owner=$user
make_user reader
reader=$user
install -d -o "$owner" "$tmp/owner"
mkdir "$tmp/src" "$tmp/mnt"
echo mine >"$tmp/src/file"
export VITRINE_STORE="$tmp/owner/store"
as_user "$owner" "$VITRINE" init --quiet
vitrine publish --quiet --open ds "$tmp/src"
stop_servers
setpriv --no-new-privs --bounding-set="-all,$rights" --inh-caps=-all "$VITRINE" mount --foreground "$tmp/mnt" >"$tmp/said" 2>&1 &
mounter=$!
until [ -n "$(mounts_below)" ]; do
	kill -0 "$mounter" || fail "$(cat "$tmp/said")"
	sleep 0.05
done
assert_ok as_user "$reader" cat "$tmp/mnt/ds/v1/file"
server=$(pids_of server)
assert_equal "$(awk '/^Uid/ { print $2 }' "/proc/$server/status")" "$(id -u "$owner")"
kill -9 "$server"
assert_ok as_user "$reader" cat "$tmp/mnt/ds/v1/file"
kill -TERM "$mounter"
wait "$mounter" || fail "$(cat "$tmp/said")"
assert_equal "$(mounts_below)" ""
