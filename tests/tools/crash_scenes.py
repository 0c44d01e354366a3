# SPDX-License-Identifier: Apache-2.0
"""The scenes of crash_points.py: short runs of commands that pass, together, every point at which Vitrine can be told to die.

A scene begins on a copy of a store that was made once (`prepare`). Its steps are commands, or functions that are called with
the stage. `steps` with a list of texts are run as root, Step() says more of one.
"""
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time
import typing

from store import keepers_of, pids_of


@dataclasses.dataclass
class Step:
    do: typing.Any  # words of a command, or a function of the stage
    user: str = ""  # who runs it; "": root
    status: int = 0  # how it ends when nobody dies
    again: tuple = ()  # how else it may end when it is tried again, having been done
    open: tuple = ()  # parts of the state that a death in it may leave otherwise


@dataclasses.dataclass
class Scene:
    name: str
    steps: list
    prepare: list = dataclasses.field(default_factory=list)
    mounted: bool = False
    # Parts of the state that a death may change for good, so that what comes after it may end otherwise, too.
    loose: tuple = ()
    first_of_all: bool = False  # no store is there before


def publish(*words, status=0):
    return Step(["publish", "--quiet", *words], status=status)


def wait_until(stage, what, is_so):
    for _ in range(400):
        if is_so():
            return
        time.sleep(0.025)
    raise stage.failure(f"waited in vain for {what}")


def init(stage):
    """What was cut short is no store, and in the way of one: the folder goes first, as `init` says."""
    status = stage.run(["init", "--quiet"])
    if status == 1 and "a new folder, or an empty one" in stage.said and not os.path.exists(os.path.join(stage.store, "vitrine.json")):
        shutil.rmtree(stage.store)
        status = stage.run(["init", "--quiet"])
    return status


# ---- leases ------------------------------------------------------------------------------------------------------------------


def stand_in_line(stage):
    """bob waits for what alice holds, in the background."""
    stage.waiting = stage.begin(["lease", "acquire", "birds", "--for", "1h", "--wait"], "bob")
    wait_until(stage, "bob in line", lambda: "queued" in stage.ask("lease", "list", "--json") or stage.waiting.poll() is not None)
    return 0 if stage.waiting.poll() is None else 1


def turn(stage):
    """bob's turn has come."""
    return stage.waiting.wait(20)


def wait_for_end(stage):
    wait_until(stage, "the end of a lease", lambda: "active" not in stage.ask("lease", "list", "--json"))
    return 0


# ---- mounts ------------------------------------------------------------------------------------------------------------------


def mount(stage):
    """Again where a keeper died with its server, which ends what it held: no more than a mount is lost."""
    status = stage.run(["mount", "--quiet", stage.mnt])
    if status == 0:
        stage.is_mounted = True
    return status


def lose_mount(stage):
    """The server dies with a mount that it has recorded and not served yet."""
    return stage.die_in("mount-recorded", ["mount", "--quiet", stage.mnt])


def hold(stage):
    """alice opens a file and keeps it open."""
    stage.holder = stage.open_as("alice", os.path.join(stage.mnt, "birds/v1/d/1"))
    return 0


def let_go(stage):
    stage.close_holder()
    return 0


def umount(stage):
    stage.is_mounted = False
    return stage.run(["umount", "--quiet", stage.mnt])


def kill_server(stage):
    """The server alone: its keeper starts another."""
    for pid in pids_of(stage.store, "server"):
        os.kill(pid, signal.SIGKILL)
    wait_until(stage, "another server", lambda: pids_of(stage.store, "server") and not stage.is_dead_mount() or not keepers_of(stage.store))
    return 0


def upgrade(stage):
    return stage.run(["upgrade", "--quiet"], program=stage.other)


# ---- an index -----------------------------------------------------------------------------------------------------------------


def lose_table(stage, source):
    """The index lists a table that is gone, and that nobody had been told of: as after a failed sync of the list."""
    status = stage.die_in("rows-ingested", ["publish", "--quiet", "birds", source])
    tables = [name for name in os.listdir(os.path.join(stage.store, "index")) if name.endswith(".sst")]
    os.unlink(os.path.join(stage.store, "index", max(tables)))
    return status


# ---- audit -------------------------------------------------------------------------------------------------------------------


