#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a disk may hold after the power went, made from what recorder.c wrote down, and whether the store stands it.

    power_loss.py see STORE FILE                  what the store shows, into FILE
    power_loss.py changes STORE FILE              the changes that its audit log has, into FILE
    power_loss.py whole LOG ROOT                  is what was recorded all that was done? The folder against the log
    power_loss.py states LOG SEEN COUNT SEED      COUNT states, each opened and checked
    power_loss.py syncs LOG SEEN LIST SEED        for each kind of sync in LIST: does a state show that it is needed?

VITRINE is the program; states are made below $TMPDIR. SEEN/N is what step N showed once it was done; marks in the log
say when steps began and were done ("mark \\t 0 \\t NS \\t 0 \\t begin|done \\t N"). Ends with 1 if anything is wrong.

The model. The power goes between two records. A disk then holds
 - of a file: what it was when it was last synced (fsync, fdatasync), and of what came later any part that a cache can
   have written back: each of its blocks, of 512 or 4096 bytes, is as it was at some moment from then on, and so is its
   length. What a block does not have yet is zeros. MANIFEST-N alone never has zeros before bytes: it is grown, and
   its length is not ahead of its bytes (as ext4, XFS and btrfs have it). RocksDB 7.8 refuses one with a hole; with
   STRICT=1 the store meets those, too, and some do not open.
 - of a folder: every name made, moved or removed before its last fsync; of what came later some first part, in the
   order in which it happened. Folders are independent of each other, but a move between two is in both or in none.
   Syncing a file does not make its name durable, nor does syncing a folder that of the folder itself. (ext4, XFS and
   btrfs promise more; a store is to stand on what POSIX promises.)
Modes, owners and times are not part of it; nor is run/ (sockets, log), except run/mounts.

