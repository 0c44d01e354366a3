#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""faults.py DIR SEED COUNT [OPERATION[:CALL[:FIRST]]...]: the n-th call of each kind fails, in what serves and changes a store, while a command runs.

DIR is an empty folder; VITRINE the program, VITRINE_STORE where its store is made, LD_PRELOAD the library of faults.c, which
maps $VITRINE_FAULTS. With COUNT 0 every call of every operation fails once, with every error; else so many that the seed picks.
FIRST: only so many first calls of a kind. After each: the command ended with a status and a sentence, or did what it says; the server
lives, and has closed what it opened; what was there is there; without the fault the command does its work, if need be by a new server;
and every so often the store and the log verify.
"""
import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

from fault import CALLS, Fault

EIO, EINTR, ENOMEM, EAGAIN, ENOSPC, SHORT = 5, 4, 12, 11, 28, -1
ERRORS = {"open": [EIO, 24], "read": [EIO, EINTR, SHORT], "write": [ENOSPC, EIO, EINTR, SHORT], "sync": [EIO, ENOSPC],
          "rename": [EIO, ENOSPC], "unlink": [EIO], "mkdir": [ENOSPC], "truncate": [ENOSPC, EIO], "map": [ENOMEM], "random": [EIO],
          "memory": [ENOMEM], "thread": [EAGAIN]}
ENDLESS = 1 << 60
PATIENCE = 60  # s: of a command; else it hangs
STATUSES = {0, 1, 3, 4, 5, 6}
DAMAGED = 5  # of STATUSES
CLOSING = 20  # s: of a descriptor after a command, of an audit log till the next try; less than VITRINE_IDLE_SECONDS of lib.sh
KEEPER = 1  # descriptor: of the socket to it, while there is one
VERIFY_EVERY = 100


class Wrong(Exception):
    """What must not be."""


class Store:
    """A store under test, and what must be true of it."""

    def __init__(self, top, chance):
        self.program = os.environ["VITRINE"]
        self.source = os.path.join(top, "src")
        self.point = os.path.join(top, "mnt")
        self.other_point = os.path.join(top, "other")
        self.chance = chance
        self.serial = 0
        self.files = {}
        os.mkdir(self.source)
        os.mkdir(self.point)
        os.mkdir(self.other_point)
        for i in range(12):
            self.change(f"f{i}", chance.randbytes(chance.choice([10, 3000, 70000])))
        self.change("large", chance.randbytes(400000) * 2)
        self.first = dict(self.files)

    def change(self, name, data):
        with open(os.path.join(self.source, name), "wb") as file:
            file.write(data)
        self.files[name] = data

    def call(self, *words, text=None):
        """status, standard output, standard error"""
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True)
        try:
            out, err = process.communicate(text, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Wrong(f"{' '.join(words)} hangs") from None
        return process.returncode, out, err.decode(errors="replace")

    def run(self, *words, text=None):
        return self.call(self.program, *words, text=text)

    def must(self, *words, text=None):
        status, out, err = self.run(*words, text=text)
        if status != 0:
            raise Wrong(f"{' '.join(words)}: status {status}: {err.strip()}")
        return out

    def pid(self):
        """The server's; None: none runs."""
        status, out, _ = self.run("status", "--json")
        return json.loads(out).get("pid") if status == 0 else None

    def read(self):
        """What was there is there, if need be when the audit log, without which nobody reads, has been tried again."""
        end = time.monotonic() + CLOSING
        while (done := self.run("cat", "ds@v1:large"))[0] != 0 and "audit log" in done[2] and time.monotonic() < end:
            time.sleep(0.05)
        if done[1] != self.files["large"]:
            raise Wrong(f"what was there is there no more: {done[2].strip()}")

    def versions(self):
        return {row["version"] for row in map(json.loads, self.must("ls", "--json", "ds").splitlines())}

    def unmount(self, point):
        if os.path.ismount(point):
            self.must("umount", "--quiet", point)

    def stop(self):
        self.unmount(self.point)
        self.unmount(self.other_point)
        self.must("stop", "--quiet")

    def descriptors(self, pid):
        """How many the server has, but for RocksDB's and the first of each file of the store."""
        store = os.environ["VITRINE_STORE"]
        targets = collections.Counter()
        names = []
        with contextlib.suppress(FileNotFoundError):  # it ends meanwhile
            names = os.listdir(f"/proc/{pid}/fd")
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                targets[os.readlink(f"/proc/{pid}/fd/{name}")] += 1
        return sum(count - target.startswith(f"{store}/") for target, count in targets.items()
                   if not target.startswith(f"{store}/index"))

    def verify(self):
        self.must("verify", "--quiet")
        self.must("audit", "verify")


class Operation:
    """A command: `prepare` without faults, `words` with one; `done` says whether its effect is there, or is None."""

    speaker = "vitrine"

    def __init__(self, store):
        self.store = store

    def run(self):
        return self.store.run(*self.words(), text=self.text())

    def prepare(self):
        pass

    def text(self):
        return None

    def done(self):
        return None

    def check(self, out):
        """What it printed when it was done."""