def write_log(stage):
    """An audit log of many keys and files, as make_audit writes it."""
    log = [os.path.join(stage.folder, name) for name in ("log", "log-keys")]
    done = subprocess.run([stage.make_audit, *log], env=stage.env, capture_output=True, timeout=60)
    return done.returncode


def check_log(stage):
    return stage.run(["audit", "verify", "--quiet", "--dir", os.path.join(stage.folder, "log")])


# ---- all of them -------------------------------------------------------------------------------------------------------------


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def row(path, value, **more):
    return json.dumps({"path": path, "key": "class", "value": value, "annotator": "ann", "time": "2026-01-02T03:04:05Z"} | more) + "\n"


def sources(folder, fill):
    """Paths of what is published and imported, the same for all scenes; `fill`: it is made."""
    names = {name: os.path.join(folder, name) for name in ("one", "two", "three", "labels", "labels-2", "gate", "wrong-gate")}
    if not fill:
        return names
    for name in ("one", "two", "three"):
        os.makedirs(os.path.join(names[name], "d"))
        for i in range(1, 9):
            write(os.path.join(names[name], "d", str(i)), f"{name} {i % 5}\n" * (i * 40))
        write(os.path.join(names[name], "large"), "".join(f"{name} {i * 7919 % 100003}\n" for i in range(20000)))
    write(names["labels"], "".join(row(f"d/{i}", "ab"[i % 2]) for i in range(1, 9)))
    write(names["labels-2"], "".join(row(f"d/{i}", "cd"[i % 2]) for i in range(1, 9)))
    write(names["gate"], '{"duplicates": 100}\n')
    write(names["wrong-gate"], '{"unlabelled": 0}\n')
    return names


