#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a golden tree of labels (tests/data/golden/labels-*) by index/schema.md alone.

As tree_decode.py, whose hash and reader it uses: written from the document, not from the C code. It
checks every rule of pages, rows and parts, recomputes all digests and the ids of labels, and writes
the labels as lines to compare the sums in the trailers with them.
"""
import datetime
import hashlib
import json
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


def quoted(data):
    special = {ord(c): "\\" + c for c in '"\\'}
    special |= {c: f"\\u{c:04x}" for c in [*range(32), 127]}
    return '"' + data.decode("utf-8").translate(special) + '"'


def number(value):
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def instant(ns):
    day = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=ns // 10**9)
    part = f".{ns % 10**9:09d}".rstrip("0").rstrip(".")
    return day.isoformat(timespec="seconds") + part + "Z"


def is_utf8(data):
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def line(path, data, hexed=False):
    """A label as a line of JSON; `hexed`: as if the path was no UTF-8."""
    row = Bytes(data)
    key, annotator = row.take(row.number(1)), row.take(row.number(1))
    time = int.from_bytes(row.take(8), "little", signed=True)
    kind, source, review, flags = row.number(1), row.number(1), row.number(1), row.number(1)
    if kind == 1:
        value = quoted(row.take(row.number(2)))
    else:
        value = number(double(row)) if kind == 2 else ("false", "true")[row.number(1)]
    if hexed or not is_utf8(path):
        text = '{"path_hex":"' + path.hex() + '"'
    else:
        text = '{"path":' + quoted(path)
    text += f',"key":{quoted(key)},"value":{value},"annotator":{quoted(annotator)}'
    text += f',"source":"{("", "human", "model", "rule", "import")[source]}"'
    if flags & 1:
        text += f',"confidence":{number(double(row))}'
    states = ("", "draft", "submitted", "accepted", "rejected", "disputed")
    text += f',"review":"{states[review]}","time":"{instant(time)}"'
    if flags & 2:
        text += f',"tool":{quoted(row.take(row.number(1)))}'
    if flags & 4:
        text += f',"parent":"{row.number(8):016x}"'
    if flags & 8:
        text += ',"region":' + row.take(row.number(4)).decode("utf-8")
    json.loads(text + "}")
    return text.encode() + b"}\n"


def line_sums(labels):
    """Of (path, row): bytes, labels, those of a path that is no UTF-8, bytes if all were."""
    size = sum(len(line(path, row)) for path, row in labels)
    hexed = sum(len(line(path, row, True)) for path, row in labels)
    return size, len(labels), sum(not is_utf8(path) for path, _ in labels), hexed


def leaf_ends(count, name):
    return count == 16 or xxh64(name, 0) & 7 == 0


class Labels:
    def __init__(self, folder):
        self.folder, self.digests = folder, {}
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
        entry["page"], entry["bytes"] = trailer.number(8), trailer.number(8)
        assert entry["name"] not in (b"", b".", b"..")
        if kind == DIRECTORY:
            entry["digest"], entry["nodes"] = digest, reader.number(4)
            entry["nodes_below"], entry["labels"] = self.directory(entry["page"], digest)
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
        entry["labels"] = [(b"", row) for row in entry["rows"]]
        return entry

    def labels_of(self, entries):
        """(path, row) of all, seen from the directory of the entries."""
        return [
            (entry["name"] + (b"/" + path if path else b""), row)
            for entry in entries
            for path, row in entry["labels"]
        ]

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
                said = tuple(trailer.number(8) for _ in range(4))
                assert said == line_sums(self.labels_of(got)), "sums of a child are wrong"
                assert len(got) == below and sum(e["nodes"] for e in got) == nodes
                assert got[-1]["name"] == name
                entries += got
            assert previous < name
            if not (last and i + 1 == count):
                cut = leaf_ends(i + 1, name) if level == 0 else ends(level, i + 1, canonical.at, name)
                assert cut == (i + 1 == count), "cut wrongly"
        for entry in entries if level == 0 else []:
            sums = line_sums(self.labels_of([entry]))
            said = [trailer.number(8) for _ in range(3)] if entry["type"] == DIRECTORY else sums[1:]
            assert sums == (entry["bytes"], *said), "sums of an entry are wrong"
        assert canonical.at == len(canonical.data) and trailer.at == len(trailer.data)
        return entries

    def directory(self, number, digest):
        """How many nodes it is, and the labels below it in walk order."""
        entries = self.page(number, digest)
        for entry in entries:
            if entry["type"] == DIRECTORY:
                assert entry["nodes_below"] == entry["nodes"] >= 2, "a directory's nodes"
            else:
                self.files += 1
                self.labels += len(entry["rows"])
        return 1 + sum(entry["nodes"] for entry in entries), self.labels_of(entries)


def label_id(row):
    return int.from_bytes(hashlib.sha256(row).digest()[:8], "little")


def main(folder):
    tree = Labels(folder)
    said = tree.file("digests")
    root_page = int(said.split(b"\n", 1)[0].split(b" ")[1])
    root = Bytes(tree.file("tree"))
    digest, nodes, files, labels = root.take(32), root.number(4), root.number(4), root.number(8)
    assert root.at == len(root.data)
    below, rows = tree.directory(root_page, digest)
    assert below == nodes
    assert (tree.files, tree.labels) == (files, labels)

    lines = b"".join(line(path, row) for path, row in rows)
    found = [f"root-page {root_page}", f"labels {tagged(b'vitrine labels v1', root.data).hex()}"]
    found += [f"page {n} {tree.digests[n].hex()}" for n in sorted(tree.digests)]
    found += [f"lines {len(lines)} {hashlib.sha256(lines).hexdigest()}", ""]
    text = "\n".join(found).encode()
    text += b"".join(b"label %s %d\n" % (path, label_id(row)) for path, row in rows)
    assert text == said, "digests, lines or labels differ from what the folder says"
    print(f"{folder}: {len(tree.digests)} pages, {labels} labels of {files} files agree")


if __name__ == "__main__":
    main(sys.argv[1])
