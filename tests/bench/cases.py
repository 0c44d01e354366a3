# SPDX-License-Identifier: Apache-2.0
"""What is measured: the cases of the full and of the quick run.

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


def reads(small, preads):
    """Of files and random places so many; the names of the issue's table."""
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
    ]


FULL = reads(20000, 5000) + [
    Case("mount_linux", "linux", "mount"),
    Case("mount_many", "many", "mount"),
    Case("remount_many", "many", "remount"),
    Case("build_linux", "linux", "build"),
    Case("build_many", "many", "build", rounds=1),
]

QUICK = [case for case in reads(2000, 1000) if case.name not in ("seq4", "pread64k4", "pread64k", "ls_linux")] + [
    Case("mount_many", "many", "mount"),
    Case("build_linux", "linux", "build"),
]
