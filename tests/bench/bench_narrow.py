#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_narrow.py STORE MNT ALICE BOB FILES RUNS: what it takes to take access away, on a real mount.

The datasets `guarded` (granted to both users) and `open` hold the same FILES files. One line per case: name, value,
unit, conditions. Needs root.
"""
import ctypes
import mmap
import os
import pwd
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from control import Client  # noqa: E402

store, mnt, alice, bob = sys.argv[1:5]
files, runs = int(sys.argv[5]), int(sys.argv[6])
HANDLES = 100
END_NS = 700 * 10**6  # from an end's setting to its coming
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]


def line(name, value, unit, conditions):
    print(f"{name:<44} {value:12.2f} {unit:<8} {conditions}", flush=True)


def spread(name, values, conditions):
    values = sorted(values)
    line(name + ", p50", values[len(values) // 2], "ms", conditions)
    line(name + ", p99", values[len(values) * 99 // 100], "ms", conditions)
    line(name + ", worst", values[-1], "ms", conditions)


def become(user):
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


class Child:
    """A process of a user's that runs `work(say, wait)`: say() tells a line, wait() is until told to go on."""

    def __init__(self, user, work):
        self.told, tell = os.pipe()
        hear, self.go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.go)
            become(user)
            work(lambda text="": os.write(tell, f"{text}\n".encode()), lambda: os.read(hear, 1))
            os._exit(0)
        os.close(tell)
        os.close(hear)
        self.lines = os.fdopen(self.told)

    def line(self):
        text = self.lines.readline()
        if not text:
            sys.exit("a reader ended early")
        return text.strip()

    def end(self):
        os.close(self.go)
        self.lines.close()
        os.waitpid(self.pid, 0)


names = [os.path.relpath(os.path.join(top, name), f"{mnt}/open/v1")
         for top, _, names in os.walk(f"{mnt}/open/v1") for name in names]


def paths(dataset):
    return [f"{mnt}/{dataset}/v1/{name}" for name in names]


def read_all(dataset):
    for path in paths(dataset):
        fd = os.open(path, os.O_RDONLY)
        os.read(fd, 1 << 16)
        os.close(fd)


def walked(user, dataset, walk=read_all):
    child = Child(user, lambda say, wait: (walk(dataset), say()))
    child.line()
    child.end()


def holder(user, dataset):
    """Holds HANDLES files; when told to go on says how many still give something."""

    def work(say, wait):
        held = [os.open(path, os.O_RDONLY) for path in paths(dataset)[:HANDLES]]
        for fd in held:
            os.pread(fd, 100, 0)
        say()
        wait()
        say(sum(is_readable(fd) for fd in held))

    child = Child(user, work)
    child.line()
    return child


def is_readable(fd):
    try:
        return len(os.pread(fd, 100, 0)) > 0
    except OSError:
        return False


def narrowing(op, arguments, undo):
    """Milliseconds of one narrowing with all of it cached and HANDLES open, which must be dead then."""
    child = holder(bob, "guarded")
    ms = Client(store).timed(op, **arguments)
    os.write(child.go, b"x")
    if child.line() != "0":
        sys.exit("a file is still open to who lost it")
    child.end()
    for op, arguments in undo:
        Client(store).ask(op, **arguments)
    return ms


def rule(user, **more):
    return {"object": "guarded", "who": f"user:{user}", "right": "lease", **more}


def revoke_and_lease():
    conditions = f"{files} files cached, {HANDLES} open, {runs} runs"
    walked(alice, "guarded")
    spread("revoke", [narrowing("revoke", rule(bob), [("grant", rule(bob))]) for _ in range(runs)], conditions)
    times = []
    for _ in range(runs):
        walked(alice, "guarded")
        times.append(narrowing("lease.acquire", {"object": "guarded", "user": alice, "length": 3600 * 10**9},
                               [("lease.break", {"object": "guarded"})]))
    spread("lease acquire", times, conditions)


def poll_until_lost(say, wait):
    """By descriptor, mapping and path, without a pause: when each worked last, by the wall clock in ns."""
    path = paths("guarded")[0]
    fd, last, dead_since = os.open(path, os.O_RDONLY), {}, None
    held = [os.open(other, os.O_RDONLY) for other in paths("guarded")[1:HANDLES]]
    for other in held:
        os.pread(other, 100, 0)
    os.pread(fd, 100, 0)
    address = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    ctypes.string_at(address, 1)
    out, into = os.pipe()

    def by_map():
        """EFAULT instead of a signal: the kernel looks for us."""
        return libc.write(into, address, 1) == 1 and os.read(out, 1) != b""

    def by_path():
        try:
            os.close(os.open(path, os.O_RDONLY))
            return True
        except OSError:
            return False

    say()
    while dead_since is None or time.monotonic() - dead_since < 0.3:
        works = {}
        for way, attempt in (("descriptor", lambda: is_readable(fd)), ("mapping", by_map), ("path", by_path)):
            begun = time.time_ns()
            works[way] = attempt()
            if works[way]:
                last[way] = begun
        if any(works.values()):
            dead_since = None
        elif dead_since is None:
            dead_since = time.monotonic()
    say(" ".join(str(last[way]) for way in ("descriptor", "mapping", "path")))


def expiry():
    late = {"descriptor": [], "mapping": [], "path": []}
    walked(alice, "guarded")
    for _ in range(runs):
        child = Child(bob, poll_until_lost)
        child.line()
        until = time.time_ns() + END_NS
        Client(store).ask("grant", **rule(bob, until=until))
        for way, last in zip(late, child.line().split()):
            late[way].append((int(last) - until) / 1e6)
        child.end()
        Client(store).ask("grant", **rule(bob))
    for way, values in late.items():
        line(f"read by {way} after the end, worst", max(values), "ms",
             f"{files} files cached, {HANDLES} open, {runs} runs; below 0: before it")


def server():
    status, _ = Client(store).ask("status")
    _, mounts = Client(store).ask("mounts")
    pid = status["pid"]
    return time.clock_gettime((~pid << 3) | 2), sum(mount["requests"] for mount in mounts)


def policy_on_and_off():
    """What is cached is opened and read again, so that the opens alone come to the server."""
    cpu, requests = {"guarded": [], "open": []}, {"guarded": [], "open": []}
    for dataset in cpu:
        walked(alice, dataset)
    for run in range(runs):
        for dataset in ("guarded", "open") if run % 2 else ("open", "guarded"):
            before = server()
            walked(alice, dataset)
            after = server()
            cpu[dataset].append(after[0] - before[0])
            requests[dataset].append(after[1] - before[1])
    conditions = f"{files} opens and reads of what is cached, median of {runs} interleaved runs"
    for dataset in cpu:
        line(f"server processor, {dataset} data", statistics.median(cpu[dataset]) * 1e3, "ms", conditions)
        line(f"requests per file, {dataset} data", statistics.median(requests[dataset]) / files, "", conditions)
    line("server processor, guarded over open", (statistics.median(cpu["guarded"]) / statistics.median(cpu["open"]) - 1) * 100,
         "%", conditions)


revoke_and_lease()
expiry()
policy_on_and_off()
