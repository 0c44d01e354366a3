#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program on a terminal of its own, which is a window of so many lines.

    on_terminal.py LINES TEXT KEY|SIGNAL COMMAND...

Waits until TEXT has been drawn, then presses KEY or sends SIGNAL (INT, TERM), and waits for the end.
Prints what was drawn last, without its escape sequences. Status 1: the program did not end with 0,
or left the terminal otherwise than it found it.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 60  # seconds
ENTER, LEAVE = b"\033[?1049h", b"\033[?1049l"


def login(theirs):
    os.setsid()
    fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(theirs, fd)


def hear(terminal, heard, until):
    """Reads until `until(heard)`, or the program closes the terminal."""
    end = time.monotonic() + PATIENCE
    while not until(heard) and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # EIO: nobody has it open any more
                return
            if not piece:
                return
            heard += piece


def main():
    lines, text, how, command = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3], sys.argv[4:]
    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 80, 0, 0))
    before = termios.tcgetattr(theirs)
    pid = os.fork()
    if pid == 0:
        login(theirs)
        os.execvp(command[0], command)
    heard = bytearray()
    hear(terminal, heard, lambda all: text in all)
    if len(how) == 1:
        os.write(terminal, how.encode())
    else:
        os.kill(pid, getattr(signal, "SIG" + how))
    hear(terminal, heard, lambda all: LEAVE in all)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    drawn = heard.rpartition(b"\033[H")[2].partition(LEAVE)[0].decode()
    print(re.sub(r"\033\[[?0-9;]*[A-Za-z]", "", drawn).replace("\r", ""), end="")
    if status != 0:
        sys.exit(f"status {status}")
    if text not in heard:
        sys.exit(f"'{sys.argv[2]}' was not drawn")
    if heard.count(ENTER) != 1 or heard.count(LEAVE) != 1:
        sys.exit("the other screen was not entered and left once")
    if termios.tcgetattr(theirs) != before:
        sys.exit("the terminal is not as it was")


if __name__ == "__main__":
    main()
