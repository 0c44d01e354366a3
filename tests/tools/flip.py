#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flips bits of a store's files and reads everything after each: an error or the right bytes, never wrong ones.

    flip.py shard STORE DATASET SOURCE STEP             every STEP-th bit of each shard file, read through the server
    flip.py mount STORE DATASET SOURCE COUNT SEED MNT   random bits of shards, read through a mount
    flip.py verify STORE DATASET SOURCE COUNT SEED      random bits of shards: verify names the file, status 5
    flip.py index STORE DATASET SOURCE COUNT SEED       random bits of the index's files, a fresh server for each

The server must run with VITRINE_CACHE=1 for `shard` and `mount`, so that it reads again what it had read. Prints what
happened; ends with 1 if anything was wrong. VITRINE is the program.
"""
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys

store, dataset, source = sys.argv[2:5]
program = os.environ["VITRINE"]
files = {}
for folder, _, names in os.walk(source):
    for name in names:
        with open(os.path.join(folder, name), "rb") as f:
            files[os.path.relpath(os.path.join(folder, name), source)] = f.read()


def run(*arguments):
    return subprocess.run([program, *arguments, "--store", store], capture_output=True, check=False, timeout=120)


def below(folder):
    return sorted(os.path.join(where, name) for where, _, names in os.walk(os.path.join(store, folder)) for name in names)


class Flipped:
    """A bit of a file, flipped for a while."""

    def __init__(self, path, bit):
        self.path, self.at, self.mask = path, bit // 8, 1 << bit % 8

    def turn(self):
        with open(self.path, "r+b") as f:
            f.seek(self.at)
            byte = f.read(1)[0]
            f.seek(self.at)
            f.write(bytes([byte ^ self.mask]))

    def __enter__(self):
        os.chmod(self.path, 0o600)  # a shard is for nobody to write
        self.turn()

    def __exit__(self, *_):
        self.turn()


class Client:
    """The control protocol (fs/requests.md), as far as it takes to read."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(store, "run/control.sock"))

    def receive(self, length):
        data = b""
        while len(data) < length:
            piece = self.socket.recv(length - len(data))
            if not piece:
                sys.exit("the server ended")
            data += piece
        return data

    def cat(self, path):
        """The bytes, or None after an error."""
        request = json.dumps({"op": "cat", "args": {"dataset": dataset, "path": path}}).encode()
        self.socket.sendall(struct.pack("<4sIII", b"VTC1", len(request), 0, 0) + request)
        content = b""
        while True:
            _, json_len, blob_len, _ = struct.unpack("<4sIII", self.receive(16))
            answer, blob = json.loads(self.receive(json_len)), self.receive(blob_len)
            content += blob
            if "result" in answer:
                return content
            if "error" in answer:
                return None


def compare(path, data, where):
    if data is not None and data != files[path]:
        sys.exit(f"WRONG BYTES of {path}, after a flip in {where}")
    return data is None


def random_flips(paths, count, seed):
    rnd = random.Random(seed)
    sizes = [os.path.getsize(path) for path in paths]
    for _ in range(count):
        path = rnd.choices(paths, sizes)[0]
        yield path, rnd.randrange(os.path.getsize(path) * 8)


def flip_shard(step):
    client, refused, hit, bits = Client(), 0, set(), 0
    for shard in below("shards"):
        for bit in range(0, os.path.getsize(shard) * 8, step):
            bits += 1
            with Flipped(shard, bit):
                for path in files:
                    if compare(path, client.cat(path), f"{shard}, bit {bit}"):
                        refused += 1
                        hit.add(path)
    missed = [path for path in files if files[path] and path not in hit]
    if missed:
        sys.exit(f"no flip was noticed in {missed}")
    for path in files:
        if compare(path, client.cat(path), "nothing"):
            sys.exit(f"{path} stays unreadable")
    print(f"{bits} bits flipped, {refused} reads refused")


def read_mounted(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        data = b""
        while piece := os.read(fd, 1 << 20):
            data += piece
        return data
    except OSError as error:
        if error.strerror != os.strerror(5):
            sys.exit(f"{path}: {error}")
        return None
    finally:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def flip_mount(count, seed, mnt):
    refused = 0
    for shard, bit in random_flips(below("shards"), count, seed):
        with Flipped(shard, bit):
            for path in files:
                refused += compare(path, read_mounted(os.path.join(mnt, dataset, "latest", path)), f"{shard}, bit {bit}")
    if not refused:
        sys.exit("no flip was noticed")
    print(f"{count} bits flipped, {refused} reads refused")


def flip_verify(count, seed):
    for shard, bit in random_flips(below("shards"), count, seed):
        with Flipped(shard, bit):
            done = run("verify", "--json")
        if done.returncode != 5 or shard.encode() not in done.stdout:
            sys.exit(f"{shard}, bit {bit}: status {done.returncode}, {done.stdout} {done.stderr}")
    if run("verify").returncode != 0:
        sys.exit("verify does not recover")
    print(f"{count} bits flipped, each found and named")


def flip_index(count, seed):
    outcomes = {}
    run("stop", "--quiet")
    kept = store + "/kept"
    shutil.copytree(store + "/index", kept)
    for name, bit in random_flips(below("kept"), count, seed):
        for folder in ("index", "shards"):  # what a server made of the damage goes
            if folder == "index":
                shutil.rmtree(store + "/index")
                shutil.copytree(kept, store + "/index")
        where = name.replace(kept, store + "/index")
        Flipped(where, bit).turn()
        words = []
        for path in files:
            done = run("cat", f"{dataset}:{path}")
            compare(path, done.stdout if done.returncode == 0 else None, f"{where}, bit {bit}")
            words.append(done.returncode)
            if done.returncode not in (0, 1, 4, 5) or (done.returncode and not done.stderr.startswith(b"vitrine: ")):
                sys.exit(f"{where}, bit {bit}: cat {path}: status {done.returncode} {done.stderr}")
            if b"ended" in done.stderr:
                sys.exit(f"{where}, bit {bit}: the server died: {done.stderr}")
        done = run("verify")
        words.append(done.returncode)
        if done.returncode not in (0, 1, 4, 5) or b"ended" in done.stderr:
            sys.exit(f"{where}, bit {bit}: verify: status {done.returncode} {done.stderr}")
        run("stop", "--quiet")
        if set(words) != {0}:
            key = done.stderr.decode(errors="replace").replace(store, "STORE")[:100].strip()
            outcomes[key] = outcomes.get(key, 0) + 1
    print(f"{count} bits flipped; {sum(outcomes.values())} noticed")
    for words, times in sorted(outcomes.items(), key=lambda item: -item[1])[:8]:
        print(f"  {times} times: {words}")


arguments = sys.argv[5:]
{"shard": lambda: flip_shard(int(arguments[0])),
 "mount": lambda: flip_mount(int(arguments[0]), int(arguments[1]), arguments[2]),
 "verify": lambda: flip_verify(int(arguments[0]), int(arguments[1])),
 "index": lambda: flip_index(int(arguments[0]), int(arguments[1]))}[sys.argv[1]]()
