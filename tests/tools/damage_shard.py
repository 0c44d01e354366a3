#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Damages a shard's file, or finds one.

    damage_shard.py find STORE SERIAL        the file of that shard, by its header
    damage_shard.py frame SHARD FILE         where the frame of the middle of a file begins that was stored raw
    damage_shard.py flip SHARD COUNT SEED    random bits of frames
    damage_shard.py at SHARD OFFSET LENGTH   bits from a byte on
    damage_shard.py missing|empty|short|header|index|seek SHARD COUNT SEED
"""
import os
import random
import struct
import sys

HEADER = 4096


def find(store, serial):
    for where, _, names in os.walk(os.path.join(store, "shards")):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as f:
                if struct.unpack("<I", f.read(44)[40:44])[0] == serial:
                    return path
    sys.exit(f"no shard {serial} in {store}")


def parts(data):
    """Where the index begins, and the seek table."""
    (count,) = struct.unpack_from("<I", data, len(data) - 9)
    seek = len(data) - 9 - 8 * count - 8
    (index,) = struct.unpack_from("<I", data, len(data) - 9 - 8)
    return seek - index, seek


def flip(path, offsets):
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        for at in offsets:
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1 << at % 8]))


what, path, *arguments = sys.argv[1:]
if what == "find":
    print(find(path, int(arguments[0])))
    sys.exit()
with open(path, "rb") as f:
    data = f.read()
if what == "frame":
    with open(arguments[0], "rb") as f:
        whole = f.read()
    at = data.find(whole[len(whole) // 2:][:64])
    print(at if at > 0 else sys.exit("not stored raw"))
    sys.exit()
index, seek = parts(data)
count, seed = int(arguments[0]), int(arguments[1])
rnd = random.Random(seed)
areas = {"flip": (HEADER, index), "header": (100, HEADER), "index": (index, seek), "seek": (seek, len(data))}
if what == "missing":
    os.unlink(path)
elif what in ("empty", "short"):
    os.chmod(path, 0o600)
    os.truncate(path, 0 if what == "empty" else len(data) // 3)
elif what == "at":
    flip(path, range(count, count + seed))
else:
    flip(path, [rnd.randrange(*areas[what]) for _ in range(count)])
