#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""crash_points.py record|kill FOLDER: kills Vitrine at each VT_CRASHPOINT() of the sources, and looks at what is left.

record plays every scene of crash_scenes.py twice, without a death: once to see which points are reached how often, and once to
take the state after every step. A point that no scene reaches is an error. Its findings are kept in FOLDER/record.json.

kill does so KILLS times, each at one point in one scene, on a fresh copy of its store. Each point has its turn at its first,
second and a random time; what KILLS leaves of that is drawn with SEED. After a death:

- the state is the one before or behind the step in which it came, and behind it if the step had said that it was done;
- that step, if it was not done, and all that follow go well, and the state in the end is the one without a death;
- `verify` and `audit verify` find nothing, and after `gc` there is nothing left that the scene without a death does not leave.

Environment: VITRINE, MAKE_AUDIT, OTHER (another copy of the program), ALICE and BOB (users). To look into one thing: SCENES, names
of those to play; ONLY, "SCENE POINT HIT" of the one death to die.
"""
import collections
import hashlib
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import crash_scenes
from store import keepers_of, pids_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 30  # seconds in which the next server must have finished what was begun
# Times, numbers given in order, and what has times in it.
UNSTABLE = {"rule", "lease", "fence", "serial", "digest", "label_digest", "created", "made", "asked", "since", "until", "ended", "at", "stored_bytes"}
NO_CHANGE = {"start", "heartbeat", "segment", "key", "access", "deny", "gap", "leftover"}  # records that are no part of a change


class Failure(Exception):
    pass


def points():
    """Names of all points, from the sources; a repair dies at its own in repair.sh."""
    found = re.findall(r'VT_CRASHPOINT\("([a-z-]+)"\)', "".join(path.read_text() for top in ("index", "policy", "fs", "tools") for path in (ROOT / top).rglob("*.c")))
    assert len(found) == len(set(found)), "a name stands in two places"
    return sorted(name for name in found if not name.startswith("repair-"))


def stable(value):
    """What is the same in each run, of a JSON value."""
    if isinstance(value, dict):
        return {key: stable(member) for key, member in value.items() if key not in UNSTABLE}
    return [stable(member) for member in value] if isinstance(value, list) else value


def rows(text):
    """Of an output in lines of JSON; none of a command that failed: its object went a moment before."""
    return [] if text.startswith("status") else [json.loads(line) for line in text.splitlines()]


# Opens a file and says how reading it goes whenever a line comes.
HOLDER = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
print("held", flush=True)
for line in sys.stdin:
    try:
        print("ok" if os.pread(fd, 10, 0) else "empty", flush=True)
    except OSError as error:
        print(os.strerror(error.errno), flush=True)
"""


