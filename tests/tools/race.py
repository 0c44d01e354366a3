#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""race.py PATH UNTIL: opens and reads PATH over and over until 2 s after UNTIL (YYYY-MM-DDTHH:MM:SSZ).

Ends with 1 if one that began at UNTIL or later gave a byte, if none that ended before it did, or if one before was refused.
Says how many tries there were.
"""
import calendar
import os
import sys
import time

path = sys.argv[1]
until = calendar.timegm(time.strptime(sys.argv[2], "%Y-%m-%dT%H:%M:%SZ")) * 10**9
before = after = refused = 0
while True:
    began = time.time_ns()
    if began > until + 2 * 10**9:
        break
    try:
        fd = os.open(path, os.O_RDONLY)
        got = len(os.pread(fd, 100, 0))
        os.close(fd)
    except OSError:
        got = 0
    if began >= until:
        after += 1
        if got:
            sys.exit(f"{got} bytes {(began - until) / 1e6} ms after the end")
    elif time.time_ns() < until:
        before += got > 0
        refused += got == 0
if not before or not after or refused:
    sys.exit(f"{before} worked before the end, {refused} did not, {after} came after")
print(f"{before} opens before the end, {after} after")
