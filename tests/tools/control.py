# SPDX-License-Identifier: Apache-2.0
"""The control socket from Python: for what has to ask often, or to know when it was answered (fs/requests.md)."""
import json
import os
import socket
import struct
import time


class Refused(Exception):
    """The server's refusal: .code, the name of an errno, and its sentence."""

    def __init__(self, error):
        super().__init__(error["text"])
        self.code = error["code"]


class Client:
    """One connection, as whoever this process is."""

    def __init__(self, store):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(store, "run/control.sock"))

    def exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionError("the server ended")
            data += piece
        return data

    def receive(self):
        """(message, blob)"""
        _, text, blob, _ = struct.unpack("<4sIII", self.exactly(16))
        return json.loads(self.exactly(text)), self.exactly(blob)

    def answers(self, op, args, descriptors=()):
        """(message, blob) of every row, then of the result."""
        text = json.dumps({"op": op, "args": args}).encode()
        head = struct.pack("<4sIII", b"VTC1", len(text), 0, 0)
        socket.send_fds(self.socket, [head], descriptors)
        self.socket.sendall(text)
        while True:
            message, blob = self.receive()
            if "error" in message:
                raise Refused(message["error"])
            yield message, blob
            if "result" in message:
                return

    def ask(self, op, descriptors=(), **args):
        """(result, rows)"""
        *rows, (last, _) = self.answers(op, args, descriptors)
        return last["result"], [message["row"] for message, _ in rows]

    def cat(self, dataset, path):
        return b"".join(blob for _, blob in self.answers("cat", {"dataset": dataset, "path": path}))

    def timed(self, op, **args):
        """Milliseconds until it was answered."""
        begun = time.monotonic()
        self.ask(op, **args)
        return (time.monotonic() - begun) * 1000