What must hold: the store opens without help, `verify` and `audit verify` find nothing, and it shows just what it
showed after the last step that was done, or, if the next one had begun, what it shows after that: nothing between.
The audit log has each change that was answered, and at most one more for the step under way, in order.
"""
import collections
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from control import Client, Refused

program = os.environ["VITRINE"]
IGNORED = ("run/server.log*", "run/*.sock", "run/.*", "index/LOG*", "audit/reserve")
GROWN = "" if os.environ.get("STRICT") else "store/index/MANIFEST-*"
TRIES = 120  # states for a kind of sync


# ---- what a store shows -----------------------------------------------------------------------

def attempt(ask):
    try:
        return ask()
    except Refused as refused:
        return refused.code


def contents(client, dataset, version):
    """SHA-256 of every file, as the one who asks may read it."""
    target = {"dataset": dataset, "version": version}
    rows = attempt(lambda: client.ask("list", path="", recursive=True, **target)[1])
    if isinstance(rows, str):
        return rows

    def digest(path):
        return hashlib.sha256(b"".join(blob for _, blob in client.answers("cat", {"path": path, **target}))).hexdigest()
    return {row["path"]: attempt(lambda row=row: digest(row["path"])) for row in rows if row["type"] == "file"}


def see(store):
    client = Client(store)
    shown = {"datasets": client.ask("datasets")[1], "versions": {}, "contents": {}, "labels": {}}
    for op in ("rules", "partners"):
        shown[op] = client.ask(op)[1]
    shown["leases"] = client.ask("leases", all=True)[1]
    for lease in shown["leases"]:  # one that had begun to end is brought to its end at opening
        lease.pop("ended", None)
    for row in shown["datasets"]:
        name = row["dataset"]
        versions = attempt(lambda name=name: client.ask("versions", dataset=name)[1])
        shown["versions"][name] = versions
        for version in versions if isinstance(versions, list) else []:
            key = f"{name}@{version['version']}"
            shown["contents"][key] = contents(client, name, version["version"])
            shown["labels"][key] = attempt(lambda name=name, version=version: b"".join(
                blob for _, blob in client.answers("labels", {"dataset": name, "version": version["version"]})).hex())
    return shown


def changes(store):
    """(kind, when) of the changes that the audit log has, in order."""
    lines = []
    for name in sorted(os.listdir(os.path.join(store, "audit"))):
        if name.endswith(".log"):
            with open(os.path.join(store, "audit", name), "rb") as file:
                lines += [json.loads(line) for line in file]
    return [[line["kind"], line["at"]] for line in lines if "at" in line]


# ---- the log ----------------------------------------------------------------------------------

class Log:
    """The records as events on objects: files and folders, numbered anew each time that they are made."""

    def __init__(self, path):
        self.objects = 1  # 0 is the root
        self.names = {0: {}}  # folder: its names, as of the last event
        self.folders = {0}
        self.by_inode = {}
        self.grown = set()  # files whose length is not ahead of their bytes
        self.data = collections.defaultdict(list)  # file: (index, operation, number, bytes)
        self.edits = []  # (index, folders, [(folder, name, object or None)])
        self.syncs = []  # (index, object, kind, path, who asked)
        self.marks = []  # (index, when, step, ns)
        with open(path, "rb") as file:
            everything = file.read()
        at = index = 0
        while at < len(everything):
            end = everything.index(b"\n", at)
            operation, inode, number, length, name, other = everything[at:end].decode().split("\t")
            at = end + 1 + int(length)
            self.take(index, operation, int(inode), int(number), name, other, everything[end + 1:at])
            index += 1
        self.length = index

    def find(self, path):
        """(folder, name, object or None)"""
        folder, parts = 0, path.split("/")
        for part in parts[:-1]:
            folder = self.names[folder][part]
        return folder, parts[-1], self.names[folder].get(parts[-1])

    def edit(self, index, *edits):
        self.edits.append((index, {folder for folder, _, _ in edits}, edits))
        for folder, name, thing in edits:
            if thing is None:
                self.names[folder].pop(name, None)
            else:
                self.names[folder][name] = thing

    def make(self, index, inode, path, is_folder):
        folder, name, _ = self.find(path)
        self.by_inode[inode] = self.objects
        if is_folder:
            self.folders.add(self.objects)
            self.names[self.objects] = {}
        elif fnmatch.fnmatch(path, GROWN):
            self.grown.add(self.objects)
        self.edit(index, (folder, name, self.objects))
        self.objects += 1

    def take(self, index, operation, inode, number, path, other, data):
        if operation == "mark":
            self.marks.append((index, path, int(other), number))
        elif operation in ("create", "mkdir"):
            self.make(index, inode, path, operation == "mkdir")
        elif operation in ("write", "truncate", "extend"):
            self.data[self.by_inode[inode]].append((index, operation, number, data))
        elif operation in ("fsync", "fdatasync"):
            # A folder that was there before is the root, or none that we know.
            self.syncs.append((index, self.by_inode.get(inode, 0), operation, path or ".", other))
        elif operation in ("unlink", "rmdir"):
            folder, name, thing = self.find(path)
            if thing is not None:  # nameless files and sockets were not seen to come
                self.edit(index, (folder, name, None))
        elif operation in ("link", "rename"):
            folder, name, thing = self.find(path)
            if thing is not None:
                gone = [(folder, name, None)] if operation == "rename" else []
                self.edit(index, *gone, (*self.find(other)[:2], thing))
        else:
            sys.exit(f"cannot follow {operation} of {path} ({number})")

    def step_at(self, index):
        """(the last step that was done before index, or 0; the one under way, or None; ns of the former)"""
        done, under_way, ns = 0, None, 0
        for at, when, step, time in self.marks:
            if at >= index:
                break
            if when == "begin":
                under_way = step
            else:
                done, under_way, ns = step, None, time
        return done, under_way, ns


# ---- states -----------------------------------------------------------------------------------

def apply(content, operation, number, data):
    """One event on a file's bytes."""
    if operation == "truncate":
        del content[number:]
        content.extend(bytes(number - len(content)))
    elif operation == "extend":
        content.extend(bytes(max(0, number - len(content))))
    else:
        content.extend(bytes(max(0, number + len(data) - len(content))))
        content[number:number + len(data)] = data


def tear(random_, moments):
    """A file whose blocks are of different moments, each given by its bytes then."""
    size, torn = random_.choice((512, 4096)), bytearray(len(random_.choice(moments)))
    for at in range(0, len(torn), size):
        block = random_.choice(moments)[at:min(at + size, len(torn))]
        torn[at:at + len(block)] = block
    return torn


def cut(random_, moments):
    """A file that was grown, up to some block."""
    grown = random_.choice(moments)
    size = random_.choice((512, 4096))
    return grown[:random_.choice([len(grown), *range(len(moments[0]), len(grown), size)])]


