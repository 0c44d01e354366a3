#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unpacks digits.csv.gz into images: DIR/DIGIT/NUMBER.png, 1,797 of them, 32x32, grey.

The PNGs are not deflated (their zlib streams hold stored blocks), since compressing is the store's
work here. PNG (ISO/IEC 15948) needs no more than three chunks for that."""
import gzip
import os
import shutil
import struct
import sys
import zlib

SIDE = 8  # pixels of the source
SCALE = 4


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels):
    """pixels: 64 numbers from 0 (paper) to 16 (ink)."""
    rows = b""
    for y in range(SIDE):
        line = bytes(255 - min(255, 16 * p) for p in pixels[y * SIDE:(y + 1) * SIDE]
                     for _ in range(SCALE))
        rows += (b"\0" + line) * SCALE
    header = struct.pack(">IIBBBBB", SIDE * SCALE, SIDE * SCALE, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 0)) +
            chunk(b"IEND", b""))


def main(target):
    here = os.path.dirname(os.path.abspath(__file__))
    for digit in range(10):
        os.makedirs(f"{target}/{digit}")
    with gzip.open(f"{here}/digits.csv.gz", "rt", encoding="ascii") as rows:
        for number, row in enumerate(rows):
            *pixels, digit = map(int, row.split(","))
            with open(f"{target}/{digit}/{number:04}.png", "wb") as image:
                image.write(png(pixels))
    shutil.copyfile(f"{here}/digits.README.md", f"{target}/README.md")


if len(sys.argv) != 2:
    sys.exit("usage: digits.py DIR (a new folder)")
main(sys.argv[1])