class Stage:
    """A store and what is around it, for one run of a scene."""

    def __init__(self, folder, setting, crash=None):
        self.folder, self.setting = folder, setting
        self.store, self.mnt = os.path.join(folder, "store"), os.path.join(folder, "mnt")
        self.program, self.other, self.make_audit = setting.program, setting.other, setting.make_audit
        # A confined server could not say which points it reaches.
        self.clean = os.environ | {"VITRINE_STORE": self.store, "VITRINE_IDLE_SECONDS": "60", "VITRINE_CONFINE": "no"}
        self.env = self.clean | (crash or {})
        self.holder = self.waiting = None
        self.is_mounted = False
        os.makedirs(self.mnt, exist_ok=True)

    def failure(self, text):
        return Failure(text)

    # ---- commands

    def _user(self, user):
        if not user:
            return {}
        entry = self.setting.users[user]
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def begin(self, words, user=""):
        return subprocess.Popen([self.program, *words], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._user(user))

    def run(self, words, user="", program=None, env=None):
        done = subprocess.run([program or self.program, *words], env=env or self.env, capture_output=True, text=True, timeout=60, **self._user(user))
        self.said = done.stdout + done.stderr
        return done.returncode

    def ask(self, *words):
        """Its output, whatever its status; an error is part of it."""
        done = subprocess.run([self.program, *words], env=self.clean, capture_output=True, text=True, timeout=60)
        return done.stdout if done.returncode == 0 else f"status {done.returncode}"

    def take(self, step):
        """The step's status."""
        if callable(step.do):
            return step.do(self)
        if isinstance(step.do, str):  # "dies POINT COMMAND…"
            _, point, *words = step.do.split()
            return self.die_in(point, words)
        return self.run(step.do, step.user)

    def die_in(self, point, words):
        """A server of its own dies there: the one that runs does not know of the point. 0: it did."""
        self.run(["stop", "--quiet"], env=self.clean)
        failed = self.run(words, env=self.clean | {"VITRINE_TEST_CRASH": point}) != 0
        return 0 if failed and not pids_of(self.store, "server") else 1

    # ---- readers of a mount

    def open_as(self, user, path):
        holder = subprocess.Popen(["env", "python3", "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **self._user(user))
        holder.stdout.readline()
        return holder

    def close_holder(self):
        if self.holder:
            self.holder.kill()
            self.holder.communicate()
            self.holder = None

    def held(self):
        if not self.holder:
            return "nothing"
        self.holder.stdin.write("\n")
        self.holder.stdin.flush()
        return self.holder.stdout.readline().strip()

    def read(self, user, path):
        """How reading a file of the mount goes."""
        done = subprocess.run(["timeout", "20", "cat", os.path.join(self.mnt, path)], capture_output=True, env=self.clean, **self._user(user))
        return hashlib.sha256(done.stdout).hexdigest() if done.returncode == 0 else done.stderr.decode().strip().rpartition(": ")[2] or f"status {done.returncode}"

    def is_dead_mount(self):
        return subprocess.run(["timeout", "20", "stat", self.mnt], capture_output=True, check=False).returncode != 0

    # ---- the state

    def _dataset(self, name, state):
        log = rows(self.ask("log", name, "--json"))
        state[f"log {name}"] = stable(log)
        state[f"gate {name}"] = self.ask("gate", "show", name)
        for version in (row["version"] for row in log if row["state"] == "live"):
            at = f"{name}@{version}"
            state[f"labels {at}"] = re.sub(r'"time":"[^"]*"', "", self.ask("export-labels", at))
            state[f"bytes {at}"] = [hashlib.sha256(self.ask("cat", f"{at}:{path}").encode()).hexdigest() for path in ("d/1", "large")]
        state[f"decisions {name}"] = [self._decision(user, right, name) for user in self.setting.users for right in ("browse", "read")]

    def _decision(self, user, right, name):
        found = self.ask("explain", self.setting.users[user].pw_name, right, name, "--json")
        return [user, right] + [json.loads(found).get(key) for key in ("allowed", "reason")] if found.startswith("{") else [user, right, found]

    def _records(self):
        """How many of each kind; of mounts those that have not ended: one that a death ended may be made again."""
        kinds = collections.Counter(row["kind"] for row in rows(self.ask("audit", "list", "--json")))
        kinds["mount"] -= kinds.pop("umount", 0)
        return {kind: count for kind, count in sorted(kinds.items()) if kind not in NO_CHANGE}

    def state(self):
        if not os.path.exists(os.path.join(self.store, "vitrine.json")):
            return {"store": "none"}
        listed = self.ask("ls", "--json")
        if listed.startswith("status"):
            return {"store": listed + self.run_text("ls")}
        state = {"ls": stable(rows(listed))}
        for name, words in {"rules": ["rules"], "leases": ["lease", "list", "--all"], "partners": ["partner", "list"]}.items():
            state[name] = stable(rows(self.ask(*words, "--json")))
        for row in rows(listed):
            self._dataset(row["dataset"], state)
        if self.setting.mounted:
            state["mount"] = [self.read(user, f"birds/{version}/d/1") for user in self.setting.users for version in ("v1", "v2")]
            state["held"] = self.held()
        state["records"] = self._records()
        return state

    def run_text(self, *words):
        self.run(list(words), env=self.clean)
        return self.said

    def leftovers(self):
        """How much lies in the store once all is over and gc was there: no more however often it was killed."""
        problems = []
        for words in (["verify", "--quiet"], ["audit", "verify", "--quiet"], ["gc", "--now", "--quiet"]):
            if self.run(words, env=self.clean) != 0:
                problems.append(f"{' '.join(words)}: {self.said}")
        if problems:
            raise Failure("\n".join(problems))
        rest = json.loads(self.ask("gc", "--now", "--dry-run", "--json"))
        summary = rows(self.ask("verify", "--json"))[-1]["summary"]
        self.run(["stop", "--quiet"], env=self.clean)
        files = {top: len([name for name in files if not name.startswith("server.log")]) for top, _, files in os.walk(self.store)}
        return {
            **{f"{key} to free": rest[key] for key in ("pages", "chunks", "recipes", "shards")},
            # Not how many: what a publish that died had taken in, the next one may refer to.
            "strays": sum(count for top, count in files.items() if "/shards" in top) - summary["shards"],
            **{f"files in {name}": files.get(os.path.join(self.store, name), 0) for name in ("stamps", "keys", "run", "run/mounts")},
            "in index/trial": os.path.exists(os.path.join(self.store, "index/trial")),
            "in tmp": len(os.listdir(os.path.join(self.store, "tmp"))),
        }

    # ---- the end

    def end(self):
        self.close_holder()
        if self.waiting and self.waiting.poll() is None:
            self.waiting.kill()
        if self.setting.mounted:
            subprocess.run(["umount", "-l", self.mnt], capture_output=True, check=False)
        for pid in pids_of(self.store):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.waiting:
            self.waiting.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Setting:
    """What all stages of a scene share."""

    def __init__(self, folder, mounted=False):
        self.folder, self.mounted = folder, mounted
        self.program, self.other, self.make_audit = (os.environ[name] for name in ("VITRINE", "OTHER", "MAKE_AUDIT"))
        self.users = {name: pwd.getpwnam(os.environ[name.upper()]) for name in ("alice", "bob")}
        self.stages = 0

    def stage(self, base, crash=None):
        """A new one, with a copy of a prepared store."""
        self.stages += 1
        folder = os.path.join(self.folder, f"run-{os.getpid()}-{self.stages}")
        os.makedirs(folder, 0o711)
        os.chmod(folder, 0o711)
        if os.path.exists(base):
            subprocess.run(["cp", "-a", "--reflink=auto", base, os.path.join(folder, "store")], check=True)
        return Stage(folder, self, crash)


def steps_of(scene):
    return [step if isinstance(step, crash_scenes.Step) else crash_scenes.Step(step) for step in scene.steps]


def words_of(step):
    return step.do.__name__ if callable(step.do) else " ".join(step.do)


# ---- recording ---------------------------------------------------------------------------------------------------------------


def prepare(setting, scene, base):
    if scene.first_of_all:
        return
    stage = setting.stage("")
    for words in [["init", "--quiet"], *scene.prepare, ["stop", "--quiet"]]:
        step = words if isinstance(words, crash_scenes.Step) else crash_scenes.Step(words)
        if stage.take(step) != 0:
            raise Failure(f"{scene.name} cannot be prepared: {words}: {stage.said}")
    os.rename(stage.store, base)
    stage.end()


def play(stage, scene, after=None):
    for step in steps_of(scene):
        status = stage.take(step)
        if status != step.status:
            raise Failure(f"scene {scene.name}, {words_of(step)}: status {status}, expected {step.status}: {getattr(stage, 'said', '')}")
        if after:
            after()


def record(folder, scenes):
    found = {}
    for scene in scenes:
        begun = time.monotonic()
        setting = Setting(folder, scene.mounted)
        base = os.path.join(folder, "base-" + scene.name)
        prepare(setting, scene, base)
        reached = os.path.join(folder, "reached-" + scene.name)
        open(reached, "w", encoding="ascii").close()
        os.chmod(reached, 0o666)
        stage = setting.stage(base, {"VITRINE_TEST_CRASH_REACHED": reached})
        try:
            play(stage, scene)
        finally:
            stage.end()
        stage = setting.stage(base)
        try:
            states = [stage.state()]
            play(stage, scene, lambda: states.append(stage.state()))
            rest = stage.leftovers()
        finally:
            stage.end()
        hits = collections.Counter(pathlib.Path(reached).read_text(encoding="ascii").split())
        found[scene.name] = {"hits": hits, "states": states, "leftovers": rest, "seconds": time.monotonic() - begun}
    with open(os.path.join(folder, "record.json"), "w", encoding="ascii") as file:
        json.dump(found, file)
    missing = [name for name in points() if not any(name in scene["hits"] for scene in found.values())]
    if missing:
        raise Failure("no scene reaches " + ", ".join(missing))
    print(f"{len(points())} points, reached {sum(sum(scene['hits'].values()) for scene in found.values())} times in {len(found)} scenes")


# ---- killing -----------------------------------------------------------------------------------------------------------------


def differences(state, other):
    return sorted(key for key in state.keys() | other.keys() if state.get(key) != other.get(key))


def settle(stage, candidates, patient, ignored):
    """Which of the states, by number, the store is in, the first that fits but for what is ignored; None: in none."""
    ends = time.monotonic() + (PATIENCE if patient else 0)
    while True:
        state = stage.state()
        for parts in ((), ignored):
            for number, wanted in sorted(candidates, key=lambda candidate: candidate[0]):
                if all(any(key.startswith(name) for name in parts) for key in differences(state, wanted)):
                    return number, state
        if time.monotonic() > ends:
            return None, state
        time.sleep(0.05)


def revive(stage, point):
    """A keeper that dies with its server takes the mount with it; then it is mounted again."""
    if not stage.is_mounted or not stage.is_dead_mount():
        return False
    if not point.startswith("keeper-") or keepers_of(stage.store):
        raise Failure("the mount is dead")
    stage.close_holder()
    if stage.run(["mount", "--quiet", stage.mnt], env=stage.clean) != 0:
        raise Failure(f"it cannot be mounted again: {stage.said}")
    return True


def judge(stage, scene, found, point, number, status):
    """After a death in step `number`, which ended with `status`."""
    steps, states = steps_of(scene), found["states"]
    step = steps[number]
    done = status == step.status and status == 0
    revived = revive(stage, point)
    candidates = [(number + 1, states[number + 1])] + ([] if done else [(number, states[number])])
    if scene.name == "expiry":
        candidates += [(i, states[i]) for i in range(number + 2, len(states))]
    ignored = scene.loose + (() if done else step.open) + (("held",) if revived else ())
    at, state = settle(stage, candidates, not done, ignored)
    if at is None:
        wanted = candidates[0][1]
        raise Failure("\n".join(f"{key}: is {state.get(key)}, was to be {' or '.join(str(c[1].get(key)) for c in candidates)}" for key in differences(state, wanted)))
    replay(stage, scene, found, at, number)


def replay(stage, scene, found, at, died_in):
    """All that is left of the scene, with nobody dying."""
    steps = steps_of(scene)
    stage.env = stage.clean
    for i in range(at, len(steps)):
        status = stage.take(steps[i])
        right = status == steps[i].status or (i == died_in and status in steps[i].again) or scene.loose
        if not right:
            raise Failure(f"afterwards '{words_of(steps[i])}': status {status}: {getattr(stage, 'said', '')}")
    at, state = settle(stage, [(len(steps), found["states"][-1])], True, scene.loose + steps[died_in].open)
    if at is None:
        raise Failure("in the end " + "\n".join(f"{key}: is {state.get(key)}, was to be {found['states'][-1].get(key)}" for key in differences(state, found["states"][-1])))
    rest = stage.leftovers()
    if any(rest[what] > number for what, number in found["leftovers"].items()):
        raise Failure(f"left over: {rest}, without a death {found['leftovers']}")


def die(setting, scene, found, point, hit):
    """False when the point was not reached so often this time."""
    count = os.path.join(setting.folder, "count")
    open(count, "w", encoding="ascii").close()
    os.chmod(count, 0o666)
    stage = setting.stage(os.path.join(setting.folder, "base-" + scene.name), {"VITRINE_TEST_CRASH": f"{point}:{hit}", "VITRINE_TEST_CRASH_REACHED": count})
    try:
        for number, step in enumerate(steps_of(scene)):
            status = stage.take(step)
            if os.path.getsize(count) >= hit * (len(point) + 1):
                judge(stage, scene, found, point, number, status)
                return True
            if status != step.status:
                raise Failure(f"'{words_of(step)}' before any death: status {status}: {getattr(stage, 'said', '')}")
        return False
    except subprocess.TimeoutExpired as late:
        raise Failure(f"hangs: {late}") from late
    except Failure as failure:
        where = words_of(step)
        log = pathlib.Path(stage.store, "run/server.log")
        tail = "".join(log.read_text(errors="replace").splitlines(True)[-8:]) if log.exists() else ""
        raise Failure(f"died at {point}:{hit} in scene {scene.name}, '{where}': {failure}\n{tail}") from failure
    finally:
        stage.end()


def plan(found, kills, chance):
    """(scene, point, hit), as many as wanted: the first, second and a random time of each point, then more random ones."""
    places = collections.defaultdict(list)
    for scene, facts in found.items():
        for point, hits in facts["hits"].items():
            places[point] += [(scene, point, hit + 1) for hit in range(hits)]
    first = [(place[0], place[min(1, len(place) - 1)], chance.choice(place)) for place in places.values()]
    wanted = [place for three in first for place in three]
    chance.shuffle(wanted)
    while len(wanted) < kills:
        wanted.append(chance.choice(places[chance.choice(sorted(places))]))
    return wanted[:kills]


def kill(folder, scenes, kills, seed):
    with open(os.path.join(folder, "record.json"), encoding="ascii") as file:
        found = json.load(file)
    by_name = {scene.name: scene for scene in scenes}
    only = os.environ.get("ONLY")
    wanted = plan(found, kills, random.Random(seed))
    if only:
        scene, point, hit = only.split()
        wanted = [(scene, point, int(hit))]
    killed = missed = violations = 0
    begun = time.monotonic()
    for scene, point, hit in wanted:
        try:
            if die(Setting(folder, by_name[scene].mounted), by_name[scene], found[scene], point, hit):
                killed += 1
            else:
                missed += 1
        except Failure as failure:
            killed += 1
            violations += 1
            print(failure, flush=True)
    seconds = time.monotonic() - begun
    print(f"{killed} kills at {len({place[1] for place in wanted})} points, {violations} violations; {missed} not reached so often; seed {seed}, {seconds:.0f} s")
    return violations > 0 or missed > killed // 10


def main():
    what, folder = sys.argv[1:]
    sources = os.path.join(folder, "sources")
    first = what == "record"
    if first:
        os.makedirs(sources)
    scenes = crash_scenes.make(sources, os.environ["ALICE"], os.environ["BOB"], first)
    if os.environ.get("SCENES"):
        scenes = [scene for scene in scenes if scene.name in os.environ["SCENES"].split()]
    try:
        if first:
            record(folder, scenes)
            return 0
        return kill(folder, scenes, int(os.environ.get("KILLS", "24")), int(os.environ.get("SEED") or time.time()))
    except Failure as failure:
        print(failure)
        return 1


sys.exit(main())