class State:
    """One legal state after the power went before record `index`. `without` says which syncs did not happen."""

    def __init__(self, log, index, random_, manner, without=lambda sync: False, victim=None):
        self.log, self.index, self.random, self.manner = log, index, random_, manner
        self.synced = {}
        for sync in log.syncs:
            if sync[0] >= index:
                break
            if not without(sync):
                self.synced[sync[1]] = sync[0]
        self.edits = [edit for edit in log.edits if edit[0] < index]
        open_files = [file for file in log.data
                      if any(self.synced.get(file, -1) < event[0] < index for event in log.data[file])]
        required = self.required()
        open_folders = sorted({folder for edit, must in zip(self.edits, required) if not must for folder in edit[1]})
        if manner == "one":  # what loses all that it can; all else is whole
            loose = [victim] if victim is not None else open_files + open_folders
            self.victims = {random_.choice(loose)} if loose else set()
        else:
            self.victims = set(open_files + open_folders)
        self.tree = self.names(required)

    def required(self):
        """Which edits must be there: those synced in one of their folders, and all before them there."""
        must = [any(edit[0] < self.synced.get(folder, -1) for folder in edit[1]) for edit in self.edits]
        held = set()
        for i in range(len(self.edits) - 1, -1, -1):
            must[i] = must[i] or bool(held & self.edits[i][1])
            if must[i]:
                held |= self.edits[i][1]
        return must

    def keeps(self):
        """Is a name there that was not synced?"""
        return {"all": True, "none": False, "one": False}.get(self.manner, self.random.random() < 0.7)

    def names(self, required):
        tree, shut = collections.defaultdict(dict), set()
        for (_, folders, edits), must in zip(self.edits, required):
            lost = bool(folders & shut) or bool(folders & self.victims) and not self.keeps()
            if lost and not must:
                shut |= folders
                continue
            for folder, name, thing in edits:
                if thing is None:
                    tree[folder].pop(name, None)
                else:
                    tree[folder][name] = thing
        return tree

    def content(self, file):
        content = bytearray()
        events = [event for event in self.log.data[file] if event[0] < self.index]
        later = sum(event[0] > self.synced.get(file, -1) for event in events)
        for event in events[:len(events) - later]:
            apply(content, *event[1:])
        moments = [bytes(content)]
        for event in events[len(events) - later:]:
            apply(content, *event[1:])
            moments.append(bytes(content))
        if file not in self.victims or self.manner == "all":
            return moments[-1]
        if self.manner in ("none", "one"):
            return moments[0]
        if self.manner == "random":
            return self.random.choice(moments)
        return cut(self.random, moments) if file in self.log.grown else tear(self.random, moments)

    def make(self, path, folder=0):
        os.makedirs(path, exist_ok=True)
        for name, thing in self.tree[folder].items():
            place = os.path.join(path, name)
            if thing in self.log.folders:
                self.make(place, thing)
            else:
                with open(place, "wb") as file:
                    file.write(self.content(thing))


# ---- checks -----------------------------------------------------------------------------------

def run(store, *arguments):
    environment = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "RECORD_ROOT")}
    done = subprocess.run([program, *arguments], env={**environment, "VITRINE_STORE": store, "VITRINE_IDLE_SECONDS": "5"},
                          capture_output=True, check=False, timeout=120, text=True)
    return done.returncode, done.stdout + done.stderr


def differences(a, b, place=""):
    """Where two values differ, in a line."""
    if isinstance(a, dict) and isinstance(b, dict):
        return "; ".join(filter(None, (differences(a.get(key), b.get(key), f"{place}/{key}") for key in {*a, *b})))
    return "" if a == b else f"{place}: {json.dumps(a)[:200]}, expected {json.dumps(b)[:200]}"


def check_changes(found, log, index, expected):
    done, under_way, ns = log.step_at(index)
    answered = sum(at <= ns for _, at in expected)
    last = expected[len(found) - 1:len(found)]
    if found and last and last[0][0] == found[-1][0] == "lease.end":  # ended at opening: it has another time
        found = found[:-1] + last
    if found != expected[:len(found)]:
        return "the audit log has other changes"
    if len(found) < answered:
        return f"the audit log lacks changes: {len(found)} of {answered}"
    if under_way is None and len(found) > answered:
        return f"the audit log has changes after step {done}"
    return None


def check_open(store, log, index, seen):
    """What is wrong with a store that runs, or None."""
    done, under_way, _ = log.step_at(index)
    shown = see(store)
    if "draining" in [lease["state"] for lease in shown["leases"]]:  # is being ended
        time.sleep(1)
        shown = see(store)
    if shown != seen[done] and shown != seen.get(under_way):
        return f"after step {done}: {differences(shown, seen[done])}"
    for command in (("verify",), ("audit", "verify")):
        status, text = run(store, *command)
        if status != 0:
            return f"{' '.join(command)}: {text}"
    return check_changes(changes(store), log, index, seen["changes"])


def check(root, log, index, seen):
    """What is wrong with the store in root, or None."""
    store = os.path.join(root, "store")
    done = log.step_at(index)[0]
    status, text = run(store, "ls")
    if status == 4 and done == 0:
        return None  # init was not done: no store yet
    if status != 0:
        return f"it does not open: {text}"
    pid = Client(store).ask("hello")[0]["pid"]
    try:
        return check_open(store, log, index, seen)
    finally:
        os.kill(pid, signal.SIGKILL)


def check_state(state, seen):
    with tempfile.TemporaryDirectory(prefix="vitrine-e2e.") as root:
        state.make(root)
        try:
            return check(root, state.log, state.index, seen)
        except (OSError, Refused, subprocess.TimeoutExpired) as problem:
            return f"it fails: {problem}"


