#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Views of a version against its labels, looked at one by one.

    view_model.py LABELS TREE VIEWS COUNT SEED

LABELS is what export-labels prints, TREE the version's folder, VIEWS its folder below .query. Makes
COUNT random expressions out of the keys and values there are, evaluates each over LABELS in the
plainest way, and walks the view of each. Labels must have one annotator, so that the last one of a file
and key is in force. Ends with 1 when one differs.
"""
import fnmatch
import json
import operator
import os
import random
import sys

OPERATORS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
             ">": operator.gt, ">=": operator.ge}


def escape(text):
    data = text.encode()
    out = []
    for i, byte in enumerate(data):
        if byte in b"%/" or byte < 0x20 or byte == 0x7F or (byte == 0x2E and i == 0):
            out.append(b"%%%02X" % byte)
        else:
            out.append(bytes([byte]))
    return b"".join(out).decode() or "%00"


def quoted(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return json.dumps(value)


def files_below(folder):
    found = set()
    for where, _, names in os.walk(folder):
        found.update(os.path.relpath(os.path.join(where, name), folder) for name in names)
    return found


class Model:
    def __init__(self, labels, tree, chance):
        self.chance = chance
        self.files = {path: os.path.getsize(os.path.join(tree, path)) for path in files_below(tree)
                      if not os.path.islink(os.path.join(tree, path))}
        self.labels = {}
        for line in open(labels, encoding="utf-8"):
            row = json.loads(line)
            self.labels.setdefault(row["path"], {})[row["key"]] = row
        self.keys = sorted({key for rows in self.labels.values() for key in rows})
        self.values = {key: [rows[key]["value"] for rows in self.labels.values() if key in rows]
                       for key in self.keys}

    def compare(self):
        key = self.chance.choice(self.keys)
        value = self.chance.choice(self.values[key])
        ordered = isinstance(value, (int, float)) and not isinstance(value, bool)
        sign = self.chance.choice(list(OPERATORS) if ordered else ["=", "!="])

        def holds(path):
            row = self.labels.get(path, {}).get(key)
            if row is None:
                return False
            have = row["value"]
            number = isinstance(have, (int, float)) and not isinstance(have, bool)
            if ordered and not number:
                # A number is equal to the text that is written like it, and in no order with it.
                return OPERATORS[sign](have, quoted(value)) if sign in "!=" and isinstance(
                    have, str) else sign == "!="
            if type(have) is not type(value) and not (ordered and number):
                return sign == "!="
            return OPERATORS[sign](have, value)

        return f"label.{key} {sign} {quoted(value)}", holds

    def confidence(self):
        key = self.chance.choice(self.keys)
        bound = self.chance.randrange(101) / 100 + self.chance.choice([0, 0, 0.005])
        sign = self.chance.choice(["<", "<=", ">", ">="])

        def holds(path):
            have = self.labels.get(path, {}).get(key, {}).get("confidence")
            return have is not None and OPERATORS[sign](have, bound)

        return f"label.{key}.confidence {sign} {bound:.3f}", holds

    def within(self):
        key = self.chance.choice(self.keys)
        texts = [value for value in self.values[key] if isinstance(value, str)]
        chosen = {self.chance.choice(texts) for _ in range(3)} if texts else {"nothing"}

        def holds(path):
            return self.labels.get(path, {}).get(key, {}).get("value") in chosen

        return f"label.{key} in ({','.join(map(quoted, sorted(chosen)))})", holds

    def size(self):
        bound = self.chance.choice(list(self.files.values()))
        sign = self.chance.choice(list(OPERATORS))
        return f"size {sign} {bound}", lambda path: OPERATORS[sign](self.files[path], bound)

    def name(self):
        pattern = "*" + self.chance.choice(sorted(self.files))[-1:]
        return (f'name ~ "{pattern}"',
                lambda path: fnmatch.fnmatchcase(os.path.basename(path), pattern))

    def has(self):
        key = self.chance.choice(self.keys)
        return f"has({key})", lambda path: key in self.labels.get(path, {})

    def unlabelled(self):
        return "unlabelled", lambda path: path not in self.labels

    def expression(self, depth):
        kind = self.chance.randrange(6 if depth else 3)
        if kind < 3:
            return self.chance.choice([self.compare, self.compare, self.confidence, self.within,
                                       self.size, self.name, self.has, self.unlabelled])()
        left, is_left = self.expression(depth - 1)
        if kind == 3:
            return f"not ({left})", lambda path: not is_left(path)
        right, is_right = self.expression(depth - 1)
        if kind == 4:
            return f"({left}) and ({right})", lambda path: is_left(path) and is_right(path)
        return f"({left}) or ({right})", lambda path: is_left(path) or is_right(path)


def main():
    labels, tree, views, count, seed = sys.argv[1:]
    model = Model(labels, tree, random.Random(int(seed)))
    done = some = 0
    while done < int(count):
        text, holds = model.expression(2)
        name = escape(text)
        if len(name.encode()) > 255:
            continue
        expected = {path for path in model.files if holds(path)}
        found = files_below(os.path.join(views, name)) if os.path.isdir(
            os.path.join(views, name)) else None
        if found != expected:
            print(f"{text}: {len(found or [])} files instead of {len(expected)}",
                  sorted((found or set()) ^ expected)[:5])
            return 1
        done += 1
        some += 0 < len(expected) < len(model.files)
    print(f"{done} views, {some} of them with some of the files")
    return 0


sys.exit(main())