def make(folder, alice, bob, fill):
    """The cheap ones first: a point is died at in the first scene that reaches it so often."""
    s = sources(folder, fill)
    basic = [publish("birds", s["one"]), ["grant", alice, "read", "birds"], ["grant", bob, "read", "birds"]]
    labelled = [["import-labels", "birds", "--quiet", s["labels"]]]
    return [
        Scene("init", [init, ["ls"], ["stop", "--quiet"]], first_of_all=True),
        Scene(
            "publish",
            [
                publish("birds", s["two"]),
                publish("--open", "--labels", s["labels"], "lab/fish", s["one"]),
                publish("--open", "birds", s["three"], "--as", "gold"),  # and the versions before it
                publish("roads", s["three"], "--gate", s["wrong-gate"], status=1),
                ["stop", "--quiet"],
            ],
            basic,
        ),
        # What publishers left who died with their server, one in a new dataset.
        Scene("recover", [["ls"], ["stop", "--quiet"]], basic + ["dies import-moved publish birds " + s["two"]]),
        Scene("recover-new", [["ls"], ["stop", "--quiet"]], basic + ["dies import-moved publish new " + s["two"]]),
        # A list of tables that has to be cut before the index opens.
        Scene("cut", [["ls"], ["stop", "--quiet"]], [*basic, Step(lambda stage: lose_table(stage, s["two"]))]),
        # What a server had recorded of a mount that it never served.
        Scene("recover-mount", [["ls"], ["stop", "--quiet"]], [*basic, Step(lose_mount)]),
        Scene(
            "labels",
            [
                ["import-labels", "birds", "--quiet", s["labels"]],
                ["label", "--quiet", "set", "birds:d/1", "class=x"],
                ["import-labels", "birds", "--quiet", "--replace", s["labels-2"]],
                Step(["label", "--quiet", "rm", "birds:d/2", "class"], again=(1, 4)),
                ["stop", "--quiet"],
            ],
            basic,
        ),
        Scene(
            "postings",
            [
                ["import-labels", "roads", "--quiet", s["labels"]],
                ["select", "--count", "roads", "class=a"],
                Step(["rm", "--quiet", "--all", "birds"], again=(4,)),
                ["gc", "--now", "--quiet"],
                ["stop", "--quiet"],
            ],
            basic + labelled + [["select", "--count", "birds", "class=a"], publish("roads", s["one"])],
        ),
        Scene(
            "curate",
            [
                ["curate", "birds", "--quiet", "--where", "class=a", "--as", "some"],
                ["curate", "birds", "--quiet", "--as", "parts@p1", "--split", "train=0.5,test=0.5", "--by", "class"],
                ["gate", "set", "--quiet", "birds", s["gate"]],
                Step(["gate", "rm", "--quiet", "birds"], again=(4,)),
                ["stop", "--quiet"],
            ],
            basic + labelled,
        ),
        Scene(
            "catalog",
            [
                ["tag", "--quiet", "birds@v1", "gold"],
                ["tag", "--quiet", "birds@v2", "gold"],
                Step(["untag", "--quiet", "birds@gold"], again=(4,)),
                ["rollback", "--quiet", "birds@v1"],
                Step(["withdraw", "--quiet", "birds@v2", "--reason", "wrong"], again=(4,)),
                Step(["rm", "--quiet", "birds@v1"], again=(4,)),
                Step(["rm", "--quiet", "--all", "roads"], again=(4,)),
                ["gc", "--now", "--quiet"],
                ["stop", "--quiet"],
            ],
            basic
            + [publish("birds", s["two"]), publish("birds", s["three"]), publish("roads", s["two"]), ["grant", alice, "read", "roads"]]
            + [["import-labels", "birds@v2", "--quiet", s["labels"]], ["import-labels", "birds@v2", "--quiet", "--replace", s["labels-2"]]]
            + [["grant", alice, "read", "birds@v1"], ["lease", "acquire", "roads", "--for", "8h", "--user", alice]],
        ),
        Scene(
            "policy",
            [
                ["grant", alice, "browse", "birds"],
                ["deny", bob, "read", "birds"],
                Step(["revoke", alice, "read", "birds"], again=(4,)),
                ["partner", "add", "zeta", "--user", bob],
                ["grant", "partner:zeta", "read", "birds"],
                Step(["partner", "remove", "acme", "--user", alice], again=(4,)),
                Step(["partner", "end", "acme"], again=(4,)),
                ["clock", "accept"],
                ["stop", "--quiet"],
            ],
            basic + [["partner", "add", "acme", "--user", alice]],
        ),
        Scene(
            "lease",
            [
                ["ls"],  # only root starts a server
                Step(["lease", "acquire", "birds", "--for", "1h"], "alice"),
                Step(["lease", "acquire", "birds", "--for", "1h"], "bob", status=6),
                Step(["lease", "renew", "birds", "--for", "5h"], "alice"),
                Step(["lease", "release", "birds"], "alice", again=(4,)),
                Step(["lease", "acquire", "birds", "--for", "1h"], "bob"),
                Step(["lease", "break", "birds", "--reason", "needed"], again=(4,)),
                ["stop", "--quiet"],
            ],
            basic,
        ),
        # Who waits loses the place with the server.
        Scene(
            "turn",
            [
                ["ls"],  # only root starts a server
                Step(["lease", "acquire", "birds", "--for", "1h"], "alice"),
                stand_in_line,
                Step(["lease", "release", "birds"], "alice"),
                turn,
                Step(["lease", "release", "birds"], "bob"),
                ["stop", "--quiet"],
            ],
            basic,
            loose=("leases", "records", "decisions", "bytes", "labels", "gate"),
        ),
        Scene("audit", [write_log, write_log, check_log]),
        Scene(
            "mount",
            [
                Step(mount, open=("mount",)),
                hold,
                Step(["revoke", alice, "read", "birds"], again=(4,)),
                ["grant", alice, "read", "birds"],
                Step(["lease", "acquire", "birds", "--for", "1h"], "bob"),
                Step(["lease", "release", "birds"], "bob", again=(4,)),
                Step(["withdraw", "--quiet", "birds@v1", "--reason", "wrong"], again=(4,)),
                let_go,
                Step(umount, again=(1, 4), open=("mount",)),
                ["stop", "--quiet"],
            ],
            basic + [publish("birds", s["two"])],
            mounted=True,
        ),
        Scene("keeper", [Step(mount, open=("mount",)), hold, kill_server, let_go, Step(umount, again=(1, 4), open=("mount",)), ["stop", "--quiet"]], basic, mounted=True),
        Scene("upgrade", [Step(mount, open=("mount",)), hold, upgrade, let_go, Step(umount, again=(1, 4), open=("mount",)), ["stop", "--quiet"]], basic, mounted=True),
        Scene(
            "expiry",
            [["ls"], Step(["lease", "acquire", "birds", "--for", "1s"], "alice"), wait_for_end, ["stop", "--quiet"]],
            basic,
        ),
    ]
