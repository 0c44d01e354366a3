# SPDX-License-Identifier: Apache-2.0
"""A reader of soak.py: one user who reads, lists, looks at labels and keeps files open, and compares everything with the model.

    what may be read is there, with the right bytes and labels
    who may not read from before an attempt until after it gets no byte and no name
    what was opened before its opener lost it gives no byte ever again
"""
import errno
import json
import mmap
import os
import random
import time

import ways

KEPT = 6
# The kernel, asking for the mode of a folder while it is told to forget it, judges once by the old one: who was just let in may
# be refused, and tries again.
AGAIN = 3


class Kept:
    """A file that is kept open and mapped."""

    def __init__(self, path, want, dataset, version):
        self.path, self.want, self.dataset, self.version, self.epoch = path, want, dataset, version, None
        self.fd = os.open(path, os.O_RDONLY)
        try:
            self.map = mmap.mmap(self.fd, 0, prot=mmap.PROT_READ)
        except OSError:
            os.close(self.fd)
            raise

    def close(self):
        self.map.close()
        os.close(self.fd)

    def read(self, rnd):
        way = rnd.choice([ways.pread, ways.sendfile, ways.from_map, self.anew])
        offset, length = rnd.randrange(len(self.want)), rnd.choice(ways.PIECES)
        if way is ways.from_map:
            got = way(self.map, offset, length)
        else:
            got = way(self.fd, self.path, offset, length)
        return ways.check(self.want, got, way, offset, length)

    def anew(self, fd, path, offset, length):
        fd = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
        try:
            return os.pread(fd, length, offset)
        finally:
            os.close(fd)


