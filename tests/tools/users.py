#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""users.py add PREFIX COUNT: makes users PREFIX1, PREFIX2, ... at once, with uids from 200001 that nobody has; users.py remove PREFIX

As useradd(8) and userdel(8) would, one by one: that takes minutes for thousands. The lock is that of lckpwdf(3).
"""
import fcntl
import os
import pwd
import sys

what, prefix = sys.argv[1:3]
FIRST = 200001


def rewrite(path, keep, more):
    """In place of the old file at once, with its mode."""
    with open(path, encoding="utf-8") as f:
        lines = [line for line in f if keep(line)]
    with open(path + ".vitrine", "w", encoding="utf-8") as f:
        os.fchmod(f.fileno(), os.stat(path).st_mode & 0o7777)
        f.writelines(lines + more)
    os.rename(path + ".vitrine", path)


with open("/etc/.pwd.lock", "w", encoding="utf-8") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    if what == "add":
        taken = {entry.pw_uid for entry in pwd.getpwall()}
        uids = [uid for uid in range(FIRST, FIRST + 100000) if uid not in taken][: int(sys.argv[3])]
        lines = [f"{prefix}{i}:x:{uid}:65534::/nonexistent:/bin/sh\n" for i, uid in enumerate(uids, 1)]
        rewrite("/etc/passwd", lambda line: True, lines)
    else:
        rewrite("/etc/passwd", lambda line: not line.startswith(prefix), [])
