#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""readers.py A B SECONDS|FILE [PROCESSES]: reads files of B in parallel, at random, by every way, and compares with A.

pread at random offsets, whole reads, mmap, sendfile, O_DIRECT, for so long or while FILE is there. Prints
"N operations"; any difference or error ends it with 1.
"""
import mmap
import os
import random
import socket
import sys
import time

a, b = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2])
until, processes = sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 8
begun = time.monotonic()
paths = []
for folder, _, names in os.walk(a):
    for n in names:
        path = os.path.join(folder, n)
        if os.path.isfile(path) and not os.path.islink(path):
            paths.append(os.path.relpath(path, a))


def goes_on():
    if until[0].isdigit():
        return time.monotonic() < begun + float(until)
    return os.path.exists(until)


def by_direct(path, offset, length):
    """What the page cache has is asked for all the same."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, length) as buffer:
            return buffer[:os.preadv(fd, [buffer], offset)]
    finally:
        os.close(fd)


def by_sendfile(fd, offset, length):
    left, right = socket.socketpair()
    left.setblocking(False)  # nobody reads meanwhile: take what fits
    with left, right:
        sent = os.sendfile(left.fileno(), fd, offset, min(length, 60000))
        left.close()
        got = b""
        while len(got) < sent:
            got += right.recv(65536)
        return got


def work(seed):
    rnd, done = random.Random(seed), 0
    while goes_on():
        path = rnd.choice(paths)
        with open(os.path.join(a, path), "rb") as f:
            want = f.read()
        fd = os.open(os.path.join(b, path), os.O_RDONLY)
        try:
            offset = rnd.randrange(len(want) + 1)
            length = rnd.choice([1, 4096, 65536, 1 << 20])
            how = rnd.randrange(5)
            if how == 0:
                got, want = os.pread(fd, length, offset), want[offset:offset + length]
            elif how == 1:
                got = b""
                while piece := os.read(fd, max(length, 30000)):
                    got += piece
            elif how == 2 and want:
                with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as m:
                    got, want = m[offset:offset + length], want[offset:offset + length]
            elif how == 3:
                got, want = by_direct(os.path.join(b, path), offset, length), want[offset:offset + length]
            else:
                got = by_sendfile(fd, offset, length)
                want = want[offset:offset + len(got)] if got or offset < len(want) else b""
            if got != want:
                sys.exit(f"different: {path!r} way {how} offset {offset} length {length}: {len(got)} of {len(want)}")
            done += 1
        finally:
            os.close(fd)
    return done


pids = []
for i in range(processes):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.write(write, str(work(i)).encode())
        os._exit(0)
    os.close(write)
    pids.append((pid, read))
total, bad = 0, 0
for pid, read in pids:
    total += int(os.read(read, 100) or b"0")
    bad += os.waitpid(pid, 0)[1] != 0
print(f"{total} operations")
sys.exit(1 if bad else 0)
