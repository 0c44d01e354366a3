# SPDX-License-Identifier: Apache-2.0
"""Source folders that change again and again, and what they held at each time.

A content is told by three numbers, which make it anew wherever it is needed: a serial number that makes it unique (0: none), one out
of a pool that all sources share, so that what one brings another already has, and how many bytes of noise come behind it.
"""
import os
import random

SIZES = (10, 900, 3000, 20000, 70000, 200000, 700000)
LINES = (50, 1000, 40000)


class Contents:
    def __init__(self, seed):
        rnd = random.Random(seed)
        self.pool = [rnd.randbytes(size) for size in SIZES]
        self.pool += [b"".join(b"%d,%d\n" % (i, rnd.randrange(1000)) for i in range(size)) for size in LINES]

    def bytes(self, content):
        serial, which, noise = content
        head = b"%d\n" % serial if serial else b""
        return head + self.pool[which] + random.Random(f"{serial} {which} {noise}").randbytes(noise)


class Source:
    """One folder; `files` says which content lies under which path. Where contents are `unique`, files are moved, too."""

    def __init__(self, folder, contents, unique=False):
        self.folder, self.contents, self.unique = folder, contents, unique
        self.files = {}
        self.serial = 0
        os.makedirs(folder)

    def _path(self, rnd):
        return os.path.join(rnd.choice("ab"), str(rnd.randrange(12)))

    def _write(self, rnd, path):
        self.serial += self.unique
        content = (self.serial, rnd.randrange(len(self.contents.pool)), rnd.randrange(3000) if rnd.random() < 0.3 else 0)
        full = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(self.contents.bytes(content))
        self.files[path] = content

    def _move(self, rnd, path):
        to = self._path(rnd)
        if to not in self.files:
            os.makedirs(os.path.dirname(os.path.join(self.folder, to)), exist_ok=True)
            os.rename(os.path.join(self.folder, path), os.path.join(self.folder, to))
            self.files[to] = self.files.pop(path)

    def change(self, rnd):
        """Another state of the folder, never an empty one; gives its files."""
        for _ in range(rnd.randint(1, 6)):
            path, chance = self._path(rnd), rnd.random()
            if chance < 0.3 and path in self.files and len(self.files) > 1:
                os.unlink(os.path.join(self.folder, path))
                del self.files[path]
            elif chance < 0.5 and path in self.files and self.unique:
                self._move(rnd, path)
            else:
                self._write(rnd, path)
        return dict(self.files)
