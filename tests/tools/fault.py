#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is to fail in the programs that have the library of faults.c loaded, which maps the file that this writes.

    fault.py FILE                              makes it: nothing fails
    fault.py FILE CALL ERROR NTH [forever]     the NTH call from now on fails with the errno ERROR, and all that follow it
    fault.py FILE none                         nothing fails any more; prints how many calls did
"""
import ctypes
import mmap
import struct
import sys

CALLS = ["open", "read", "write", "sync", "rename", "unlink", "mkdir", "truncate", "map", "random", "memory", "thread"]
LAYOUT = struct.Struct("=iiiiqq")  # struct fault


class Fault:
    """The file that the programs map."""

    def __init__(self, path):
        with open(path, "a+b") as file:
            file.truncate(LAYOUT.size)
            self.memory = mmap.mmap(file.fileno(), LAYOUT.size)

    def arm(self, call, error, nth, forever=False):
        LAYOUT.pack_into(self.memory, 0, 0, CALLS.index(call), error, forever, nth, 0)
        ctypes.c_int.from_buffer(self.memory, 0).value = 1

    def disarm(self):
        """How many calls there were since, and how many failed."""
        ctypes.c_int.from_buffer(self.memory, 0).value = 0
        _, _, _, _, left, fired = LAYOUT.unpack_from(self.memory, 0)
        return left, fired


def main():
    fault, words = Fault(sys.argv[1]), sys.argv[2:]
    if words == ["none"]:
        print(fault.disarm()[1])
    elif words:
        fault.arm(words[0], int(words[1]), int(words[2]), words[3:] == ["forever"])


if __name__ == "__main__":
    main()