class Publish(Operation):
    def prepare(self):
        self.store.serial += 1
        self.data = self.store.chance.randbytes(self.store.chance.choice([5, 5000, 100000]))
        self.store.change("f1", self.data)
        self.store.change(f"d{self.store.serial % 7}", self.data)

    def words(self):
        return "publish", "--quiet", "ds", self.store.source

    def done(self):
        return self.store.must("cat", "ds:f1") == self.data


class Import(Operation):
    def prepare(self):
        self.store.serial += 1
        self.value = f"v{self.store.serial}"

    def words(self):
        return "import-labels", "--quiet", "ds", "-"

    def text(self):
        return json.dumps({"path": "f2", "key": "class", "value": self.value, "source": "human"}).encode() + b"\n"

    def done(self):
        return self.value.encode() in self.store.must("label", "show", "ds:f2")


class Label(Import):
    def words(self):
        return "label", "set", "ds:f2", f"class={self.value}"

    def text(self):
        return None


class Tag(Operation):
    def prepare(self):
        self.store.serial += 1
        self.name = f"t{self.store.serial}"

    def words(self):
        return "tag", "ds", self.name

    def done(self):
        return self.store.run("show", f"ds@{self.name}")[0] == 0


class Grant(Operation):
    on = True

    def words(self):
        return "grant" if self.on else "revoke", "nobody", "read", "ds"

    def prepare(self):
        self.store.run("revoke" if self.on else "grant", "nobody", "read", "ds")

    def done(self):
        return (b"nobody" in self.store.must("rules", "--json")) == self.on


class Revoke(Grant):
    on = False


class Acquire(Operation):
    def prepare(self):
        self.store.run("lease", "release", "ds")

    def words(self):
        return "lease", "acquire", "ds", "--for", "1h"

    def done(self):
        rows = map(json.loads, self.store.must("lease", "list", "--json").splitlines())
        return any(row["object"] == "ds" and row["state"] == "active" for row in rows)


class Collect(Operation):
    def prepare(self):
        versions = sorted(self.store.versions(), key=lambda name: [int(part) for part in name[1:].split(".")])
        self.store.run("lease", "release", "ds")
        for name in versions[1:-6]:
            self.store.run("rm", "--yes", f"ds@{name}")

    def words(self):
        return "gc", "--now"


class Cat(Operation):
    def words(self):
        return "cat", "ds@v1:large"

    def check(self, out):
        if out != self.store.files["large"]:
            raise Wrong("cat gives other bytes")


class List(Operation):
    def words(self):
        return "ls", "--recursive", "ds@v1"

    def check(self, out):
        if len(out.splitlines()) < 13:
            raise Wrong(f"ls lists {len(out.splitlines())} files")


class Audit(Operation):
    def words(self):
        return "audit", "verify"


class Verify(Operation):
    def words(self):
        return "verify", "--quiet"


class Start(Operation):
    """A server's start, by the first command that needs one."""

    def prepare(self):
        self.store.stop()

    def words(self):
        return "ls", "ds@v1"


class Mount(Operation):
    """Beside another mount, which a keeper has."""

    def prepare(self):
        self.store.unmount(self.store.point)
        if not os.path.ismount(self.store.other_point):
            self.store.must("mount", "--quiet", self.store.other_point)

    def words(self):
        return "mount", "--quiet", self.store.point

    def done(self):
        """It is there, and both outlive the server."""
        if not os.path.ismount(self.store.point):
            return False
        os.kill(self.store.pid(), signal.SIGKILL)
        for point in self.store.point, self.store.other_point:
            status, out, err = self.store.call("cat", f"{point}/ds/v1/large")
            if status != 0 or out != self.store.files["large"]:
                raise Wrong(f"a mount is gone with the server: {err.strip()}")
        self.store.stop()  # and its keeper, which would wait for longer each time
        return True


class Mounted(Mount):
    """Another program, which knows nothing of Vitrine, in a mount of which nothing is kept."""

    def prepare(self):
        super().prepare()
        self.store.must(*super().words())

    def run(self):
        return self.store.call(self.speaker, *self.words())

    def done(self):
        return None


class Read(Mounted):
    speaker = "cat"

    def words(self):
        return [f"{self.store.point}/ds/v1/{name}" for name in self.store.first]

    def check(self, out):
        if out != b"".join(self.store.first.values()):
            raise Wrong("a mount gives other bytes")


class Readdir(Mounted):
    speaker = "find"

    def words(self):
        return f"{self.store.point}/ds/v1", "-type", "f", "-printf", r"%P %s\n"

    def check(self, out):
        if sorted(out.decode().splitlines()) != sorted(f"{name} {len(data)}" for name, data in self.store.first.items()):
            raise Wrong("a mount lists other files")


OPERATIONS = {kind.__name__.lower(): kind for kind in (Publish, Import, Label, Tag, Grant, Revoke, Acquire, Collect, Cat, List,
                                                       Audit, Verify, Start, Mount, Read, Readdir)}


