#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a shard by its seek table alone, as a reader of zstd's seekable format does (version 0.1.0),
and prints a line per entry: offset, stored size, content size, kind. Ends with status 1 where the
bytes are not what the table says. Written from the format's description, apart from fs/*.c.

    seek_frames.py SHARD
"""
import struct
import sys

ZSTD_FRAME, FIRST_SKIPPABLE, SEEK_TABLE, FOOTER = 0xFD2FB528, 0x184D2A50, 0x184D2A5E, 0x8F92EAB1


def entries(data):
    count, descriptor, magic = struct.unpack_from("<IBI", data, len(data) - 9)
    assert magic == FOOTER, "no footer"
    assert descriptor & 0x7C == 0, "reserved bits"
    size = 12 if descriptor & 0x80 else 8
    at = len(data) - 9 - count * size
    head = struct.unpack_from("<II", data, at - 8)
    assert head == (SEEK_TABLE, count * size + 9), "no seek table"
    for i in range(count):
        yield struct.unpack_from("<II", data, at + i * size)


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    offset = 0
    for stored, content in entries(data):
        (magic,) = struct.unpack_from("<I", data, offset)
        if magic == ZSTD_FRAME:
            kind = "frame"
            assert content > 0, "a frame without content"
        else:
            kind = "skippable"
            assert magic & ~0xF == FIRST_SKIPPABLE, f"no frame at {offset}"
            assert struct.unpack_from("<I", data, offset + 4)[0] == stored - 8, "skippable size"
            assert content == 0, "a skippable frame with content"
        print(offset, stored, content, kind)
        offset += stored


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except AssertionError as error:
        sys.exit(f"{sys.argv[1]}: {error}")
