#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""soak.py WORK MNT PRIVATE MINUTES [SEED]: everything at once, for long, and compared with a model of it.

Eight readers (soak_reader.py), of alice, bob and root, on the shared mount MNT and on alice's own, PRIVATE. For each dataset
somebody who publishes, and labels the newest version; somebody who labels older ones, and selects by labels; somebody who removes
older ones, so that there are never many. Somebody runs gc, somebody verifies. For each guarded dataset somebody grants, denies,
revokes and leases it. For the first part of the time servers, keepers and publishers are killed and servers upgraded, then only
publishers, so that one server lives on.

A line a minute: what was done so far; memory and descriptors of server and keeper. Ends with 1 if anything was wrong, if something
hung, or if memory or descriptors grew. VITRINE is the program, VITRINE_STORE the store, ALICE and BOB users. GROWTH: MiB that the
last server may grow.
"""
import contextlib
import errno
import json
import os
import pwd
import random
import signal
import sys
import threading
import time

import growing
import soak_model
import soak_reader
from soak_guard import Guard
from soak_processes import GROWTH, KEEPER_GROWTH, STUCK_S, Killer, Watcher
from store import Store, is_death

DATASETS = ("d0", "d1", "g0", "g1")
GUARDED = ("g0", "g1")
VERSIONS_KEPT = 5
STORM = 0.4  # of the time: servers die
CLASSES = ("cat", "dog", "owl", "lark")


class Run:
    """What all actors share."""

    def __init__(self, work, mount, minutes, seed):
        self.work, self.mount, self.seed = work, mount, seed
        self.store = Store(os.environ["VITRINE_STORE"], os.environ["VITRINE"])
        self.contents = growing.Contents(seed)
        self.versions = soak_model.Versions(os.path.join(work, "model"), DATASETS)
        self.board = soak_model.Board(GUARDED)
        self.lock = threading.Lock()
        self.older = {dataset: threading.Lock() for dataset in DATASETS}  # who labels or removes older versions
        self.publishers = {}
        self.one_waits, self.no_publish = threading.Lock(), threading.Event()
        self.done = {what: 0 for what in ("published", "edits", "removed", "gc", "changes", "narrowed", "selects", "verified", "kills", "upgrades")}
        self.begun = time.monotonic()
        self.storm_ends = self.begun + 60 * minutes * STORM
        self.ends = self.begun + 60 * minutes

    def goes_on(self):
        return time.monotonic() < self.ends and self.board.wrong() < 20

    def count(self, what):
        with self.lock:
            self.done[what] += 1

    def complain(self, words):
        self.board.complain(f"{time.strftime('%T')} {words}")

    @contextlib.contextmanager
    def quiet(self):
        """Meanwhile nobody publishes, and none that was killed is still being finished."""
        with self.one_waits:
            self.no_publish.set()
            try:
                while not (rows := self.store.rows("status")) or rows[0].get("imports") != 0:
                    time.sleep(0.05)
                yield
            finally:
                self.no_publish.clear()

    def wait_for_turn(self):
        while self.no_publish.is_set():
            time.sleep(0.02)

    def failed(self, done):
        """Of a command; complains of a failure that no death explains."""
        if done.returncode != 0 and not is_death(done):
            self.complain(f"{' '.join(done.args)}: status {done.returncode}: {done.stdout.strip()} {done.stderr.strip()}")
        return done.returncode != 0

    def live_versions(self, dataset):
        """Asked until there is an answer."""
        while (found := self.store.live_versions(dataset)) is None:
            time.sleep(0.05)
        return found


# ---- versions and labels -----------------------------------------------------------------------------------------------------


class Curator:
    """Publishes a dataset and labels its versions; what died on the way is there or not, and that is looked up."""

    def __init__(self, run, dataset):
        self.run, self.dataset = run, dataset
        self.source = growing.Source(os.path.join(run.work, dataset), run.contents, unique=True)

    def names(self):
        return self.run.versions.names(self.dataset)

    def newest(self):
        return max((name for name in self.names() if "." not in name), key=lambda name: int(name[1:]), default=None)

    def made(self, before, done, is_one):
        """The version that a command made; None: none."""
        if done.returncode == 0:
            return json.loads(done.stdout)["version"]
        with self.run.quiet():
            made = [name for name in self.run.live_versions(self.dataset) - before if is_one(name)]
        return made[0] if made else None

    def publish(self, rnd):
        self.run.wait_for_turn()
        files = self.source.change(rnd)
        labels = {}
        if newest := self.newest():
            labels = soak_model.carried(*self.run.versions.get(self.dataset, soak_model.newest_revision(self.names(), newest)), files)
        before = self.run.live_versions(self.dataset)
        words = ["publish", "--json", self.dataset, self.source.folder] + ["--open"] * (self.dataset not in GUARDED and not before)
        done = self.run.store.run(*words, begun=lambda child: self.run.publishers.update({self.dataset: child}))
        self.run.failed(done)
        if version := self.made(before, done, lambda name: "." not in name):
            self.run.versions.put(self.dataset, version, files, labels)
            self.run.count("published")

    def edit(self, rnd, version):
        """Labels of some files set, or taken away, in one step."""
        files, labels = self.run.versions.get(self.dataset, soak_model.newest_revision(self.names(), version))
        paths = rnd.sample(sorted(files), min(len(files), rnd.randint(1, 4)))
        key, value = rnd.choice([("class", rnd.choice(CLASSES)), ("score", rnd.randrange(100)), ("good", rnd.random() < 0.5)])
        labels = {path: dict(keys) for path, keys in labels.items()}
        labelled = [path for path in paths if key in labels.get(path, {})]
        if labelled and rnd.random() < 0.25:
            words, paths = ["rm", key], labelled
            for path in paths:
                del labels[path][key]
        else:
            words = ["set", f"{key}={value}" if isinstance(value, str) else f"{key}:={json.dumps(value)}"]
            for path in paths:
                labels.setdefault(path, {})[key] = value
        self.commit(version, words, paths, files, {path: keys for path, keys in labels.items() if keys})

    def commit(self, version, words, paths, files, labels):
        self.run.wait_for_turn()
        before = self.run.live_versions(self.dataset)
        target, listed = f"{self.dataset}@{version}", "".join(f"{path}\n" for path in paths)
        done = self.run.store.run("label", words[0], "--json", "--files-from=-", target, *words[1:], given=listed)
        if self.dataset in GUARDED and done.returncode in (3, 6):
            return  # leased: nobody else labels
        self.run.failed(done)
        if made := self.made(before, done, lambda name: name.startswith(version + ".")):
            self.run.versions.put(self.dataset, made, files, labels)
            self.run.count("edits")
            if self.dataset not in GUARDED:
                self.check_attributes(made, paths, labels)

    def check_attributes(self, version, paths, labels):
        """They tell what the newest revision says, whichever one the path names."""
        for path in paths:
            shown = os.path.join(self.run.mount, self.dataset, version, path)
            for key in ("class", "score", "good"):
                try:
                    found = os.getxattr(shown, f"user.vitrine.label.{key}").decode()
                except OSError as error:
                    found = error.errno
                value = labels.get(path, {}).get(key)
                if found != (errno.ENODATA if value is None else value if isinstance(value, str) else json.dumps(value)):
                    self.run.complain(f"{shown}: {key} is {found}, not {value}")

    def work(self, rnd):
        while self.run.goes_on():
            time.sleep(rnd.uniform(0, 0.6))
            if rnd.random() < 0.5:
                self.edit(rnd, self.newest())
            else:
                self.publish(rnd)

    def older_versions(self):
        """In one look: else what is published meanwhile would be among them, and the newest is its publisher's to label."""
        return [name for name in self.names() if "." not in name][:-1]

    def select(self, rnd, name):
        """By an expression, what the model says."""
        found = self.run.versions.get(self.dataset, name)
        wanted = rnd.choice(CLASSES)
        expected = {path for path, keys in found[1].items() if keys.get("class") == wanted}
        done = self.run.store.run("select", f"{self.dataset}@{name}", f"class={wanted}")
        if self.dataset in GUARDED and done.returncode in (3, 6):
            return
        if not self.run.failed(done):
            self.run.count("selects")
            if set(done.stdout.split()) != expected:
                self.run.complain(f"select {self.dataset}@{name} class={wanted}: {done.stdout.split()}, not {sorted(expected)}")

    def label_older(self, rnd):
        while self.run.goes_on():
            time.sleep(rnd.uniform(0.2, 1))
            with self.run.older[self.dataset]:
                versions = self.older_versions()
                if versions:
                    self.edit(rnd, rnd.choice(versions))
                    version = rnd.choice(versions)
                    self.select(rnd, soak_model.newest_revision(self.names(), version))

    def remove_older(self, rnd):
        """So that there are never many: what grows then is not what there is."""
        while self.run.goes_on():
            time.sleep(rnd.uniform(0, 0.3))
            self.remove(rnd)

    def remove(self, rnd):
        """One of the older ones if there are many; its revisions go first."""
        with self.run.older[self.dataset]:
            versions = self.older_versions()
            if len(versions) < VERSIONS_KEPT:
                return
            version = rnd.choice(versions)
            for name in reversed([name for name in self.names() if name == version or name.startswith(version + ".")]):
                if not self.remove_one(name):
                    return
            self.run.count("removed")

    def remove_one(self, name):
        found = self.run.versions.get(self.dataset, name)
        self.run.versions.take(self.dataset, name)
        done = self.run.store.run("rm", f"{self.dataset}@{name}")
        self.run.failed(done)
        is_gone = done.returncode == 0 or name not in self.run.live_versions(self.dataset)
        if not is_gone:
            self.run.versions.put(self.dataset, name, *found)
        return is_gone


