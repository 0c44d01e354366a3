# SPDX-License-Identifier: Apache-2.0
"""The file systems that are compared: how each is built from a folder, mounted and unmounted.

A peer's `missing` says why it cannot be had on this machine. `group` is what it counts as: the disk's own file system
(ext4), a peer in the kernel or by FUSE, the limit of FUSE, or Vitrine.
"""
import glob
import json
import os
import shutil
import subprocess
import time

import corpora
import mounts

BLOCK = 128 << 10
USER = "nobody"  # reads, everywhere


def has(program):
    return shutil.which(program) is not None


def kernel_has(kind):
    subprocess.run(["modprobe", "-q", kind], check=False, stderr=subprocess.DEVNULL)
    with open("/proc/filesystems", encoding="ascii") as kinds:
        return any(line.split()[-1] == kind for line in kinds)


def peak_kib(pid):
    """The most memory that a process had: VmHWM."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return None


def size_of(path):
    """Bytes, of a file or of all files in a folder."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.lstat(os.path.join(top, name)).st_blocks * 512 for top, _, names in os.walk(path) for name in names)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


class Peer:
    """One way to have the files of a corpus."""

    group = "fuse"
    builds = None  # the name of what is built, if it is: peers of one name share it

    def __init__(self, name, place):
        self.name = name
        self.place = place
        self.point = os.path.join(place.work, "mnt", name)
        self.missing = self.why_missing()

    def why_missing(self):
        return None

    def has_corpus(self, _):
        return True

    def image(self, corpus):
        return os.path.join(self.place.work, "images", f"{corpus}.{self.builds}")

    def build(self, corpus, target):
        """Makes what is mounted, in `target`, out of the corpus."""

    def settle(self, target):
        """Ends what building, done or not, has left running."""

    def size(self, target):
        """Bytes."""
        return size_of(target)

    def is_older_than_corpora(self, path, *names):
        """Or is not there."""
        return not os.path.exists(path) or any(
            os.path.getmtime(path) < os.path.getmtime(corpora.list_path(self.place.corpora[name])) for name in names)

    def prepare(self, corpus):
        """Builds it unless it is there."""
        image = self.image(corpus)
        if self.builds and self.is_older_than_corpora(image, corpus):
            self.place.say(f"making {os.path.basename(image)}")
            remove(image + ".new")
            os.makedirs(os.path.dirname(image), exist_ok=True)
            self.build(corpus, image + ".new")
            remove(image)
            os.rename(image + ".new", image)

    def mount(self, corpus):
        """Where its files are."""
        raise NotImplementedError

    def unmount(self):
        mounts.unmount(self.point)

    def requests(self):
        """That came to the server since it was mounted, if it says so."""
        return None

    def peak_kib(self):
        return None


class Folder(Peer):
    """The disk's own ext4."""

    group = "ext4"

    def why_missing(self):
        kind = subprocess.run(["stat", "-f", "-c", "%T", self.place.work], stdout=subprocess.PIPE, text=True, check=True)
        return None if kind.stdout.startswith("ext2/ext3") else f"{self.place.work} is on {kind.stdout.strip()}"

    def mount(self, corpus):
        return self.place.corpora[corpus]


class Squashfs(Peer):
    """Kernel squashfs, zstd 3, 128K."""

    group = "kernel"
    builds = "squashfs"

    def why_missing(self):
        if not has("mksquashfs"):
            return "no mksquashfs (squashfs-tools)"
        return None if kernel_has("squashfs") else "the kernel has no squashfs"

    def build(self, corpus, target):
        mounts.command("mksquashfs", self.place.corpora[corpus], target, "-comp", "zstd", "-Xcompression-level", "3",
                       "-b", str(BLOCK), "-no-progress", "-quiet", timeout=None)

    def mount(self, corpus):
        mounts.mount_image("squashfs", self.image(corpus), self.point)
        return self.point


