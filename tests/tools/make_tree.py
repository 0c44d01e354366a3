#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_tree.py DIR SEED [FILES] [BYTES]: a random tree with everything a published tree may hold.

Hostile names (newline, 255 bytes, no UTF-8, case pairs, leading dashes and dots), empty files and directories,
small, compressible, incompressible and large files, holes, symlinks (dangling too), hard links, odd modes,
times before 1970 and to the nanosecond, user xattrs where the file system takes them.
"""
import os
import random
import sys

top, seed = os.fsencode(sys.argv[1]), int(sys.argv[2])
want = int(sys.argv[3]) if len(sys.argv) > 3 else 300
biggest = int(sys.argv[4]) if len(sys.argv) > 4 else 3 << 20
rnd = random.Random(seed)
HOSTILE = [b"new\nline", b"n" * 255, b"\xff\xfe", b"caf\xc3\xa9", b"Case", b"case", b"-rf", b"...", b" ", b"a b\t",
           b"back\\slash", b"quote'\"", b"*?[", b"\x01\x7f", b".vitrine", b"latest", b"v1"]


def name():
    if rnd.random() < 0.15:
        return rnd.choice(HOSTILE)
    return b"".join(bytes([rnd.choice(b"abcdefgh0123456789._-")]) for _ in range(rnd.randint(1, 14))).lstrip(b".-") or b"x"


def content():
    kind, size = rnd.random(), int(rnd.paretovariate(0.7) * 200)
    if kind < 0.05:
        return b""
    if kind < 0.1:
        size = rnd.choice([4095, 4096, 4097, 65536, 131071, 131072, 131073, 262144])
    size = min(size, biggest)
    if kind < 0.4:
        return rnd.randbytes(size)
    words = [rnd.randbytes(4).hex().encode() for _ in range(40)]
    text = bytearray()
    while len(text) < size:
        text += rnd.choice(words) + rnd.choice([b" ", b"\n"])
    return bytes(text[:size])


def unique(parent):
    for _ in range(100):
        path = os.path.join(parent, name())
        if not os.path.lexists(path):
            return path
    return None


directories, files = [top], []
os.makedirs(top, exist_ok=True)
while len(files) < want:
    path, kind = unique(rnd.choice(directories[-12:] + directories[:3])), rnd.random()
    if path is None:
        continue
    if kind < 0.1 and path.count(b"/") - top.count(b"/") < 12:
        os.mkdir(path)
        directories.append(path)
        continue
    if kind < 0.15:
        os.symlink(rnd.choice([b"nowhere", b"../x", b"a" * 300, b"\xff"]), path)
    elif kind < 0.2 and files:
        os.link(rnd.choice(files), path, follow_symlinks=False)
    elif kind < 0.23:
        with open(path, "wb") as f:
            for _ in range(rnd.randint(1, 4)):
                f.seek(rnd.randint(1, 40) * 65536, 1)
                f.write(content())
            f.truncate(f.tell() + rnd.choice([0, 1 << 20]))
    else:
        with open(path, "wb") as f:
            f.write(content())
        other = rnd.choice(files) if files and rnd.random() < 0.1 else None
        if other and not os.path.islink(other):  # the same bytes under another name
            with open(other, "rb") as f:
                data = f.read()
            with open(path, "wb") as f:
                f.write(data)
    files.append(path)
for path in files:
    if os.path.islink(path):
        continue
    if rnd.random() < 0.2:
        try:
            os.setxattr(path, "user.note", rnd.randbytes(rnd.randint(0, 60)))
            os.setxattr(path, "user.a", b"1")
        except OSError:
            pass
    os.chmod(path, rnd.choice([0o644, 0o600, 0o755, 0o444, 0o640, 0o000]) if os.getuid() == 0 else 0o644)
for path in files + directories[::-1]:
    ns = rnd.randint(-10**9, 2 * 10**9) * 10**9 + rnd.randrange(10**9)
    os.utime(path, ns=(ns, ns), follow_symlinks=False)
