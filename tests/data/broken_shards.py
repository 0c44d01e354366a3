#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes broken/*.vsh from the golden shards: one thing wrong in each, every digest that does not
belong to the wrong thing made right again. tests/unit/test_golden_shard.c says how each is refused.
"""
import hashlib
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
HEADER, DIGEST = 4096, 32


class Shard:
    def __init__(self, name):
        self.data = bytearray((HERE / "golden/shard-1" / name).read_bytes())
        (count,) = struct.unpack_from("<I", self.data, len(self.data) - 9)
        self.seek = len(self.data) - 9 - 8 * count  # the first entry
        (last,) = struct.unpack_from("<I", self.data, self.seek + 8 * (count - 1))
        self.index = self.seek - 8 - last + 8  # its content

    def put(self, at, value):
        struct.pack_into("<I", self.data, at, value)
        return self

    def flip(self, at):
        self.data[at] ^= 1
        return self

    def sign_header(self):
        end = HEADER - DIGEST
        self.data[end:HEADER] = hashlib.sha256(self.data[:end]).digest()
        return self

    def sign_index(self):
        end = self.seek - 8 - DIGEST
        self.data[end:end + DIGEST] = hashlib.sha256(self.data[self.index:end]).digest()
        return self

    def save(self, name, length=None):
        (HERE / "broken" / (name + ".vsh")).write_bytes(self.data[:length])


def shard():
    return Shard("compressed.vsh")


def main():
    (HERE / "broken").mkdir(exist_ok=True)
    size = len(shard().data)
    shard().save("empty", 0)
    shard().save("cut-in-header", HEADER - 1)
    shard().save("cut-in-frame", HEADER + 50)
    shard().save("cut-by-one", size - 1)
    shard().put(8, 0x46464952).save("other-file")
    shard().flip(40).save("header-flip")
    shard().put(16, 2).sign_header().save("newer")
    shard().put(20, 0x80).sign_header().save("unknown-flag")
    shard().put(size - 9, 0xFFFFFFFF).save("seek-count-huge")
    s = shard()
    s.put(s.seek + 8, 0xFFFFFFFF).save("seek-size-huge")
    s = shard()
    s.flip(s.seek + 8).save("seek-gap")
    s = shard()
    s.flip(s.index + 8).save("index-flip")
    s = shard()
    s.put(s.index + 8 + 8, 0xFFFFFFFF).sign_index().save("index-items-huge")
    s = shard()
    s.put(s.index + 8 + 12 + 40 + 32, 101).sign_index().save("index-gap")
    shard().flip(HEADER + 60).save("frame-flip")
    s = shard()
    s.data[HEADER + 4] ^= 4
    s.save("frame-no-checksum")
    s = shard()
    s.flip(s.index + 8 + 12 + 40).sign_index().save("item-wrong")
    s = Shard("dictionary.vsh")
    s.flip(64).sign_header().save("dictionary-other")


if __name__ == "__main__":
    main()
