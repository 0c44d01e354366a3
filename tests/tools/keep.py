#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""keep.py [-n FILES] [-m MAPS] [-w] FOLDER GO: keeps files of FOLDER open until the file GO exists, then reads all of them again.

Opens FILES files (all of them without -n), maps MAPS of them, with -w makes FOLDER its working folder, says "kept". When GO exists:
one line per way with how often it worked and how it failed, "WAY OK/TRIED [ERRNO...]".
"""
import argparse
import collections
import ctypes
import errno
import mmap
import os
import signal
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("-n", type=int, default=1 << 30)
parser.add_argument("-m", type=int, default=0)
parser.add_argument("-w", action="store_true")
parser.add_argument("folder")
parser.add_argument("go")
args = parser.parse_args()

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]


def tell(error):  # else a folder that cannot be listed looks like an empty one
    print(error, file=sys.stderr)


paths = sorted(os.path.join(top, name) for top, _, names in os.walk(args.folder, onerror=tell) for name in names)[: args.n]
files = [os.open(path, os.O_RDONLY) for path in paths]
content = [os.pread(fd, 64, 0) for fd in files]
maps = [libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0) for fd in files[: args.m]]
for address in maps:
    ctypes.string_at(address, 1)
if args.w:
    os.chdir(args.folder)
print("kept", len(files), flush=True)
while not os.path.exists(args.go):
    if not os.path.isdir(os.path.dirname(args.go)):
        sys.exit("the test has ended")
    time.sleep(0.02)


def touch(address):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGBUS, signal.SIG_DFL)
        ctypes.string_at(address, 1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    if status:
        raise OSError(errno.EFAULT, "SIGBUS")


def same(fd, expected):
    if os.pread(fd, 64, 0) != expected:
        sys.exit("wrong bytes")


def report(way, attempts):
    failures = collections.Counter()
    for attempt in attempts:
        try:
            attempt()
        except OSError as e:
            failures["SIGBUS" if e.errno == errno.EFAULT else errno.errorcode[e.errno]] += 1
    worked = len(attempts) - sum(failures.values())
    print(way, f"{worked}/{len(attempts)}", *sorted(failures), flush=True)


report("pread", [lambda fd=fd, c=c: same(fd, c) for fd, c in zip(files, content)])
report("fstat", [lambda fd=fd: os.fstat(fd) for fd in files])
report("reopen", [lambda fd=fd: os.close(os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)) for fd in files])
report("map", [lambda a=a: touch(a) for a in maps])
report("path", [lambda p=p: os.close(os.open(p, os.O_RDONLY)) for p in paths])
if args.w:
    report("cwd", [lambda: os.close(os.open(os.path.relpath(paths[0], args.folder), os.O_RDONLY)), lambda: os.listdir(".")])