def collect(run):
    with run.quiet():
        while "under way" in (done := run.store.run("gc", "--now")).stderr:  # it was about to begin
            time.sleep(0.05)
    if not run.failed(done):
        run.count("gc")


def collector(run, rnd):
    while run.goes_on():
        time.sleep(rnd.uniform(2, 6))
        collect(run)


def verifier(run, rnd):
    while run.goes_on():
        time.sleep(rnd.uniform(3, 10))
        if not run.failed(run.store.run(*rnd.choice([("verify",), ("audit", "verify"), ("ls",), ("stats", "d0"), ("who-can", "read", "g0")]))):
            run.count("verified")


# ---- the run -----------------------------------------------------------------------------------------------------------------


def start_readers(run, mounts, private, names):
    readers = []
    for number in range(soak_model.READERS):
        user = soak_model.USERS[number % 3]
        pid = os.fork()
        if pid == 0:
            entry = pwd.getpwnam(names[user])
            os.setgroups([])
            os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
            os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
            shown = [mounts, private] if user == "alice" else [mounts]
            status = 1
            try:
                soak_reader.Reader(number, user, shown, run.board, run.versions, run.contents, run.seed + number).run()
                status = 0
            finally:
                os._exit(status)
        readers.append(pid)
    return readers


def end_readers(run, readers):
    run.board.end()
    ends = time.monotonic() + STUCK_S
    while readers and time.monotonic() < ends:
        for pid in list(readers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                readers.remove(pid)
                if status:
                    run.complain(f"a reader failed: {status}")
        time.sleep(0.05)
    for pid in readers:
        run.complain(f"reader {pid} never ends")
        os.kill(pid, signal.SIGKILL)


def check_all(run, mount, curators):
    """Every version, whole: none is missing, none too much, none different."""
    reader = soak_reader.Reader(0, "root", [mount], run.board, run.versions, run.contents, run.seed)
    for curator in curators:
        dataset, names = curator.dataset, curator.names()
        if (live := run.live_versions(dataset)) != set(names):
            run.complain(f"{dataset}: versions {sorted(live ^ set(names))} are in one of store and model only")
        for name in names:
            files, labels = run.versions.get(dataset, name)
            for path in sorted(files) if "." not in name else ():  # a revision shows the same files
                reader.read_whole(dataset, name, path, files[path])
            for look in (reader.walk, reader.read_labels, reader.walk_label):
                look(dataset, name, files, labels)
    for words in (["verify"], ["audit", "verify"], ["gc", "--now"], ["verify"]):
        run.failed(run.store.run(*words))


def main():
    work, mount, private, minutes = sys.argv[1:4] + [float(sys.argv[4])]
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(1 << 30)
    print(f"seed {seed}, {minutes} minutes", flush=True)
    names = {"alice": os.environ["ALICE"], "bob": os.environ["BOB"], "root": "root"}
    run = Run(work, mount, minutes, seed)
    curators = [Curator(run, dataset) for dataset in DATASETS]
    for number, curator in enumerate(curators):
        curator.publish(random.Random(seed + number))
    guards = [Guard(run, dataset, names) for dataset in GUARDED]
    killer = Killer(run)
    watcher = Watcher(run, killer)
    readers = start_readers(run, mount, private, names)
    actors = [curator.work for curator in curators] + [curator.label_older for curator in curators] + [guard.work for guard in guards]
    actors += [curator.remove_older for curator in curators]
    actors += [killer.work, watcher.work, lambda rnd: collector(run, rnd), lambda rnd: verifier(run, rnd)]
    threads = [threading.Thread(target=act, args=(run, actor, random.Random(seed + 100 + i))) for i, actor in enumerate(actors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end_readers(run, readers)
    for guard in guards:
        guard.end()
    check_all(run, mount, curators)
    watcher.say()
    watcher.judge("server", GROWTH)
    watcher.judge("keeper", KEEPER_GROWTH)
    sys.exit(run.board.wrong() > 0 or run.done["published"] == 0 or run.done["narrowed"] == 0)


def act(run, actor, rnd):
    """An actor that fails ends the run, and not silently."""
    try:
        actor(rnd)
    except BaseException as failure:
        run.complain(f"{actor}: {failure!r}")
        raise


main()
