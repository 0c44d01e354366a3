# SPDX-License-Identifier: Apache-2.0
"""What the actors of soak.py know, and its readers compare with: versions in a folder, and who may read what in shared memory."""
import json
import mmap
import os
import time

READERS = 8
USERS = ("alice", "bob", "root")
CHANGES = ("begin", "grant", "revoke", "deny", "pardon", "acquire", "expiry", "break", "release")
COUNTS = ("reads", "held", "labels", "walks", "refused", "gone", "unsure", "again", "bytes")


class Versions:
    """A file DATASET/VERSION for each version that must be readable: which content lies under which path, and its labels in force."""

    def __init__(self, folder, datasets):
        self.folder = folder
        for dataset in datasets:
            os.makedirs(os.path.join(folder, dataset))
        self.known = {}  # what was read of it; a version does not change

    def put(self, dataset, version, files, labels):
        path = os.path.join(self.folder, dataset, version)
        with open(path + "~", "w", encoding="ascii") as f:
            json.dump({"files": files, "labels": labels}, f)
        os.rename(path + "~", path)

    def take(self, dataset, version):
        os.unlink(os.path.join(self.folder, dataset, version))

    def has(self, dataset, version):
        return os.path.exists(os.path.join(self.folder, dataset, version))

    def datasets(self):
        return sorted(os.listdir(self.folder))

    def names(self, dataset):
        """Oldest first, revisions behind what they revise."""
        names = [name for name in os.listdir(os.path.join(self.folder, dataset)) if not name.endswith("~")]
        return sorted(names, key=lambda name: [int(part) for part in name[1:].split(".")])

    def get(self, dataset, version):
        """(files, labels); None if it is there no more."""
        key = (dataset, version)
        if key not in self.known:
            try:
                with open(os.path.join(self.folder, dataset, version), encoding="ascii") as f:
                    found = json.load(f)
            except FileNotFoundError:
                return None
            if len(self.known) > 200:
                self.known.clear()
            self.known[key] = found["files"], found["labels"]
        return self.known[key]


def newest_revision(names, version):
    """The name under which the labels of `version` were changed last."""
    return [name for name in names if name == version or name.startswith(version + ".")][-1]


def carried(files, labels, later):
    """The labels of a version that is published behind one with `files` and `labels`; contents are unique."""
    by_content = {tuple(content): labels[path] for path, content in files.items() if path in labels}
    return {path: by_content[tuple(content)] for path, content in later.items() if tuple(content) in by_content}


class Board:
    """Who may read a guarded dataset, in memory that readers share. The epoch is odd while that changes: then nothing is said."""

    SLOTS, READER, DATASET = 16, 16, 16 * (1 + READERS)  # numbers: in a part, of the first reader, of the first dataset
    OVER, WRONG = 0, 1
    EPOCH, CHANGE, USER, SINCE, READS, SEES, DEAD = 0, 1, 2, 3, 4, 4 + len(USERS), 4 + 2 * len(USERS)
    BEGUN, COUNT = 0, 1

    def __init__(self, guarded):
        self.guarded = guarded
        self.numbers = memoryview(mmap.mmap(-1, 8 * (self.DATASET + self.SLOTS * len(guarded)))).cast("Q")

    def _of(self, dataset):
        return self.DATASET + self.SLOTS * self.guarded.index(dataset)

    # ---- of the run

    def is_over(self):
        return self.numbers[self.OVER] != 0

    def end(self):
        self.numbers[self.OVER] = 1

    def complain(self, words):
        self.numbers[self.WRONG] += 1  # two at once may count as one
        print(words, flush=True)

    def wrong(self):
        return self.numbers[self.WRONG]

    # ---- of readers

    def begin_read(self, reader, now_ns):
        self.numbers[self.READER + self.SLOTS * reader + self.BEGUN] = now_ns

    def begun_ns(self, reader):
        return self.numbers[self.READER + self.SLOTS * reader + self.BEGUN]

    def count(self, reader, what, how_many=1):
        self.numbers[self.READER + self.SLOTS * reader + self.COUNT + COUNTS.index(what)] += how_many

    def counts(self):
        of = {what: self.READER + self.COUNT + i for i, what in enumerate(COUNTS)}
        return {what: sum(self.numbers[at + self.SLOTS * reader] for reader in range(READERS)) for what, at in of.items()}

    # ---- of rights

    def look(self, dataset, user):
        """(epoch, may this one read, may he see names, the epoch before which what he opened is dead)"""
        if dataset not in self.guarded:
            return 0, True, True, 0
        at, which = self._of(dataset), USERS.index(user)
        return self.numbers[at + self.EPOCH], *(self.numbers[at + what + which] for what in (self.READS, self.SEES, self.DEAD))

    def holds(self, dataset, epoch):
        """Was what look() said at that epoch so all along until now?"""
        return dataset not in self.guarded or (epoch % 2 == 0 and self.numbers[self._of(dataset) + self.EPOCH] == epoch)

    def tell(self, dataset):
        """For people."""
        if dataset not in self.guarded:
            return "open to all"
        at = self._of(dataset)
        epoch, change, user, since = self.numbers[at:at + self.READS]
        may = [who for i, who in enumerate(USERS) if self.numbers[at + self.READS + i]]
        return f"epoch {epoch}, {(time.monotonic_ns() - since) / 1e9:.3f} s after '{CHANGES[change]}' of {USERS[user]}; may read: {may}"

    def begin_change(self, dataset):
        self.numbers[self._of(dataset) + self.EPOCH] += 1

    def end_change(self, dataset, change, changed, readers, seers, losers):
        """`changed`: of whom, `losers`: users of whom all that is open is dead from here on."""
        at = self._of(dataset)
        self.numbers[at + self.CHANGE], self.numbers[at + self.USER] = CHANGES.index(change), USERS.index(changed)
        self.numbers[at + self.SINCE] = time.monotonic_ns()
        for which, user in enumerate(USERS):
            self.numbers[at + self.READS + which] = user in readers
            self.numbers[at + self.SEES + which] = user in seers
            if user in losers:
                self.numbers[at + self.DEAD + which] = self.numbers[at + self.EPOCH] + 1
        self.numbers[at + self.EPOCH] += 1
