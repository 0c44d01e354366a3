#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""in_cgroup.py MIB COMMAND...: runs it, and all it starts, with so much memory, page cache included, and no swap.

Prints the peak to standard error: of everything, and of anonymous memory (sampled). Exits as the command did; 77
where no memory cgroup can be made. Knows both versions of cgroups.
"""
import os
import subprocess
import sys
import time

V1, V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"


def put(group, name, value):
    with open(os.path.join(group, name), "w") as file:
        file.write(str(value))


def get(group, name):
    with open(os.path.join(group, name)) as file:
        return file.read()


def own_group():
    """Where this process is, to put back there what outlives the command."""
    for line in get("/proc/self", "cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(",") or (not os.path.isdir(V1) and number == "0"):
            return (V1 if os.path.isdir(V1) else V2) + path
    raise OSError("no memory cgroup")


def make_group(limit):
    name = f"vitrine-test-{os.getpid()}"
    if os.path.isdir(V1):
        group = os.path.join(V1, name)
        os.mkdir(group)
        put(group, "memory.limit_in_bytes", limit)
        put(group, "memory.swappiness", 0)
        return group, "total_rss", "memory.max_usage_in_bytes"
    if "memory" not in get(V2, "cgroup.subtree_control").split():
        put(V2, "cgroup.subtree_control", "+memory")
    group = os.path.join(V2, name)
    os.mkdir(group)
    put(group, "memory.max", limit)
    if os.path.exists(os.path.join(group, "memory.swap.max")):
        put(group, "memory.swap.max", 0)
    return group, "anon", "memory.peak"


def anonymous(group, key):
    return next(int(line.split()[1]) for line in get(group, "memory.stat").splitlines() if line.split()[0] == key)


def main():
    try:
        home = own_group()
        group, key, peak_file = make_group(int(sys.argv[1]) << 20)
    except OSError as error:
        print(f"no memory cgroup can be made: {error}", file=sys.stderr)
        return 77
    child = subprocess.Popen(sys.argv[2:], preexec_fn=lambda: put(group, "cgroup.procs", os.getpid()))
    most = 0
    while child.poll() is None:
        most = max(most, anonymous(group, key))
        time.sleep(0.05)
    peak = int(get(group, peak_file)) if os.path.exists(os.path.join(group, peak_file)) else 0
    print(f"peak {peak >> 20} MiB, anonymous {most >> 20} MiB", file=sys.stderr)
    for pid in get(group, "cgroup.procs").split():
        put(home, "cgroup.procs", pid)
    os.rmdir(group)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


sys.exit(main())
