#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hold.py PATH: holds a file in every way there is, says "held", waits for a line, then says what still works.

Prints one line per way, "WAY ok" or "WAY ERRNO" (SIGBUS for a mapping), after it read the line from standard input.
"""
import ctypes
import errno
import mmap
import os
import signal
import sys

path = sys.argv[1]
fd = os.open(path, os.O_RDONLY)
o_path = os.open(path, os.O_PATH)
folder = os.open(os.path.dirname(path), os.O_RDONLY)
os.read(fd, 4096)
size = os.fstat(fd).st_size
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
shared = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
private = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_PRIVATE, fd, 0)
ctypes.string_at(shared, 1), ctypes.string_at(private, 1)
os.chdir(os.path.dirname(path))
print("held", flush=True)
sys.stdin.readline()


def touch(address):
    pid = os.fork()  # a mapping that is gone kills who touches it
    if pid == 0:
        signal.signal(signal.SIGBUS, signal.SIG_DFL)
        ctypes.string_at(address, 1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    return "SIGBUS" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGBUS else "ok" if status == 0 else "?"


def attempt(way, what):
    try:
        print(way, what() or "ok", flush=True)
    except OSError as e:
        print(way, errno.errorcode[e.errno], flush=True)


def void(f):
    return lambda: f() and None


attempt("pread", void(lambda: os.pread(fd, 10, 0)))
attempt("fstat", void(lambda: os.fstat(fd)))
attempt("reopen", void(lambda: os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)))
attempt("o_path", void(lambda: os.open(f"/proc/self/fd/{o_path}", os.O_RDONLY)))
attempt("openat", void(lambda: os.open(os.path.basename(path), os.O_RDONLY, dir_fd=folder)))
attempt("listdir", void(lambda: os.listdir(folder)))
attempt("cwd", void(lambda: os.open(os.path.basename(path), os.O_RDONLY)))
attempt("path", void(lambda: os.open(path, os.O_RDONLY)))
attempt("shared-map", lambda: touch(shared))
attempt("private-map", lambda: touch(private))