class Round:
    def __init__(self, top, seed):
        self.fault = Fault(os.environ["VITRINE_FAULTS"])
        self.store = Store(top, random.Random(seed))
        self.store.must("init", "--quiet")
        self.store.must("publish", "--quiet", "ds", self.store.source)
        self.ended = collections.Counter()
        self.descriptors = {}

    def calls(self, operation, call):
        """How many calls of that kind it makes."""
        operation.prepare()
        self.fault.arm(call, EIO, ENDLESS)
        try:
            status, _, err = operation.run()
        finally:
            left, _ = self.fault.disarm()
        if status != 0:
            raise Wrong(f"without a fault: status {status}: {err.strip()}")
        return ENDLESS - left

    def again(self, operation):
        """Without a fault it works, by this server or the next."""
        operation.prepare()
        status, out, err = operation.run()
        if status != 0:
            self.ended["only by the next server"] += 1
            self.store.stop()
            operation.prepare()
            status, out, err = operation.run()
            if status != 0:
                raise Wrong(f"without a fault, by a new server: status {status}: {err.strip()}")
        operation.check(out)
        if operation.done() is False:
            raise Wrong("it said that it was done, and it was not")

    def why_ended(self, pid, err):
        """By itself, when a disk that was full has room again, or by an assertion in RocksDB: another server goes on."""
        with open(os.path.join(os.environ["VITRINE_STORE"], "run/server.log"), errors="replace") as log:
            lines = log.readlines()
        if any("beginning anew" in line and f"pid={pid}" in line for line in lines):
            return "server began anew"
        last = [line for line in lines if "Assertion" in line][-1:]
        if last and "rocksdb::" in last[0]:
            return "server ended by RocksDB"
        raise Wrong(f"the server ended; {err.strip()}")

    def see_closed(self, pid):
        """What the server opened for a command it closes, if a moment after it."""
        state = pid, os.path.ismount(self.store.point), os.path.ismount(self.store.other_point)
        count = self.store.descriptors(pid)
        most = self.descriptors.setdefault(state, count)
        end = time.monotonic() + CLOSING
        while count > most + KEEPER:
            if time.monotonic() > end:
                raise Wrong(f"the server has {count} descriptors, {count - most} too many")
            time.sleep(0.01)
            count = self.store.descriptors(pid)
        self.descriptors[state] = count

    def one(self, operation, call, error, nth, forever):
        operation.prepare()
        pid = None if isinstance(operation, Start) else self.store.pid()
        before = self.store.versions() if pid else None
        self.fault.arm(call, error, nth, forever)
        try:
            status, out, err = operation.run()
        finally:
            _, fired = self.fault.disarm()
        if status not in STATUSES:
            raise Wrong(f"status {status}: {err.strip()}")
        if status != 0 and not err.startswith(f"{operation.speaker}: "):
            raise Wrong(f"status {status} without a sentence: {err.strip()}")
        if call == "memory" and (status == DAMAGED or os.strerror(EIO) in err):
            raise Wrong(f"a lack of memory passes for damage: {err.strip()}")
        if pid and self.store.pid() != pid:
            self.ended[self.why_ended(pid, err)] += 1
        elif pid:
            self.see_closed(pid)
        if status == 0:
            operation.check(out)
        self.store.read()
        if status == 0 and operation.done() is False:
            raise Wrong("it said that it was done, and it was not")
        if before and not isinstance(operation, Collect) and not before <= self.store.versions():
            raise Wrong("a version is gone")
        self.ended["not reached" if not fired else "done" if status == 0 else f"status {status}"] += 1
        if fired and status != 0:
            self.again(operation)

    def plan(self, names, count, chance):
        """(operation, call, error, nth, forever)"""
        planned = []
        for name in names:
            name, only, first = (name.split(":") + [None, None])[:3]
            operation = OPERATIONS[name](self.store)
            for call in [only] if only else CALLS:
                calls = self.calls(operation, call)
                for nth in range(1, min(calls, int(first or calls)) + 1):
                    planned += [(operation, call, error, nth, forever) for error in ERRORS[call]
                                for forever in ((False, True) if error not in (EINTR, SHORT) else (False,))]
        if count:
            planned = chance.sample(planned, min(count, len(planned)))
        return planned

    def run(self, names, count, chance):
        planned = self.plan(names, count, chance)
        for at, (operation, call, error, nth, forever) in enumerate(planned, 1):
            what = f"{type(operation).__name__.lower()}: {call} {nth} fails with {error}{' from then on' if forever else ''}"
            try:
                self.one(operation, call, error, nth, forever)
                if at % VERIFY_EVERY == 0 or at == len(planned):
                    self.store.verify()
            except Wrong as wrong:
                raise Wrong(f"{what}: {wrong}") from None
        self.store.stop()
        return len(planned)


def main():
    top, seed, count, names = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] or list(OPERATIONS)
    try:
        work = Round(top, seed)
        tried = work.run(names, count, random.Random(seed))
    except Wrong as wrong:
        sys.exit(f"{wrong}")
    print(f"{tried} faults: " + ", ".join(f"{count} {what}" for what, count in sorted(work.ended.items())))


main()