class Erofs(Peer):
    """Kernel EROFS, zstd 3 with 128K clusters where mkfs.erofs has it (from 1.8), else lz4hc 9 with 64K."""

    group = "kernel"

    @property
    def builds(self):
        return "erofs-zstd" if self.has_zstd() else "erofs-lz4hc"

    @staticmethod
    def has_zstd():
        said = subprocess.run(["mkfs.erofs", "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        return "zstd" in said.stdout

    def why_missing(self):
        if not has("mkfs.erofs"):
            return "no mkfs.erofs (erofs-utils)"
        return None if kernel_has("erofs") else "the kernel has no erofs"

    def build(self, corpus, target):
        how = ["-zzstd,3", "-C131072"] if self.has_zstd() else ["-zlz4hc,9", "-C65536"]
        mounts.command("mkfs.erofs", *how, target, self.place.corpora[corpus], timeout=None)

    def mount(self, corpus):
        mounts.mount_image("erofs", self.image(corpus), self.point)
        return self.point


class Daemon(Peer):
    """A FUSE program that stays in the foreground."""

    daemon = None

    def words(self, corpus):
        """Its command line."""
        raise NotImplementedError

    def mount(self, corpus):
        self.daemon = mounts.start_daemon(*self.words(corpus))
        mounts.wait_until_mounted(self.point, self.daemon)
        return self.point

    def unmount(self):
        super().unmount()
        if self.daemon:
            mounts.end_daemon(self.daemon)
            self.daemon = None

    def peak_kib(self):
        return peak_kib(self.daemon.pid)


class Squashfuse(Daemon):
    """squashfuse_ll, on the image of squashfs."""

    builds = Squashfs.builds

    def why_missing(self):
        if not has("mksquashfs"):
            return "no mksquashfs (squashfs-tools)"
        return None if has("squashfuse_ll") else "no squashfuse_ll (squashfuse)"

    build = Squashfs.build

    def words(self, corpus):
        return ["squashfuse_ll", "-f", "-o", "allow_other", self.image(corpus), self.point]


class Erofsfuse(Daemon):
    """erofsfuse, on the image of EROFS."""

    builds = Erofs.builds
    has_zstd = staticmethod(Erofs.has_zstd)
    build = Erofs.build

    def why_missing(self):
        if not has("mkfs.erofs"):
            return "no mkfs.erofs (erofs-utils)"
        return None if has("erofsfuse") else "no erofsfuse (Debian 12 does not have it)"

    def words(self, corpus):
        return ["erofsfuse", "-f", "-o", "allow_other", self.image(corpus), self.point]


class Dwarfs(Daemon):
    """DwarFS, 1 MiB blocks, zstd 3, 512 MiB of cache."""

    builds = "dwarfs"

    def why_missing(self):
        return None if has("mkdwarfs") and has("dwarfs") else "no mkdwarfs and dwarfs on PATH"

    def build(self, corpus, target):
        mounts.command("mkdwarfs", "-i", self.place.corpora[corpus], "-o", target, "-S20", "-C", "zstd:level=3",
                       timeout=None)

    def words(self, corpus):
        return ["dwarfs", self.image(corpus), self.point, "-f", "-o", "allow_other,cachesize=512m,workers=2"]


class Nullfs(Daemon):
    """The limit of FUSE: tests/bench/nullfs.c."""

    group = "limit"

    def words(self, corpus):
        return [self.place.nullfs, corpora.list_path(self.place.corpora[corpus]), self.point]

    def mount(self, corpus):
        root = super().mount(corpus)
        with open(f"/sys/class/bdi/{mounts.device_of(self.point)}/read_ahead_kb", "w", encoding="ascii") as file:
            file.write("1024")  # as vitrine mount does
        return root


class NullfsWithoutOpen(Nullfs):
    """The same where the kernel opens by itself."""

    def words(self, corpus):
        program, *others = super().words(corpus)
        return [program, "--no-open", *others]


class Vitrine(Peer):
    """One kind of mount of a store that has every corpus, open to everybody; and linux once more, for USER alone."""

    group = "vitrine"
    builds = "vitrine"
    options = []
    suffix = ""

    def store(self):
        return os.path.join(self.place.work, "store")

    def run(self, *words, store=None, **more):
        return mounts.command(self.place.vitrine, *words, env={**os.environ, "VITRINE_STORE": store or self.store()},
                              **more)

    def build(self, corpus, target):
        """A store of its own, for how long that takes and how large it is."""
        self.run("init", store=target)
        self.publish(corpus, corpus, "--open", store=target)

    def settle(self, target):
        if os.path.exists(target):
            self.stop(target)

    def size(self, target):
        """Without the room that a store of any size keeps free for its audit log."""
        return size_of(target) - size_of(os.path.join(target, "audit/reserve"))

    def publish(self, dataset, corpus, *options, store=None):
        self.run("publish", "--quiet", *options, dataset, self.place.corpora[corpus], store=store, timeout=None)

    def prepare(self, corpus):
        """A store is of one program: it is made anew for another."""
        self.settle(self.store())
        stamp = self.store() + "." + self.place.vitrine_digest
        if self.is_older_than_corpora(stamp, *self.place.corpora):
            self.place.say("making the store")
            for old in glob.glob(self.store() + "*"):
                remove(old)
            self.run("init")
            for name in self.place.corpora:
                self.publish(name, name, "--open")
            self.publish("linux-guarded", "linux")
            self.run("grant", USER, "read", "linux-guarded")
            self.stop()
            with open(stamp, "w", encoding="ascii"):
                pass

    def start_server(self):
        """A command that needs one starts it, and reads nothing."""
        self.run("ls")

    def mount(self, corpus):
        self.run("mount", "--quiet", *self.options, self.point)
        return os.path.join(self.point, corpus + self.suffix, "v1")

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


class OpenOnly(Vitrine):
    """What everybody may read, without asking."""

    options = ["--open-only"]


class Private(Vitrine):
    """What one user may read, without asking."""

    options = ["--for", USER]


class Guarded(Vitrine):
    """The shared mount, with policy: data that one user may read."""

    suffix = "-guarded"

    def has_corpus(self, corpus):
        return corpus == "linux"


KINDS = {"ext4": Folder, "squashfs": Squashfs, "erofs": Erofs, "squashfuse": Squashfuse, "erofsfuse": Erofsfuse,
         "dwarfs": Dwarfs, "nullfs": Nullfs, "nullfs-no-open": NullfsWithoutOpen, "vitrine": Vitrine,
         "vitrine-guarded": Guarded, "vitrine-open-only": OpenOnly, "vitrine-private": Private}
GROUPS = {name: kind.group for name, kind in KINDS.items()}
