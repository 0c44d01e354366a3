#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stress.py STORE MNT WORK SECONDS [SEED]: publishers, rm, gc, readers, and kills of all but the readers, at once.

Three publishers grow a dataset each out of one pool of contents, so that what one brings another already has. After
every publish that said it was done, the version is compared with what was published, and again and again by readers of
the mount. Now and then a version is removed, gc runs, and the server or a publisher is killed. Prints what was done;
any difference, a lost version, or an error no kill explains ends it with 1. VITRINE is the program.
"""
import json
import os
import random
import shutil
import signal
import sys
import threading
import time

import growing
from store import DIED, Store

mnt, work, seconds = sys.argv[2], sys.argv[3], float(sys.argv[4])
seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(1 << 30)
end = time.monotonic() + seconds
lock = threading.Lock()
kept = {}  # (dataset, version) -> {path: content}; what must be readable
known = set()  # (dataset, version) that ever were in kept
counts = {k: 0 for k in ("published", "unsure", "late", "refused", "removed", "gc", "kills", "reads", "gone")}
wrong = []
publishers = {}  # running: dataset -> Popen

rnd = random.Random(seed)
contents = growing.Contents(seed)
store = Store(sys.argv[1], os.environ["VITRINE"])


def complain(words):
    with lock:
        wrong.append(words)
    print(words, flush=True)


def count(what):
    with lock:
        counts[what] += 1


def keep(dataset, version, state):
    with lock:
        if (dataset, version) not in known:
            known.add((dataset, version))
            kept[dataset, version] = state


def publish(dataset, source, rnd, states):
    """The message says which of the states a version is of: who was killed may be finished while the next one is under way."""
    states.append(source.change(rnd))
    child = store.begin("publish", "--json", "--message", str(len(states) - 1), dataset, source.folder)
    with lock:
        publishers[dataset] = child
    out, err = child.communicate()
    with lock:
        del publishers[dataset]
    if child.returncode == 0:
        row = json.loads(out)
        if row["same_as_parent"]:
            return
        keep(dataset, row["version"], states[-1])
        count("published")
        return
    count("refused" if child.returncode > 0 else "unsure")
    if child.returncode > 0 and not any(word in err for word in DIED):
        complain(f"publish {dataset}: {child.returncode} {err.strip()}")
    rows = None
    while rows is None and time.monotonic() < end + 60:
        rows = store.live_rows(dataset)
    for row in rows or ():  # what was committed before its publisher died is whole
        number = int(row["message"])
        if (dataset, row["version"]) not in known and number != len(states) - 1:
            count("late")
        keep(dataset, row["version"], states[number])


def read(dataset, version, state, rnd, where):
    path = rnd.choice(sorted(state))
    try:
        with open(os.path.join(where, path), "rb") as f:
            data = f.read()
    except OSError as error:
        return error
    if data != contents.bytes(state[path]):
        complain(f"WRONG BYTES: {dataset}@{version}:{path}, {len(data)} bytes")
    count("reads")
    return None


def reader(number):
    rnd = random.Random(seed + 100 + number)
    while time.monotonic() < end:
        with lock:
            choices = list(kept.items())
        if not choices:
            time.sleep(0.05)
            continue
        (dataset, version), state = rnd.choice(choices)
        error = read(dataset, version, state, rnd, os.path.join(mnt, dataset, version))
        if error is None:
            continue
        with lock:
            still = (dataset, version) in kept
        if still:
            complain(f"{dataset}@{version}: {error}")
        else:
            count("gone")


def publisher(number):
    rnd, dataset = random.Random(seed + number), f"d{number}"
    source, states = growing.Source(os.path.join(work, dataset), contents), []
    while time.monotonic() < end:
        publish(dataset, source, rnd, states)


def remover():
    rnd = random.Random(seed + 50)
    while time.monotonic() < end:
        time.sleep(0.3)
        with lock:
            choices = sorted(kept)
        if len(choices) > 12:
            which = rnd.choice(choices)
            with lock:
                state = kept.pop(which)
            done = store.run("rm", "@".join(which))
            if done.returncode == 0:
                count("removed")
            elif which[1] in (store.live_versions(which[0]) or ()):
                with lock:
                    kept[which] = state
        if store.run("gc", "--now").returncode == 0:
            count("gc")


def killer():
    rnd, server_due = random.Random(seed + 60), time.monotonic() + 1
    while time.monotonic() < end:
        time.sleep(rnd.uniform(0.05, 0.7))
        if time.monotonic() < server_due:
            with lock:
                victims = [p.pid for p in publishers.values() if p.poll() is None]
                if victims:
                    os.kill(rnd.choice(victims), signal.SIGKILL)
        else:
            server_due = time.monotonic() + rnd.uniform(3.2, 4)  # oftener, and the keeper takes its time
            try:
                os.kill(store.server(), signal.SIGKILL)
            except (TypeError, ProcessLookupError):  # nobody answers; or died by itself
                continue
        count("kills")


threads = [threading.Thread(target=publisher, args=(i,)) for i in range(3)]
threads += [threading.Thread(target=reader, args=(i,)) for i in range(3)]
threads += [threading.Thread(target=remover), threading.Thread(target=killer)]
for t in threads:
    t.start()
for t in threads:
    t.join()
for (dataset, version), state in sorted(kept.items()):
    for path in sorted(state):
        error = read(dataset, version, {path: state[path]}, rnd, os.path.join(mnt, dataset, version))
        if error is not None:
            complain(f"at the end: {dataset}@{version}:{path}: {error}")
shutil.rmtree(work)
print(f"seed {seed}: " + ", ".join(f"{n} {what}" for what, n in counts.items()))
sys.exit(1 if wrong or not counts["published"] or not counts["kills"] else 0)
