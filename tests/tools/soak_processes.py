# SPDX-License-Identifier: Apache-2.0
"""The processes of a store in soak.py: one who kills them, and one who watches what they take."""
import os
import signal
import statistics
import subprocess
import time

import soak_model
from store import is_death, keepers_of, pids_of

PUBLISHER_DIES = 0.15  # each second
STUCK_S = 120  # a read that takes longer hangs
WARM_UP = 0.25  # of the time behind the storm: memory is not judged
JUDGED_S = 120  # else it is too short for that
DESCRIPTORS = 16  # more of them, at most, in the end
KEPT_OPEN = (".sst", ".vsh")  # as many as there are, up to limits of their own
GROWTH = int(os.environ.get("GROWTH", "16")) << 20
KEEPER_GROWTH = 4 << 20


class Killer:
    def __init__(self, run):
        self.run = run
        self.killed = set()  # servers that were killed or told to go

    def wait_for_another(self, what, ask, before):
        ends = time.monotonic() + STUCK_S
        while (found := ask()) == before or not found:
            if time.monotonic() > ends:
                return self.run.complain(f"no other {what}")
            time.sleep(0.05)

    def kill_server(self):
        server = self.run.store.server()
        if server:
            self.killed.add(server)
            os.kill(server, signal.SIGKILL)
            self.wait_for_another("server", self.run.store.server, server)
            self.run.count("kills")

    def kill_keeper(self):
        keepers = keepers_of(self.run.store.path)
        for keeper in keepers:
            os.kill(keeper, signal.SIGKILL)
        self.wait_for_another("keeper", lambda: keepers_of(self.run.store.path), keepers)
        self.run.count("kills")

    def install(self):
        """Another copy of the program in its place, as a package brings it.

        By a process of its own: what another thread starts while we had the copy open to write would have it open, too,
        until it has become another program, and nobody could start the copy.
        """
        for program in (self.run.store.program + name for name in ("", "-store", "-publish")):
            subprocess.run(["cp", program, program + ".new"], check=True)
            os.rename(program + ".new", program)

    def upgrade(self):
        self.install()
        with self.run.quiet():
            self.killed.add(self.run.store.server())
            while (done := self.run.store.run("upgrade")).returncode == 6:
                time.sleep(0.05)  # a publish was about to begin
        if done.returncode == 0:
            self.run.count("upgrades")
        elif not is_death(done):
            self.run.complain(f"upgrade: status {done.returncode}: {done.stderr.strip()}\n{self.run.store.log_tail()}")

    def kill_publisher(self, rnd):
        running = [child for child in list(self.run.publishers.values()) if child.poll() is None]
        if running and rnd.random() < PUBLISHER_DIES:
            rnd.choice(running).kill()
            self.run.count("kills")

    def work(self, rnd):
        due = time.monotonic() + 2
        while self.run.goes_on():
            time.sleep(rnd.uniform(0.3, 2))
            if time.monotonic() > self.run.storm_ends or time.monotonic() < due:
                self.kill_publisher(rnd)
                continue
            rnd.choice([self.kill_server] * 5 + [self.kill_keeper, self.upgrade, self.upgrade])()
            due = time.monotonic() + rnd.uniform(3, 7)  # a keeper takes its time after 20 deaths in a minute


def target(pid, fd):
    try:
        return os.readlink(f"/proc/{pid}/fd/{fd}")
    except FileNotFoundError:
        return ""  # it was closed just now


class Sample:
    def __init__(self, pid):
        self.pid, self.at = pid, time.monotonic()
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            facts = dict(line.split(":", 1) for line in f)
        self.resident, self.own = (int(facts[name].split()[0]) << 10 for name in ("VmRSS", "RssAnon"))
        self.threads = int(facts["Threads"])
        open_files = [target(pid, fd) for fd in os.listdir(f"/proc/{pid}/fd")]
        self.kept = sum(path.endswith(KEPT_OPEN) for path in open_files)
        self.descriptors = len(open_files) - self.kept

    def __str__(self):
        memory = f"{self.resident / 2**20:.1f} MiB, {self.own / 2**20:.1f} of its own"
        return f"{memory}, {self.descriptors} descriptors and {self.kept} tables and shards, {self.threads} threads"


class Watcher:
    """Looks at the processes every second, and says how things are every minute."""

    def __init__(self, run, killer):
        self.run, self.killer = run, killer
        self.samples = {"server": [], "keeper": []}

    def look(self, kind, pids):
        try:
            sample = Sample(pids[0])
        except (IndexError, OSError, KeyError):
            return  # it died, or is not there yet
        before = self.samples[kind][-1] if self.samples[kind] else sample
        expected = before.pid in self.killer.killed if kind == "server" else sample.at < self.run.storm_ends + STUCK_S
        if sample.pid != before.pid and not expected:
            self.run.complain(f"{kind} {before.pid} died by itself")
        self.samples[kind].append(sample)

    def watch_readers(self):
        for reader in range(soak_model.READERS):
            begun = self.run.board.begun_ns(reader)
            if begun and time.monotonic_ns() - begun > STUCK_S * 10**9:
                self.run.complain(f"reader {reader} hangs")

    def say(self):
        minute = (time.monotonic() - self.run.begun) / 60
        done = {**self.run.board.counts(), **self.run.done}
        parts = [f"{number:,} {what}" for what, number in done.items()]
        parts += [f"{kind} {samples[-1].pid}: {samples[-1]}" for kind, samples in self.samples.items() if samples]
        print(f"minute {minute:.1f}: " + ", ".join(parts), flush=True)

    def work(self, _):
        said = time.monotonic()
        while self.run.goes_on():
            time.sleep(1)
            self.look("server", pids_of(self.run.store.path, "server"))
            self.look("keeper", keepers_of(self.run.store.path))
            self.watch_readers()
            if time.monotonic() > said + 60:
                said += 60
                self.say()

    def judge(self, kind, growth):
        """The last process, warm: the first quarter of the time and the last."""
        samples = self.samples[kind]
        warm = self.run.storm_ends + (self.run.ends - self.run.storm_ends) * WARM_UP
        lived = [sample for sample in samples if sample.pid == samples[-1].pid and sample.at > warm]
        quarter = len(lived) // 4
        if quarter == 0 or lived[-1].at - lived[0].at < JUDGED_S:
            return print(f"{kind}: it lived too shortly to say whether it grows")
        grown = {}
        for what in ("resident", "own", "descriptors"):
            first, last = (statistics.median(getattr(sample, what) for sample in part) for part in (lived[:quarter], lived[-quarter:]))
            grown[what] = last - first
        memory = f"{grown['resident'] / 2**20:+.1f} MiB, {grown['own'] / 2**20:+.1f} of its own"
        words = f"{kind}, {lived[-1].at - lived[0].at:.0f} s warm: {memory}, {grown['descriptors']:+.0f} descriptors"
        print(words, flush=True)
        if grown["resident"] > growth or grown["descriptors"] > DESCRIPTORS:
            self.run.complain(f"grows: {words}")
