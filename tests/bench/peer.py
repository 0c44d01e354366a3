# SPDX-License-Identifier: Apache-2.0
"""What all that are compared have in common: how one is built from a folder, mounted and unmounted.

A peer's `missing` says why it cannot be had on this machine. `group` is what it counts as: the disk's own file system
(ext4), a peer in the kernel or by FUSE, an archive of versions, the limit of FUSE, or Vitrine.
"""
import os
import shutil
import subprocess

import corpora
import mounts

USER = "nobody"  # reads, everywhere
READING = frozenset(("seq", "files", "pread", "walk", "ls", "mount"))  # workloads of whatever is mounted


def has(program):
    return shutil.which(program) is not None


def kernel_has(kind):
    if has("modprobe"):
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
    workloads = READING

    def __init__(self, name, place):
        self.name = name
        self.place = place
        self.point = os.path.join(place.work, "mnt", name)
        self.missing = self.why_missing()

    def why_missing(self):
        return None

    def has_corpus(self, _):
        return True

    def takes_part(self, case):
        return case.workload in self.workloads and self.has_corpus(case.corpus)

    def image(self, corpus):
        return os.path.join(self.place.work, "images", f"{corpus}.{self.builds}")

    def build(self, source, target):
        """Makes `target`, which can be mounted or holds versions, out of a folder."""

    def add(self, source, target):
        """Another version, into what was built."""

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
            self.build(self.place.corpora[corpus], image + ".new")
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
