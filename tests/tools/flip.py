#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flips bits of a store's files and reads everything after each: an error or the right bytes, never wrong ones.

    flip.py shard STORE DATASET SOURCE STEP             every STEP-th bit of each shard file, read through the server
    flip.py mount STORE DATASET SOURCE COUNT SEED MNT   random bits of shards, read through a mount
    flip.py verify STORE DATASET SOURCE COUNT SEED      random bits of shards: verify names the file, status 5
    flip.py index STORE DATASET SOURCE COUNT SEED       random bits of the index's files, a fresh server for each
    flip.py log STORE DATASET SOURCE RECORDS STEP       kills the server; in the log's last RECORDS each bit of their
                                                        headers (RocksDB's log format) and every STEP-th of the rest
    flip.py gone STORE DATASET SOURCE                   each file of the index removed or cut short, a fresh server for each

The server must run with VITRINE_CACHE=1 for `shard` and `mount`, so that it reads again what it had read. Prints what
happened; ends with 1 if anything was wrong. VITRINE is the program.
"""
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

from control import Client, Refused

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


def cat(client, path):
    """The bytes, or None after an error."""
    try:
        return client.cat(dataset, path)
    except Refused:
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
    client, refused, hit, bits = Client(store), 0, set(), 0
    for shard in below("shards"):
        for bit in range(0, os.path.getsize(shard) * 8, step):
            bits += 1
            with Flipped(shard, bit):
                for path in files:
                    if compare(path, cat(client, path), f"{shard}, bit {bit}"):
                        refused += 1
                        hit.add(path)
    missed = [path for path in files if files[path] and path not in hit]
    if missed:
        sys.exit(f"no flip was noticed in {missed}")
    for path in files:
        if compare(path, cat(client, path), "nothing"):
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


class Kept:
    """The index as it is now, with its note, to be put back after what a server makes of damage."""

    def __init__(self):
        self.folder = store + "/kept"
        shutil.copytree(store + "/index", self.folder)
        shutil.copy(store + "/committed", store + "/committed.kept")

    def put_back(self):
        shutil.rmtree(store + "/index")
        shutil.copytree(self.folder, store + "/index")
        shutil.copy(store + "/committed.kept", store + "/committed")

    def remove(self):
        self.put_back()
        shutil.rmtree(self.folder)
        os.remove(store + "/committed.kept")


def flip_index(count, seed):
    outcomes = {}
    run("stop", "--quiet")
    kept = Kept()
    for name, bit in random_flips(below("kept"), count, seed):
        kept.put_back()
        where = name.replace(kept.folder, store + "/index")
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
    kept.remove()
    print(f"{count} bits flipped; {sum(outcomes.values())} noticed")
    for words, times in sorted(outcomes.items(), key=lambda item: -item[1])[:8]:
        print(f"  {times} times: {words}")


def index_gone():
    outcomes = {}
    run("stop", "--quiet")
    kept = Kept()
    for name in below("kept"):
        for length in (None, 0, os.path.getsize(name) // 2):
            kept.put_back()
            where = name.replace(kept.folder, store + "/index")
            if length is None:
                os.unlink(where)
            else:
                os.truncate(where, length)
            status = 0
            for path in files:
                done = run("cat", f"{dataset}:{path}")
                compare(path, done.stdout if done.returncode == 0 else None, f"{where}, cut to {length}")
                status = status or done.returncode
                if done.returncode not in (0, 1, 4, 5) or b"ended" in done.stderr:
                    sys.exit(f"{where}, cut to {length}: cat {path}: status {done.returncode} {done.stderr}")
            done = run("verify")
            if status and not done.returncode:
                sys.exit(f"{where}, cut to {length}: verify finds nothing, and a file cannot be read")
            if where.endswith(".sst") and length is None and not done.returncode:
                sys.exit(f"{where} is gone, and verify finds nothing")
            run("stop", "--quiet")
            kind = os.path.splitext(name)[1] or os.path.basename(name).split("-")[0]
            outcomes.setdefault((kind, status, done.returncode), []).append(length)
    kept.remove()
    for path in files:
        if compare(path, run("cat", f"{dataset}:{path}").stdout, "nothing"):
            sys.exit(f"{path} stays unreadable")
    for (kind, read, verified), lengths in sorted(outcomes.items()):
        print(f"{kind}: {len(lengths)} times, read: {read}, verify: {verified}")


def log_records(path):
    """Where they begin: u32 CRC, u16 length, u8 type, bytes; in blocks of 32 KiB, a rest below 7 bytes is unused."""
    with open(path, "rb") as f:
        data = f.read()
    at, starts = 0, []
    while at + 7 <= len(data):
        starts.append(at)
        at += 7 + struct.unpack_from("<H", data, at + 4)[0]
        if at % 32768 > 32768 - 7:
            at += -at % 32768
    return starts


def flip_log(count, step):
    os.kill(json.loads(run("status", "--json").stdout)["pid"], signal.SIGKILL)
    log = max(path for path in below("index") if path.endswith(".log"))
    kept, shards, refused, records = Kept(), below("shards"), 0, log_records(log)[-count:]
    if len(records) < count:
        sys.exit("not that many records are in the log")
    bits = {bit for at in records for bit in range(at * 8, (at + 7) * 8)}
    bits.update(range(records[0] * 8, os.path.getsize(log) * 8, step))
    for bit in sorted(bits):
        kept.put_back()
        Flipped(log, bit).turn()
        for path in files:
            done = run("cat", f"{dataset}:{path}")
            for _ in range(10):  # a server that dies on a busy machine holds the store for a while
                if done.returncode != 6:
                    break
                time.sleep(1)
                done = run("cat", f"{dataset}:{path}")
            if done.returncode not in (0, 5):
                sys.exit(f"{log}, bit {bit}: cat {path}: status {done.returncode} {done.stderr}")
            if compare(path, done.stdout if done.returncode == 0 else None, f"{log}, bit {bit}"):
                refused += 1
                break
        run("stop", "--quiet")
        if below("shards") != shards:
            sys.exit(f"{log}, bit {bit}: a shard is gone")
    if not refused:
        sys.exit("no flip was noticed")
    kept.remove()
    for path in files:
        if compare(path, run("cat", f"{dataset}:{path}").stdout, "nothing"):
            sys.exit(f"{path} is lost by a kill alone")
    print(f"{len(bits)} bits flipped, {refused} times refused")


arguments = sys.argv[5:]
{"shard": lambda: flip_shard(int(arguments[0])),
 "mount": lambda: flip_mount(int(arguments[0]), int(arguments[1]), arguments[2]),
 "verify": lambda: flip_verify(int(arguments[0]), int(arguments[1])),
 "index": lambda: flip_index(int(arguments[0]), int(arguments[1])),
 "gone": index_gone,
 "log": lambda: flip_log(int(arguments[0]), int(arguments[1]))}[sys.argv[1]]()
