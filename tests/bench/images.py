# SPDX-License-Identifier: Apache-2.0
"""The file systems that are compared with Vitrine, and the limit of FUSE."""
import os
import subprocess

import corpora
import mounts
from peer import READING, Daemon, Peer, has, kernel_has

BLOCK = 128 << 10


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
    workloads = READING | {"build"}
    builds = "squashfs"

    def why_missing(self):
        if not has("mksquashfs"):
            return "no mksquashfs (squashfs-tools)"
        return None if kernel_has("squashfs") else "the kernel has no squashfs"

    def build(self, source, target):
        mounts.command("mksquashfs", source, target, "-comp", "zstd", "-Xcompression-level", "3",
                       "-b", str(BLOCK), "-no-progress", "-quiet", timeout=None)

    def mount(self, corpus):
        mounts.mount_image("squashfs", self.image(corpus), self.point)
        return self.point


class Erofs(Peer):
    """Kernel EROFS, zstd 3 with 128K clusters where mkfs.erofs has it (from 1.8), else lz4hc 9 with 64K."""

    group = "kernel"
    workloads = READING | {"build"}

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

    def build(self, source, target):
        how = ["-zzstd,3", "-C131072"] if self.has_zstd() else ["-zlz4hc,9", "-C65536"]
        mounts.command("mkfs.erofs", *how, target, source, timeout=None)

    def mount(self, corpus):
        mounts.mount_image("erofs", self.image(corpus), self.point)
        return self.point


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

    workloads = READING | {"build"}
    builds = "dwarfs"

    def why_missing(self):
        return None if has("mkdwarfs") and has("dwarfs") else "no mkdwarfs and dwarfs on PATH"

    def build(self, source, target):
        mounts.command("mkdwarfs", "-i", source, "-o", target, "-S20", "-C", "zstd:level=3",
                       timeout=None)

    def words(self, corpus):
        return ["dwarfs", self.image(corpus), self.point, "-f",
                "-o", f"allow_other,cachesize=512m,workers={os.cpu_count()}"]


class Nullfs(Daemon):
    """The limit of FUSE: tests/bench/nullfs.c."""

    group = "limit"

    def words(self, corpus):
        return [self.place.nullfs, corpora.list_path(self.place.corpora[corpus]), self.point]

    def mount(self, corpus):
        root = super().mount(corpus)
        with open(f"/sys/class/bdi/{mounts.device_of(self.point)}/read_ahead_kb", "w", encoding="ascii") as file:
            file.write("2048")  # as vitrine mount does
        return root


class NullfsWithoutOpen(Nullfs):
    """The same where the kernel opens by itself."""

    def words(self, corpus):
        program, *others = super().words(corpus)
        return [program, "--no-open", *others]
