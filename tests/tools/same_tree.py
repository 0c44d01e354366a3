#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""same_tree.py SOURCE SHOWN: is the published tree the source's, in everything that is kept?

Names as bytes, types, sizes, times to the nanosecond, targets, contents, groups of hard links, user xattrs, and modes by
the rule: what was stored, read for all, search and execute for all where the owner had it. Prints every difference.
"""
import hashlib
import os
import stat
import sys

source, shown = (os.fsencode(p) for p in sys.argv[1:3])
bad = 0


def report(path, what, a, b):
    global bad
    bad += 1
    print(f"{path!r}: {what}: {a!r} in the source, {b!r} shown")


def walk(top):
    found = {b".": os.lstat(top)}
    for folder, directories, names in os.walk(top):
        for n in directories + names:
            path = os.path.join(folder, n)
            found[os.path.relpath(path, top)] = os.lstat(path)
    return found


def rule(st):
    mode = st.st_mode & 0o1777
    if stat.S_ISDIR(st.st_mode):
        return mode | 0o555
    return mode | 0o444 | (0o111 if mode & 0o100 else 0)


def groups(found):
    by_inode = {}
    for path, st in found.items():
        if not stat.S_ISDIR(st.st_mode):
            by_inode.setdefault(st.st_ino, []).append(path)
    return sorted(sorted(g) for g in by_inode.values() if len(g) > 1)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(f.read()).hexdigest()


def xattrs(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}
    return {n: os.getxattr(path, n, follow_symlinks=False) for n in names if n.startswith("user.")}


a, b = walk(source), walk(shown)
for path in sorted(a.keys() ^ b.keys()):
    report(path, "exists", path in a, path in b)
for path in sorted(a.keys() & b.keys()):
    x, y = a[path], b[path]
    if stat.S_IFMT(x.st_mode) != stat.S_IFMT(y.st_mode):
        report(path, "type", x.st_mode, y.st_mode)
        continue
    if x.st_mtime_ns != y.st_mtime_ns:
        report(path, "mtime", x.st_mtime_ns, y.st_mtime_ns)
    full_a, full_b = os.path.join(source, path), os.path.join(shown, path)
    if stat.S_ISLNK(x.st_mode):
        if os.readlink(full_a) != os.readlink(full_b):
            report(path, "target", os.readlink(full_a), os.readlink(full_b))
        continue
    if path != b"." and rule(x) != stat.S_IMODE(y.st_mode):
        report(path, "mode", oct(rule(x)), oct(stat.S_IMODE(y.st_mode)))
    if xattrs(full_a) != xattrs(full_b):
        report(path, "xattrs", xattrs(full_a), xattrs(full_b))
    if stat.S_ISREG(x.st_mode):
        if x.st_size != y.st_size:
            report(path, "size", x.st_size, y.st_size)
        elif digest(full_a) != digest(full_b):
            report(path, "content", digest(full_a), digest(full_b))
if groups(a) != groups(b):
    report(b".", "hard links", groups(a), groups(b))
print(f"{len(a)} entries, {bad} differences")
sys.exit(1 if bad else 0)
