#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hostile.py DIR: archives that must be refused, and some that are odd but must not be."""
import gzip
import io
import lzma
import os
import random
import subprocess
import sys
import tarfile
import zipfile

top = sys.argv[1]
os.makedirs(top, exist_ok=True)


def path(name):
    return os.path.join(top, name)


def member(name, data=b"x", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data) if kind == tarfile.REGTYPE else 0
    return info, data


def tar(name, *members):
    with tarfile.open(path(name), "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("first"), io.BytesIO())
        for info, data in members:
            archive.addfile(info, io.BytesIO(data) if info.isreg() else None)


DIRECTORY, SYMLINK, HARDLINK = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
tar("dot-dot.tar", member("../up"))
tar("dot-dot-inside.tar", member("a/../../up"))
tar("absolute.tar", member("/etc/passwd"))
tar("link-outside.tar", member("outside", kind=HARDLINK, link="../../etc/passwd"))
tar("twice.tar", member("twice", b"1"), member("twice", b"2"))
tar("through-a-link.tar", member("through-a-link", kind=SYMLINK, link="/tmp"), member("through-a-link/file"))
tar("file-and-folder.tar", member("both", b"1"), member("both/file"))
tar("long-name.tar", member("n" * 256))
tar("deep.tar", member("/".join("d" for _ in range(2100)) + "/file"))
tar("escape.tar", member("../\x1b]0;owned\x07\x1b[31mred"))
tar("odd-names.tar", member("new\nline"), member("\x1b[31m"), member("-rf"), member("..."), member(" "),
    member("\udcff\udcfe"), member("n" * 255), member("./dot/./slash//twice"), member("dir/", kind=DIRECTORY))
tar("long-but-legal.tar", member("/".join("d" * 200 for _ in range(30)) + "/file"))

def words(seed):
    """Bytes that shrink, the same each time."""
    rnd = random.Random(seed)
    return b"".join(b"%d " % rnd.randrange(10000) for _ in range(2000))


tar("whole.tar", *[member(f"file{i}", words(i)) for i in range(40)])
with open(path("whole.tar"), "rb") as f:
    whole = f.read()


def write(name, data):
    with open(path(name), "wb") as f:
        f.write(data)


packed = gzip.compress(whole)
write("truncated.tar", whole[:len(whole) // 2 + 100])
write("truncated.tar.gz", packed[:len(packed) // 2])
write("damaged.tar.gz", packed[:50000] + b"\xff" * 100 + packed[50100:])
zstd = subprocess.run(["zstd", "-c"], input=whole, capture_output=True, check=True).stdout
write("truncated.tar.zst", zstd[:len(zstd) // 2])
xz = lzma.compress(whole)
write("truncated.tar.xz", xz[:len(xz) // 2])
noise = random.Random(1).randbytes(len(whole))
stored = gzip.compress(whole[:512] + noise[512:20480] + whole[20480:], 1)  # file0's data is noise
write("damaged-stored.tar.gz", stored[:9000] + bytes([stored[9000] ^ 1]) + stored[9001:])
write("no-archive.tar", b"this is no archive at all\n" * 1000)
with zipfile.ZipFile(path("whole.zip"), "w") as archive:
    for i in range(40):
        archive.writestr(f"file{i}", words(i))
with open(path("whole.zip"), "rb") as f:
    data = f.read()
write("truncated.zip", data[:len(data) // 2])

BOMB = 512 << 20
with gzip.open(path("bomb.tar.gz"), "wb", compresslevel=1) as out:
    info = tarfile.TarInfo("bomb")
    info.size = BOMB
    out.write(info.tobuf(tarfile.GNU_FORMAT))
    for _ in range(BOMB >> 20):
        out.write(bytes(1 << 20))
    out.write(bytes(1024))
