#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rude.py SOCKET SEED SECONDS: garbage, halves of messages and many connections to a control socket.

Ends with 1 if the server answers a request that changes something with anything but an error. What it opens it keeps
open until the end, up to what the server takes.
"""
import json
import os
import random
import socket
import struct
import sys
import time

path, rnd, end = sys.argv[1], random.Random(int(sys.argv[2])), time.monotonic() + float(sys.argv[3])
CHANGES = [
    {"op": "remove", "args": {"dataset": "ds"}},
    {"op": "withdraw", "args": {"dataset": "ds", "version": "v1", "reason": "mine"}},
    {"op": "tag", "args": {"dataset": "ds", "tag": "mine", "version": "v1"}},
    {"op": "untag", "args": {"dataset": "ds", "tag": "kept"}},
    {"op": "rollback", "args": {"dataset": "ds", "version": "v1"}},
    {"op": "gc", "args": {"now": True}},
    {"op": "stop", "args": {}},
    {"op": "verify.shards", "args": {}},
    {"op": "verify.quarantine", "args": {"serial": 1, "offset": 4096, "problem": "mine"}},
    {"op": "import.begin", "args": {"dataset": "ds"}},
    {"op": "import.begin", "args": {"dataset": "mine"}},
    {"op": "import.ingest", "args": {"family": 1, "file": "x"}},
    {"op": "import.commit", "args": {"shards": [], "version": {}}},
    {"op": "mount", "args": {"mountpoint": "/tmp", "options": {}}},
]


def message(value, blob=b"", json_len=None, blob_len=None, magic=b"VTC1", reserved=0):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack("<4sIII", magic, len(text) if json_len is None else json_len,
                       len(blob) if blob_len is None else blob_len, reserved) + text + blob


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)  # waits while the backlog is full
    s.settimeout(10)
    return s


def answer(s):
    """The first message, or None when the server hung up."""
    data = b""
    try:
        while len(data) < 16 or len(data) < 16 + sum(struct.unpack_from("<II", data, 4)):
            piece = s.recv(65536)
            if not piece:
                return None
            data += piece
    except (ConnectionError, socket.timeout):
        return None
    return json.loads(data[16:16 + struct.unpack_from("<I", data, 4)[0]])


for request in CHANGES:
    with connect() as s:
        s.sendall(message(request))
        got = answer(s)
        if got is None or "error" not in got:
            sys.exit(f"{request} was answered with {got}")

held, sent = [], 0
while time.monotonic() < end:
    try:
        s = connect()
    except (ConnectionError, socket.timeout):
        continue
    whole = message({"op": rnd.choice(["hello", "show", "cat", "list", "import.commit", "\x1b[31m"]),
                     "args": rnd.choice([{}, [], None, {"dataset": "ds" * rnd.randrange(2000)}, {"version": -1}, {"path_hex": "zz"}])})
    pieces = [rnd.randbytes(rnd.randrange(1, 5000)), whole[:rnd.randrange(1, len(whole))], whole, whole * 50,
              message(b"[" * 60000), message({}, json_len=1 << 31), message({}, blob_len=0xFFFFFFFF),
              message({"op": "hello"}, b"x" * 70000), message({"op": "hello"}, reserved=7), message(b"\xff" * 100)]
    try:
        s.setblocking(False)
        s.send(rnd.choice(pieces))
        sent += 1
    except (ConnectionError, BlockingIOError):
        pass
    if rnd.random() < 0.3:
        held.append(s)  # and says no more
        if len(held) > 60:
            held.pop(0).close()
    else:
        s.close()
print(f"{sent} messages", flush=True)
os._exit(0)
