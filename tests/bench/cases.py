# SPDX-License-Identifier: Apache-2.0
"""What is measured: the cases, large and small.

A case is done on one fresh mount: cold first, and then warm, if that is asked for. It gives a workload or two, NAME_cold
and NAME_warm. Those of other kinds are told in tests/bench/README.md.
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`count` and `block` are what the reader takes (reader.c)."""

    name: str
    corpus: str
    workload: str
    processes: int = 1
    count: int = 0
    block: int = 4096
    warm: bool = False
    rounds: int = 0  # 0: as many as there are; else at most so many


def every(small, preads):
    """With so many small files and random places."""
    return [
        Case("seq", "shards", "seq", count=1, warm=True),
        Case("seq4", "shards", "seq", processes=4, warm=True),
        Case("small", "linux", "files", count=small, warm=True),
        Case("small4", "linux", "files", processes=4, count=small, warm=True),
        Case("pread64k", "shards", "pread", count=preads, block=65536),
        Case("pread4k", "shards", "pread", count=preads),
        Case("pread64k4", "shards", "pread", processes=4, count=preads, block=65536),
        Case("pread4k4", "shards", "pread", processes=4, count=preads),
        Case("epoch4", "images", "files", processes=4, warm=True),
        Case("walk_linux", "linux", "walk", warm=True),
        Case("ls_linux", "linux", "ls", warm=True),
        Case("walk_many", "many", "walk", warm=True),
        Case("mount_linux", "linux", "mount"),
        Case("mount_many", "many", "mount"),
        Case("remount_many", "many", "remount"),
        Case("build_linux", "linux", "build"),
        Case("build_many", "many", "build", rounds=1),
        Case("second_linux", "linux", "second"),
    ]


FULL = every(small=20000, preads=5000)
QUICK = every(small=2000, preads=1000)
QUICK_ENOUGH = ["seq", "small", "small4", "pread4k", "pread4k4", "epoch4", "walk_linux", "walk_many", "mount_many",
                "build_linux", "second_linux"]  # of QUICK, where nothing else is asked for