def whole(log, root):
    """What the folder has and the log has not, in words. What is there now was not torn: all is kept."""
    state = State(log, log.length, random.Random(0), "all")
    with tempfile.TemporaryDirectory() as made:
        state.make(made)
        return compare(made, root)


def files_below(root):
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), root)
            if not any(fnmatch.fnmatch(path, "store/" + ignored) for ignored in IGNORED):
                found[path] = os.path.join(folder, name)
    return found


def compare(made, root):
    ours, theirs = files_below(made), files_below(root)
    wrong = [f"{path}: {'missed' if path in theirs else 'gone'}" for path in ours.keys() ^ theirs.keys()]
    for path in ours.keys() & theirs.keys():
        with open(ours[path], "rb") as a, open(theirs[path], "rb") as b:
            if a.read() != b.read():
                wrong.append(f"{path}: other bytes")
    return wrong


def load_seen(folder):
    """Steps by number, 0 a store that is not there; and all changes in the order of the log."""
    seen = {0: None}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            seen[int(name) if name.isdigit() else name] = json.load(file)
    return seen


# ---- commands ---------------------------------------------------------------------------------

MANNERS = ("none", "all", "one", "one", "random", "torn", "torn")


def states(log, seen, count, seed):
    """Every sync has a state before and one behind it as long as there are enough; the rest is between."""
    random_ = random.Random(seed)
    places = [place for index, *_ in log.syncs for place in (index, index + 1)]
    random_.shuffle(places)
    places = (places + [random_.randrange(log.length + 1) for _ in range(count)])[:count]
    wrong = 0

    def one(number):
        place = places[number]
        state = State(log, place, random.Random(f"{seed} {number}"), MANNERS[number % len(MANNERS)])
        return place, state.manner, check_state(state, seen)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for number, (place, manner, problem) in enumerate(pool.map(one, range(count))):
            if problem:
                wrong += 1
                print(f"state {number} (before record {place}, {manner}): {problem}", flush=True)
    at_syncs = len({*places, *(place - 1 for place in places)} & {index for index, *_ in log.syncs})
    print(f"{count} states, {at_syncs} of {len(log.syncs)} syncs; seed {seed}: {wrong} wrong")
    return wrong


class Kind:
    """A line of the list: VERDICT OPERATION PATH WHO PLACE, blanks between; shell patterns but for the first and last."""

    def __init__(self, line):
        self.verdict, *patterns, self.place = line.split(maxsplit=4)
        self.patterns = patterns

    def holds(self, sync):
        return all(fnmatch.fnmatch(text, pattern) for text, pattern in zip(sync[2:], self.patterns))

    def states(self, log, random_):
        """Places and manners that show what the syncs are for, if they are for anything."""
        ends = [index + 1 for index, when, _, _ in log.marks if when == "done"]
        mine = [sync for sync in log.syncs if self.holds(sync)]
        for number in range(TRIES if mine else 0):
            sync = random_.choice(mine)
            later = [end for end in ends if end > sync[0]][:1] if number % 2 else []
            place = later[0] if later else min(log.length, sync[0] + 1 + int(random_.expovariate(1 / 20)))
            yield State(log, place, random_, ("one", "none", "torn", "random")[number // 2 % 4], self.holds, sync[1])


def syncs(log, seen, path, seed):
    """Prints the list with what was found."""
    with open(path, encoding="utf-8") as file:
        kinds = [Kind(line) for line in file if line.strip() and not line.startswith("#")]
    wrong = 0
    for kind in kinds:
        random_, problem, tries = random.Random(seed), None, 0
        for state in kind.states(log, random_):
            tries += 1
            problem = check_state(state, seen)
            if problem:
                break
        wrong += kind.verdict == ("spare" if problem else "needed")
        print(f"{kind.verdict} {' '.join(kind.patterns)} ({kind.place.strip()}): "
              f"{'state ' + str(tries) + ': ' + problem.strip()[:300] if problem else f'nothing in {tries} states'}", flush=True)
    for sync in log.syncs:
        if not any(kind.holds(sync) for kind in kinds) and "rocksdb" not in sync[4]:
            wrong += 1
            print("not in the list:", *sync[2:])
    return wrong


def main():
    command, *rest = sys.argv[1:]
    if command == "see":
        shown = see(rest[0])
        with open(rest[1], "w", encoding="utf-8") as file:
            json.dump(shown, file)
    elif command == "changes":
        with open(rest[1], "w", encoding="utf-8") as file:
            json.dump(changes(rest[0]), file)
    elif command == "whole":
        wrong = whole(Log(rest[0]), rest[1])
        print(*wrong, sep="\n")
        return bool(wrong)
    elif command == "syncs":
        return syncs(Log(rest[0]), load_seen(rest[1]), rest[2], rest[3]) > 0
    elif command == "states":
        return states(Log(rest[0]), load_seen(rest[1]), int(rest[2]), rest[3]) > 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
