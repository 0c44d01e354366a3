#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""storm.py KIND PATH FILE: does one thing again and again, as hard as it can, while FILE is there; says how often.

    open     holds as many descriptors of PATH as it gets
    list     lists the folder PATH with 8 processes, what is below it too
    read     reads the files of the folder PATH with 64 threads, past the page cache
    connect  holds as many connections to the socket PATH as it gets, and tries again for what was refused
    garbage  writes garbage to the socket PATH
"""
import os
import resource
import socket
import sys
import threading
import time

kind, path, going = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
held = []


def goes_on():
    return os.path.exists(going)


def open_once():
    try:
        held.append(os.open(path, os.O_RDONLY))
        return 1
    except OSError:
        time.sleep(0.01)
        return 0


def list_once():
    return sum(len(names) for _, _, names in os.walk(path))


def read_once():
    for name in os.listdir(path):
        try:
            fd = os.open(os.path.join(path, name), os.O_RDONLY)
        except OSError:
            continue
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            while os.read(fd, 1 << 20) and goes_on():
                pass
        except OSError:
            pass
        finally:
            os.close(fd)
    return 1


def connected():
    s = socket.socket(socket.AF_UNIX)
    s.setblocking(False)
    s.connect(path)
    return s


def connect_once():
    try:
        held.append(connected())
        if len(held) > 5000:
            held.pop(0).close()
        return 1
    except OSError:
        time.sleep(0.001)
        return 0


def garbage_once():
    try:
        with connected() as s:
            s.send(os.urandom(4096))
        return 1
    except OSError:
        time.sleep(0.001)
        return 0


once = {"open": open_once, "list": list_once, "read": read_once, "connect": connect_once, "garbage": garbage_once}[kind]
counts = []


def storm():
    count = 0
    while goes_on():
        count += once()
    counts.append(count)


if kind == "list":
    for _ in range(7):
        if os.fork() == 0:
            storm()
            os._exit(0)
threads = [threading.Thread(target=storm) for _ in range(64 if kind == "read" else 1)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"{kind} {sum(counts)}", flush=True)
os._exit(0)
