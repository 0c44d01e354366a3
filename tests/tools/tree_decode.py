#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a golden tree (tests/data/golden/tree-*) by index/schema.md alone.

The second decoder: written from the document, not from the C code, with nothing but the standard
library. It recomputes the digest of every page, of the link table and of the tree, checks the
cutting rule and the counts, and compares digests and names with what the folder says of itself.
"""
import hashlib
import os
import struct
import sys

FILE, DIRECTORY, SYMLINK = 1, 2, 3
LINKED, XATTRS = 1, 2
MASK = (1 << 64) - 1


def tagged(tag, data):
    return hashlib.sha256(tag + b"\0" + data).digest()


def xxh64(data, seed):
    """XXH64 as its specification describes it."""
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

    def rotate(x, n):
        return (x << n | x >> (64 - n)) & MASK

    def lane(acc, value):
        return rotate((acc + value * p2) & MASK, 31) * p1 & MASK

    at = 0
    if len(data) >= 32:
        acc = [(seed + p1 + p2) & MASK, (seed + p2) & MASK, seed, (seed - p1) & MASK]
        while len(data) - at >= 32:
            acc = [lane(a, v) for a, v in zip(acc, struct.unpack_from("<4Q", data, at))]
            at += 32
        h = sum(rotate(a, n) for a, n in zip(acc, (1, 7, 12, 18))) & MASK
        for a in acc:
            h = ((h ^ lane(0, a)) * p1 + p4) & MASK
    else:
        h = (seed + p5) & MASK
    h = (h + len(data)) & MASK
    while len(data) - at >= 8:
        h = (rotate(h ^ lane(0, struct.unpack_from("<Q", data, at)[0]), 27) * p1 + p4) & MASK
        at += 8
    if len(data) - at >= 4:
        value = struct.unpack_from("<I", data, at)[0]
        h = (rotate(h ^ value * p1 & MASK, 23) * p2 + p3) & MASK
        at += 4
    for byte in data[at:]:
        h = rotate(h ^ byte * p5 & MASK, 11) * p1 & MASK
    h = (h ^ h >> 33) * p2 & MASK
    h = (h ^ h >> 29) * p3 & MASK
    return h ^ h >> 32


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        part = self.data[self.at : self.at + length]
        assert len(part) == length, "cut short"
        self.at += length
        return part

    def number(self, size):
        return int.from_bytes(self.take(size), "little")


def check_xattrs(data):
    reader, last = Bytes(data), b""
    count = reader.number(2)
    assert count > 0
    for _ in range(count):
        name = reader.take(reader.number(1))
        reader.take(reader.number(2))
        assert name.startswith(b"user.") and last < name
        last = name
    assert reader.at == len(data)


def read_entry(reader):
    kind, flags, mode = reader.number(1), reader.number(1), reader.number(2)
    entry = {"type": kind, "name": reader.take(reader.number(1)), "nodes": 1}
    reader.take(8)
    nanoseconds = reader.number(4)
    assert flags <= LINKED | XATTRS and mode <= 0o1777 and nanoseconds < 10**9
    if kind == FILE:
        reader.take(8 + 32)
    elif kind == DIRECTORY:
        entry["digest"], entry["nodes"] = reader.take(32), reader.number(4)
        assert not flags & LINKED
    else:
        assert kind == SYMLINK and b"\0" not in reader.take(reader.number(2))
    if flags & XATTRS:
        check_xattrs(reader.take(reader.number(4)))
    return entry


def ends(level, count, size, name):
    if count == 128 or size >= 32768:
        return True
    return (level == 0 or count >= 2) and xxh64(name, level) & 31 == 0


class Tree:
    def __init__(self, folder):
        self.folder, self.nodes, self.digests = folder, [], {}

    def file(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def page(self, number, digest, last=True):
        """The entries of a page and of all below it; `last`: it is the last of its level."""
        value = self.file(f"{number}.page")
        size = int.from_bytes(value[:4], "little")
        canonical, trailer = Bytes(value[4 : 4 + size]), Bytes(value[4 + size :])
        self.digests[number] = tagged(b"vitrine page v1", canonical.data)
        assert self.digests[number] == digest, f"page {number} has another digest"
        level, version, count = canonical.number(1), canonical.number(1), canonical.number(2)
        assert version == 1
        entries, name = [], b""
        for i in range(count):
            previous = name
            if level == 0:
                entry = read_entry(canonical)
                name = entry["name"]
                entry["page"] = int.from_bytes(trailer.take(16)[:8], "little")
                entries.append(entry)
            else:
                name = canonical.take(canonical.number(1))
                child, below, nodes = canonical.take(32), canonical.number(4), canonical.number(4)
                is_last = last and i + 1 == count
                got = self.page(trailer.number(8), child, is_last)
                assert len(got) == below and sum(e["nodes"] for e in got) == nodes
                assert got[-1]["name"] == name
                entries += got
            assert previous < name
            if not (last and i + 1 == count):
                assert ends(level, i + 1, canonical.at, name) == (i + 1 == count), "cut wrongly"
        assert canonical.at == len(canonical.data) and trailer.at == len(trailer.data)
        return entries

    def directory(self, number, digest, path):
        """Notes the names below it in walk order; how many nodes it is."""
        nodes = 1
        for entry in self.page(number, digest):
            self.nodes.append(path + entry["name"])
            if entry["type"] == DIRECTORY:
                below = self.directory(entry["page"], entry["digest"], path + entry["name"] + b"/")
                assert below == entry["nodes"], "a directory's node count is wrong"
            nodes += entry["nodes"]
        return nodes

    def links(self):
        rows = struct.iter_unpack("<8s4sII", self.file("links"))
        rows = [(int.from_bytes(position, "big"), primary) for _, position, primary, _ in rows]
        return len(rows), tagged(b"vitrine links v1", b"".join(struct.pack("<II", *r) for r in rows))


def main(folder):
    tree = Tree(folder)
    said = [line.split(" ") for line in tree.file("digests").decode().splitlines()]
    root_page = int(said[0][1])
    root = Bytes(tree.file("tree"))
    entry = read_entry(root)
    count, links = root.number(4), root.take(32)
    assert root.at == len(root.data) and (count, links) == tree.links()
    assert tree.directory(root_page, entry["digest"], b"") == entry["nodes"]

    found = [["root-page", str(root_page)]]
    found += [["tree", tagged(b"vitrine tree v1", root.data).hex()], ["links", links.hex()]]
    found += [["page", str(n), tree.digests[n].hex()] for n in sorted(tree.digests)]
    found += [["node", str(i + 1), name.hex()] for i, name in enumerate(tree.nodes)]
    assert found == said, "digests or names differ from what the folder says"
    print(f"{folder}: {len(tree.digests)} pages, {len(tree.nodes)} names agree")


if __name__ == "__main__":
    main(sys.argv[1])
