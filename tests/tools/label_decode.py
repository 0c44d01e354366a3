#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a golden tree of labels (tests/data/golden/labels-*) by index/schema.md alone.

As tree_decode.py, whose hash and reader it uses: written from the document, not from the C code. It
checks every rule of pages, rows and parts, and recomputes all digests and the ids of labels.
"""
import hashlib
import math
import os
import re
import struct
import sys

from tree_decode import Bytes, ends, tagged, xxh64

DIRECTORY, LABELLED = 2, 4
LABELS, ROWS = 2, 3  # forms of pages
INLINE = 2048


def check_text(data, longest, allowed=""):
    text = data.decode("utf-8")
    assert len(data) <= longest
    for character in text:
        assert character in allowed or not (ord(character) < 32 or 127 <= ord(character) < 160)


def double(reader):
    value = struct.unpack("<d", reader.take(8))[0]
    assert math.isfinite(value) and not (value == 0 and math.copysign(1, value) < 0)
    return value


def check_value(row, kind):
    if kind == 1:
        check_text(row.take(row.number(2)), 4096, "\t\n")
    elif kind == 2:
        double(row)
    else:
        assert kind == 3 and row.number(1) <= 1


def read_row(data):
    """What a row is sorted by."""
    row = Bytes(data)
    key, annotator = row.take(row.number(1)), row.take(row.number(1))
    assert len(key) <= 64 and re.fullmatch(rb"[A-Za-z_][A-Za-z0-9_-]*", key) and annotator
    check_text(annotator, 100)
    time = int.from_bytes(row.take(8), "little", signed=True)
    rest = data[row.at :]
    kind, source, review, flags = row.number(1), row.number(1), row.number(1), row.number(1)
    assert 1 <= source <= 4 and 1 <= review <= 5 and flags < 16
    check_value(row, kind)
    if flags & 1:
        assert 0 <= double(row) <= 1
    if flags & 2:
        tool = row.take(row.number(1))
        check_text(tool, 100)
        assert tool
    if flags & 4:
        assert row.number(8)
    if flags & 8:
        region = row.take(row.number(4))
        check_text(region, 65536, "\t\n\r")
        assert region
    assert row.at == len(data)
    return key, annotator, time, rest


def read_rows(data):
    reader, rows = Bytes(data), []
    while reader.at < len(data):
        rows.append(reader.take(reader.number(4)))
    return rows


def check_rows(rows):
    order = [read_row(row) for row in rows]
    assert rows and all(a < b for a, b in zip(order, order[1:])), "rows are out of order"


def part_ends(rows):
    size = sum(4 + len(row) for row in rows)
    return size >= 65536 or (size >= 4096 and xxh64(rows[-1], 0) & 63 == 0)


def leaf_ends(count, name):
    return count == 16 or xxh64(name, 0) & 7 == 0


class Labels:
    def __init__(self, folder):
        self.folder, self.digests, self.found = folder, {}, []
        self.files = self.labels = 0

    def file(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def open(self, number, digest, form):
        """Level, count, canonical bytes behind the header, trailer."""
        value = self.file(f"{number}.page")
        size = int.from_bytes(value[:4], "little")
        canonical, trailer = Bytes(value[4 : 4 + size]), Bytes(value[4 + size :])
        self.digests[number] = tagged(b"vitrine page v1", canonical.data)
        assert self.digests[number] == digest, f"page {number} has another digest"
        assert size <= 256 << 10
        level, found, count = canonical.number(1), canonical.number(1), canonical.number(2)
        assert found == form, "a page of another form"
        return level, count, canonical, trailer

    def part(self, number, digest, last):
        level, count, canonical, trailer = self.open(number, digest, ROWS)
        rows = read_rows(canonical.data[4:])
        assert level == 0 and count == len(rows) and not trailer.data
        for i in range(1, count):
            assert not part_ends(rows[:i]), "a part goes on where the rule ends it"
        assert last or part_ends(rows), "a part ends where it must not"
        return rows

    def list(self, number, digest):
        level, count, canonical, trailer = self.open(number, digest, ROWS)
        if level == 0:
            return self.part(number, digest, True)
        assert level == 1 and 2 <= count <= 4096
        rows = []
        for i in range(count):
            child, labels, size = canonical.take(32), canonical.number(4), canonical.number(4)
            got = self.part(trailer.number(8), child, i + 1 == count)
            assert labels == len(got) and size == sum(4 + len(row) for row in got)
            rows += got
        assert canonical.at == len(canonical.data) and trailer.at == len(trailer.data)
        return rows

    def entry(self, reader, trailer):
        kind, plain = reader.number(1), reader.take(3)
        entry = {"type": kind, "name": reader.take(reader.number(1)), "nodes": 1}
        assert plain == bytes(3) and reader.take(12) == bytes(12), "attributes"
        digest = reader.take(32)
        entry["page"], zero = trailer.number(8), trailer.number(8)
        assert zero == 0 and entry["name"] not in (b"", b".", b"..")
        if kind == DIRECTORY:
            entry["digest"], entry["nodes"] = digest, reader.number(4)
            return entry
        assert kind == LABELLED
        labels, size = reader.number(4), reader.number(4)
        if size <= INLINE:
            assert entry["page"] == 0
            entry["rows"] = read_rows(reader.take(size))
        else:
            entry["rows"] = self.list(entry["page"], reader.take(32))
        assert labels == len(entry["rows"])
        assert size == sum(4 + len(row) for row in entry["rows"]) <= 16 << 20
        check_rows(entry["rows"])
        return entry

    def page(self, number, digest, last=True):
        """The entries of a page and of all below it; `last`: it is the last of its level."""
        level, count, canonical, trailer = self.open(number, digest, LABELS)
        assert 1 <= count <= 128
        entries, name = [], b""
        for i in range(count):
            previous = name
            if level == 0:
                entries.append(self.entry(canonical, trailer))
                name = entries[-1]["name"]
            else:
                name = canonical.take(canonical.number(1))
                child, below, nodes = canonical.take(32), canonical.number(4), canonical.number(4)
                got = self.page(trailer.number(8), child, last and i + 1 == count)
                assert len(got) == below and sum(e["nodes"] for e in got) == nodes
                assert got[-1]["name"] == name
                entries += got
            assert previous < name
            if not (last and i + 1 == count):
                cut = leaf_ends(i + 1, name) if level == 0 else ends(level, i + 1, canonical.at, name)
                assert cut == (i + 1 == count), "cut wrongly"
        assert canonical.at == len(canonical.data) and trailer.at == len(trailer.data)
        return entries

    def directory(self, number, digest, path):
        """Notes the labels below it in walk order; how many nodes it is."""
        nodes = 1
        for entry in self.page(number, digest):
            name = path + entry["name"]
            if entry["type"] == DIRECTORY:
                below = self.directory(entry["page"], entry["digest"], name + b"/")
                assert below == entry["nodes"] >= 2, "a directory's node count is wrong"
            else:
                self.files += 1
                self.labels += len(entry["rows"])
                self.found += [(name.decode(), row) for row in entry["rows"]]
            nodes += entry["nodes"]
        return nodes


def label_id(row):
    return int.from_bytes(hashlib.sha256(row).digest()[:8], "little")


def main(folder):
    tree = Labels(folder)
    said = [line.split(" ") for line in tree.file("digests").decode().splitlines()]
    root_page = int(said[0][1])
    root = Bytes(tree.file("tree"))
    digest, nodes, files, labels = root.take(32), root.number(4), root.number(4), root.number(8)
    assert root.at == len(root.data)
    assert tree.directory(root_page, digest, b"") == nodes
    assert (tree.files, tree.labels) == (files, labels)

    found = [["root-page", str(root_page)]]
    found += [["labels", tagged(b"vitrine labels v1", root.data).hex()]]
    found += [["page", str(n), tree.digests[n].hex()] for n in sorted(tree.digests)]
    found += [["label", path, str(label_id(row))] for path, row in tree.found]
    assert found == said, "digests or labels differ from what the folder says"
    print(f"{folder}: {len(tree.digests)} pages, {labels} labels of {files} files agree")


if __name__ == "__main__":
    main(sys.argv[1])
