# SPDX-License-Identifier: Apache-2.0
"""Reading a piece of a file by every way there is, and comparing it with what it is to be."""
import mmap
import os
import socket

PIECES = (1, 4096, 65536, 1 << 20)
AT_ONCE = 60000  # bytes that a pipe or a socket takes while nobody reads


class Different(Exception):
    """Other bytes than expected, or too few."""


class TooFew(Different):
    """What came is right. A read that fails behind its first pages gives these."""


def pread(fd, path, offset, length):
    return os.pread(fd, length, offset)


def whole(fd, path, offset, length):
    """From where the descriptor stands, which is the begin; in pieces."""
    got = b""
    while piece := os.read(fd, max(length, 30000)):
        got += piece
    return got


def from_map(mapping, offset, length):
    """By the kernel, through a pipe: for a page that is gone it has EFAULT, where a process would be killed."""
    read, write = os.pipe()
    try:
        with memoryview(mapping) as pages, pages[offset:offset + min(length, AT_ONCE)] as piece:
            sent = os.write(write, piece) if piece else 0
        return os.read(read, sent) if sent else b""
    finally:
        os.close(read)
        os.close(write)


def mapped(fd, path, offset, length):
    if os.fstat(fd).st_size == 0:
        return b""
    with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as mapping:
        return from_map(mapping, offset, length)


def direct(fd, path, offset, length):
    """What the page cache has is asked for all the same."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, length) as buffer:
            return buffer[:os.preadv(fd, [buffer], offset)]
    finally:
        os.close(fd)


def sendfile(fd, path, offset, length):
    left, right = socket.socketpair()
    left.setblocking(False)
    with left, right:
        sent = os.sendfile(left.fileno(), fd, offset, min(length, AT_ONCE))
        left.close()
        got = b""
        while len(got) < sent:
            got += right.recv(65536)
        return got


WAYS = (pread, whole, mapped, direct, sendfile)
IN_PARTS = (mapped, sendfile, from_map)  # give what fits


def check(want, got, way, offset, length):
    """`got` is what lies at `offset` of `want`. The number of bytes."""
    piece = want if way is whole else want[offset:offset + length]
    too_few = not got and piece if way in IN_PARTS else len(got) < len(piece)
    is_right = got == piece[:len(got)]
    if too_few or not is_right:
        kind = TooFew if got and is_right else Different
        raise kind(f"{way.__name__}, offset {offset}, length {length}: {len(got)} bytes, not the {len(piece)} of {len(want)}")
    return len(got)


def read(rnd, fd, path, want):
    """A piece at random of the file at `path`, just opened as `fd`, by one of the ways. The number of bytes; Different; OSError."""
    way, offset, length = rnd.choice(WAYS), rnd.randrange(len(want) + 1), rnd.choice(PIECES)
    return check(want, way(fd, path, offset, length), way, offset, length)