class Reader:
    def __init__(self, number, user, mounts, board, versions, contents, seed):
        self.number, self.user, self.mounts = number, user, mounts
        self.board, self.versions, self.contents = board, versions, contents
        self.rnd = random.Random(seed)
        self.kept = []
        rare = [self.keep, self.read_labels, self.walk, self.walk_label]
        self.attempts = [self.read_file] * 6 + [self.read_kept] * 6 + rare

    def complain(self, what, where):
        self.board.complain(f"{time.strftime('%T')} {self.user}, {where}: {what}")

    def count(self, what, how_many=1):
        self.board.count(self.number, what, how_many)

    def run(self):
        """Until the run is over, or has died."""
        parent = os.getppid()
        while not self.board.is_over() and os.getppid() == parent:
            self.board.begin_read(self.number, time.monotonic_ns())
            if found := self.pick():
                self.rnd.choice(self.attempts)(*found)
        self.board.begin_read(self.number, 0)

    # ---- judging

    def pick(self):
        """(dataset, version, files, labels), or None"""
        dataset = self.rnd.choice(self.versions.datasets())
        names = self.versions.names(dataset)
        version = self.rnd.choice(names) if names else None
        found = self.versions.get(dataset, version) if version else None
        return (dataset, version, *found) if found else None

    def attempt(self, what, do, dataset, version, since=None, names=False):
        """do() gives a number of bytes, or of names. `since`: the epoch at which it was opened. Did it work?"""
        where = f"{what} of {dataset}@{version}"
        for again in range(AGAIN + 1):
            epoch, allowed, sees, dead_before = self.board.look(dataset, self.user)
            dead = since is not None and since < dead_before
            try:
                got, error = do(), None
            except ways.Different as difference:
                if isinstance(difference, ways.TooFew):
                    if not self.board.holds(dataset, epoch):
                        return self.count("unsure")  # it was taken away in the middle
                    if not self.versions.has(dataset, version):
                        return self.count("gone")  # removed in the middle
                return self.complain(f"WRONG: {difference}", where)
            except OSError as failure:
                got, error = 0, failure
            holds = self.board.holds(dataset, epoch)
            if not (error and error.errno == errno.EACCES and allowed and not dead and holds):
                break
            self.count("again")
        if got:
            if holds and (dead or not (sees if names else allowed)):
                self.complain(f"{got} of what was taken away, {self.board.tell(dataset)}", where)
            self.count("bytes", got)
        elif not holds:
            self.count("unsure")
        elif dead or not allowed:
            self.count("refused")
        elif not self.versions.has(dataset, version):
            self.count("gone")
        elif error and (since is None or dataset not in self.board.guarded):  # what a loser had open, too, is to be opened anew
            self.complain(f"{error}, tried {again + 1} times, {self.board.tell(dataset)}", where)
        return error is None

    # ---- files

    def place(self, dataset, version, *more):
        return os.path.join(self.rnd.choice(self.mounts), dataset, version, *more)

    def read_file(self, dataset, version, files, labels):
        path = self.rnd.choice(sorted(files))
        shown, want = self.place(dataset, version, path), self.contents.bytes(files[path])

        def do():
            fd = os.open(shown, os.O_RDONLY)
            try:
                if self.rnd.random() < 0.3:  # so that reads come to the server
                    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                return ways.read(self.rnd, fd, shown, want)
            finally:
                os.close(fd)

        self.attempt(path, do, dataset, version)
        self.count("reads")

    def read_whole(self, dataset, version, path, content):
        shown, want = self.place(dataset, version, path), self.contents.bytes(content)

        def do():
            with open(shown, "rb") as f:
                return ways.check(want, f.read(), ways.whole, 0, len(want))

        self.attempt(path, do, dataset, version)

    def keep(self, dataset, version, files, labels):
        path = self.rnd.choice(sorted(files))
        shown, want = self.place(dataset, version, path), self.contents.bytes(files[path])

        def do():
            self.kept.append(Kept(shown, want, dataset, version))
            return self.kept[-1].read(self.rnd)

        before = len(self.kept)
        self.attempt(f"keeping {path}", do, dataset, version)
        if len(self.kept) > before:
            self.kept[-1].epoch = self.board.look(dataset, self.user)[0]
            if self.kept[-1].epoch % 2:  # nobody can say whether it was opened before the change or behind it
                self.kept.pop().close()
        if len(self.kept) > KEPT:
            self.kept.pop(self.rnd.randrange(KEPT)).close()

    def read_kept(self, dataset, version, files, labels):
        """What is dead is kept for a while, and tried: it must stay so."""
        if not self.kept:
            return self.keep(dataset, version, files, labels)
        kept = self.rnd.choice(self.kept)
        worked = self.attempt(f"kept {kept.path}", lambda: kept.read(self.rnd), kept.dataset, kept.version, kept.epoch)
        self.count("held")
        if not worked and self.rnd.random() < 0.1:
            self.kept.remove(kept)
            kept.close()

    # ---- names and labels

    def listing(self, top, expected):
        found = set()

        def fail(error):
            raise error

        for folder, _, names in os.walk(top, onerror=fail):
            found.update(os.path.relpath(os.path.join(folder, name), top) for name in names)
        if found != expected:
            raise ways.Different(f"names {sorted(found ^ expected)[:5]}")
        return len(found)

    def walk(self, dataset, version, files, labels):
        self.attempt("a walk", lambda: self.listing(self.place(dataset, version), set(files)), dataset, version, names=True)
        self.count("walks")

    def walk_label(self, dataset, version, files, labels):
        if not labels:
            return
        value = self.rnd.choice(sorted({str(keys["class"]) for keys in labels.values() if "class" in keys}) or ["none"])
        expected = {path for path, keys in labels.items() if keys.get("class") == value}
        if expected:
            shown = self.place(dataset, ".labels", version, "class", value)
            self.attempt(f"files of class {value}", lambda: self.listing(shown, expected), dataset, version, names=True)
        self.count("walks")

    def read_labels(self, dataset, version, files, labels):

        def do():
            with open(self.place(dataset, ".vitrine", version, "labels.jsonl"), encoding="utf-8") as f:
                text = f.read()
            got = {}
            for row in map(json.loads, text.splitlines()):  # the later ones of a file and key stand behind
                got.setdefault(row["path"], {})[row["key"]] = row["value"]
            if got != labels:
                raise ways.Different(f"labels are {got}, not {labels}")
            return len(text)

        self.attempt("labels", do, dataset, version)
        self.count("labels")
