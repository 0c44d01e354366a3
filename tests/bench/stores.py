# SPDX-License-Identifier: Apache-2.0
"""Vitrine's kinds of mounts, and the archives that keep versions as its store does."""
import glob
import json
import os
import time

import mounts
from peer import READING, USER, Peer, has, peak_kib, remove, size_of


class Vitrine(Peer):
    """One kind of mount of a store that has every corpus, open to everybody."""

    group = "vitrine"
    builds = "vitrine"
    workloads = READING | {"remount", "build", "second"}
    options = []
    compression = []
    store_name = "open"

    def store(self):
        return os.path.join(self.place.work, "stores", self.store_name)

    def run(self, *words, store=None, **more):
        return mounts.command(self.place.vitrine, *words, env={**os.environ, "VITRINE_STORE": store or self.store()},
                              **more)

    def build(self, source, target):
        """A store of its own."""
        self.run("init", store=target)
        self.add(source, target)

    def add(self, source, target):
        self.publish("data", source, "--open", store=target)

    def settle(self, target):
        if os.path.exists(target):
            self.stop(target)

    def size(self, target):
        """Without the room that a store of any size keeps free for its audit log."""
        return size_of(target) - size_of(os.path.join(target, "audit/reserve"))

    def publish(self, dataset, source, *options, store=None):
        self.run("publish", "--quiet", *self.compression, *options, dataset, source, store=store, timeout=None)

    def prepare(self, corpus):
        """A store is of one program: it is made anew for another."""
        self.settle(self.store())
        stamp = self.store() + "." + self.place.vitrine_digest
        names = [name for name in self.place.corpora if self.has_corpus(name)]
        if self.is_older_than_corpora(stamp, *names):
            self.place.say(f"making the store {self.store_name}")
            for old in glob.glob(self.store() + "*"):
                remove(old)
            self.run("init")
            for name in names:
                self.fill(name, self.place.corpora[name])
            self.stop()
            with open(stamp, "w", encoding="ascii"):
                pass

    def fill(self, dataset, source):
        self.publish(dataset, source, "--open")

    def start_server(self):
        """A command that needs one starts it, and reads nothing."""
        self.run("ls")

    def mount(self, corpus):
        self.run("mount", "--quiet", *self.options, self.point)
        return os.path.join(self.point, corpus, "v1")

    def unmount(self):
        super().unmount()
        self.stop()

    def stop(self, store=None):
        """The server notices an unmount by itself, a little later."""
        until = time.monotonic() + mounts.PATIENCE
        while self.status(store):
            try:
                self.run("stop", "--quiet", store=store)
            except mounts.Failed:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def status(self, store=None):
        """What `vitrine status` says, or None if no server runs."""
        said = json.loads(self.run("status", "--json", store=store))
        return said if "pid" in said else None

    def requests(self):
        return sum(mount["requests"] for mount in self.status()["mounts"])

    def peak_kib(self):
        return peak_kib(self.status()["pid"])


class Lz4(Vitrine):
    """The shared mount of a store compressed by LZ4."""

    builds = "vitrine-lz4"
    workloads = READING | {"build"}
    compression = ["--codec", "lz4"]
    store_name = "lz4"


class OpenOnly(Vitrine):
    """What everybody may read, without asking."""

    workloads = READING | {"remount"}
    options = ["--open-only"]


class Private(Vitrine):
    """What one user may read, without asking."""

    workloads = READING | {"remount"}
    options = ["--for", USER]


class Guarded(Vitrine):
    """The shared mount of a store with policy: its publisher may read the data, and one user to whom it was granted."""

    workloads = READING | {"remount"}
    store_name = "guarded"

    def has_corpus(self, corpus):
        return corpus == "linux"

    def fill(self, dataset, source):
        self.publish(dataset, source)
        self.run("grant", USER, "read", dataset)


class Archive(Peer):
    """Keeps versions, and mounts none here."""

    group = "archive"
    workloads = frozenset(("second",))
    program = None
    data = "."  # below the target: what counts as its size

    def why_missing(self):
        return None if has(self.program) else f"no {self.program}"

    def run(self, target, *words):
        """With passwords and caches of its own."""
        own = {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": f"{target}/cache", "BORG_BASE_DIR": f"{target}/cache"}
        mounts.command(self.program, *words, env={**os.environ, **own}, timeout=None)

    def size(self, target):
        return size_of(os.path.join(target, self.data))


class Restic(Archive):
    """restic, as it comes: zstd."""

    program = "restic"
    data = "repository"

    def build(self, source, target):
        self.run(target, "-r", f"{target}/repository", "init")
        self.add(source, target)

    def add(self, source, target):
        self.run(target, "-r", f"{target}/repository", "backup", "--quiet", source)


class Borg(Archive):
    """borg, zstd 3."""

    program = "borg"
    data = "repository"

    def build(self, source, target):
        os.makedirs(target)
        self.run(target, "init", "-e", "none", f"{target}/repository")
        self.add(source, target)

    def add(self, source, target):
        self.run(target, "create", "-C", "zstd,3", f"{target}/repository::{{now}}-{time.monotonic_ns()}", source)


class Casync(Archive):
    """casync, as it comes: zstd."""

    program = "casync"

    def build(self, source, target):
        os.makedirs(target)
        self.add(source, target)

    def add(self, source, target):
        self.run(target, "make", f"--store={target}/chunks.castr", f"{target}/{time.monotonic_ns()}.caidx", source)
