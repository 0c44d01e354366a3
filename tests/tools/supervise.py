#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""supervise.py FOLDER COMMAND...: runs a command as systemd runs a unit of Type=notify with a descriptor store.

What of systemd's protocol is needed: READY=1, FDSTORE=1 with FDNAME, FDSTOREREMOVE=1; a descriptor that is readable,
hung up or in error is dropped; a command that fails is started again with LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES.
Descriptors come back in another order than they were stored in. Writes a line per event to FOLDER/events: "start PID",
"ready", "store NAME", "remove NAME", "drop NAME", "exit STATUS"; ends when the command ends with 0, or after SIGTERM,
which it passes on.
"""
import array
import os
import select
import signal
import socket
import sys

folder, command = sys.argv[1], sys.argv[2:]
stored = []  # (name, descriptor)
stopping = False
events = open(os.path.join(folder, "events"), "a", buffering=1)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(os.path.join(folder, "notify"))
os.chmod(os.path.join(folder, "notify"), 0o777)


def start():
    pid = os.fork()
    if pid:
        print("start", pid, file=events)
        return pid
    given = list(reversed(stored))
    high = [os.dup(fd) for _, fd in given]
    while any(fd < 3 + len(given) for fd in high):
        high = [os.dup(fd) if fd < 3 + len(given) else fd for fd in high]
    for i, fd in enumerate(high):
        os.dup2(fd, 3 + i, inheritable=True)
    environment = dict(os.environ, NOTIFY_SOCKET=os.path.join(folder, "notify"))
    if given:
        environment.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)),
                           LISTEN_FDNAMES=":".join(name for name, _ in given))
    os.execvpe(command[0], command, environment)


def remove(name, word):
    for entry in [e for e in stored if e[0] == name]:
        os.close(entry[1])
        stored.remove(entry)
        print(word, name, file=events)


def hear():
    text, control, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(16))
    lines = dict(line.split("=", 1) for line in text.decode().splitlines())
    descriptors = array.array("i")
    for _, _, data in control:
        descriptors.frombytes(data)
    if "READY" in lines:
        print("ready", file=events)
    if "FDSTOREREMOVE" in lines:
        remove(lines["FDNAME"], "remove")
    for fd in descriptors:
        if "FDSTORE" in lines and lines["FDNAME"] not in [name for name, _ in stored]:
            stored.append((lines["FDNAME"], fd))
            print("store", lines["FDNAME"], file=events)
        else:
            os.close(fd)


def drop_ended():
    for name, fd in list(stored):
        poll = select.poll()
        poll.register(fd, 0)
        if poll.poll(0):
            remove(name, "drop")


def terminate(*_):
    global stopping
    stopping = True
    os.kill(pid, signal.SIGTERM)


pid = start()
signal.signal(signal.SIGTERM, terminate)
while True:
    if select.select([notify], [], [], 0.05)[0]:
        hear()
        continue
    drop_ended()
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
        print("exit", os.waitstatus_to_exitcode(status), file=events)
        if status == 0 or stopping:
            sys.exit(0 if status == 0 else 1)
        pid = start()
