#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""readers.py A B SECONDS|FILE [PROCESSES]: reads files of B in parallel, at random, by every way, and compares with A.

pread at random offsets, whole reads, mmap, sendfile, O_DIRECT, for so long or while FILE is there. Prints
"N operations"; any difference or error ends it with 1.
"""
import os
import random
import sys
import time

import ways

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


def work(seed):
    rnd, done = random.Random(seed), 0
    while goes_on():
        path = rnd.choice(paths)
        with open(os.path.join(a, path), "rb") as f:
            want = f.read()
        shown = os.path.join(b, path)
        fd = os.open(shown, os.O_RDONLY)
        try:
            ways.read(rnd, fd, shown, want)
        except ways.Different as difference:
            sys.exit(f"different: {path!r} by {difference}")
        finally:
            os.close(fd)
        done += 1
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
