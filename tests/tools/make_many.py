#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_many.py DIR FILES PER_DIRECTORY [BYTES]: FILES small files that all differ, PER_DIRECTORY in a folder.

With BYTES 0 they are empty. Names and contents follow from the number alone, so that a reader can tell what a file
must hold: see content().
"""
import hashlib
import os
import sys


def content(number, size):
    line = b'{"id": %d, "key": "%s", "score": %d}\n' % (number, hashlib.md5(b"%d" % number).hexdigest().encode(),
                                                        number * 7919 % 100)
    return (line * (size // len(line) + 1))[:size]


def main():
    top, files, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    size = int(sys.argv[4]) if len(sys.argv) > 4 else 200
    os.makedirs(top, exist_ok=True)
    for first in range(0, files, each):
        path = os.path.join(top, f"{first // each:05}")
        os.mkdir(path)
        folder = os.open(path, os.O_RDONLY)
        for number in range(first, min(files, first + each)):
            fd = os.open(f"{number:08}.json", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=folder)
            os.write(fd, content(number, size))
            os.close(fd)
        os.close(folder)


if __name__ == "__main__":
    main()
