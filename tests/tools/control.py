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
        _, text, blob, _ = struct.unpack("<4sIII", self.exactly(16))
        message = json.loads(self.exactly(text))
        self.exactly(blob)
        return message

    def ask(self, op, **args):
        """(result, rows)"""
        text, rows = json.dumps({"op": op, "args": args}).encode(), []
        self.socket.sendall(struct.pack("<4sIII", b"VTC1", len(text), 0, 0) + text)
        while "row" in (message := self.receive()):
            rows.append(message["row"])
        if "error" in message:
            raise Refused(message["error"])
        return message["result"], rows

    def timed(self, op, **args):
        """Milliseconds until it was answered."""
        begun = time.monotonic()
        self.ask(op, **args)
        return (time.monotonic() - begun) * 1000
