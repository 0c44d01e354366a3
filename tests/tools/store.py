# SPDX-License-Identifier: Apache-2.0
"""A store and its processes, for tests that give commands while servers and publishers are killed."""
import contextlib
import json
import os
import pathlib
import pwd
import re
import subprocess

# What a command says whose server died under it, or was not there yet.
DIED = ("ended", "cannot reach", "did not start", "interrupted", "meanwhile")


def pids_of(store, kind="server|keeper"):
    """Its server and keeper, by the store in their arguments."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            words = pathlib.Path("/proc", entry, "cmdline").read_bytes().decode().split("\0") if entry.isdigit() else []
        except (OSError, UnicodeDecodeError):
            continue
        if store in words and re.fullmatch(kind, words[1] if len(words) > 1 else ""):
            found.append(int(entry))
    return found


def opened(pid):
    """The files that a process has open; none of one that has ended."""
    found = []
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    except OSError:
        pass
    return found


def keepers_of(store):
    """Those that hold a mount: one in reserve, as each server has from its start, holds nothing yet."""
    return [pid for pid in pids_of(store, "keeper") if "/dev/fuse" in opened(pid)]


class Store:
    PATIENCE = 300  # seconds for a command; one that takes longer hangs

    def __init__(self, path, program):
        self.path, self.program = path, program

    def begin(self, *words, user=None, **how):
        if user and user != "root":
            entry = pwd.getpwnam(user)
            how |= {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        env = os.environ | {"VITRINE_STORE": self.path}
        return subprocess.Popen([self.program, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)

    def run(self, *words, user=None, given=None, begun=lambda child: None):
        """The command with .returncode, .stdout and .stderr; TimeoutExpired. `begun` is told who runs it."""
        child = self.begin(*words, user=user, stdin=subprocess.PIPE if given else subprocess.DEVNULL)
        begun(child)
        try:
            out, err = child.communicate(given, timeout=self.PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
        return subprocess.CompletedProcess(words, child.returncode, out, err)

    def rows(self, *words):
        """Of its output in lines of JSON; None if it failed."""
        done = self.run(*words, "--json")
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else None

    def live_rows(self, dataset):
        """Of `vitrine log`, the live versions. None if nobody answered."""
        done = self.run("log", dataset, "--json")
        if done.returncode == 4:
            return []
        if done.returncode != 0:
            return None
        return [row for row in map(json.loads, done.stdout.splitlines()) if row["state"] == "live"]

    def live_versions(self, dataset):
        """Their names; None if nobody answered."""
        rows = self.live_rows(dataset)
        return None if rows is None else {row["version"] for row in rows}

    def log_tail(self):
        """The last lines of its server's log."""
        return "\n".join(pathlib.Path(self.path, "run/server.log").read_text(encoding="utf-8", errors="replace").splitlines()[-20:])

    def server(self):
        """Its pid; None if it does not answer."""
        rows = self.rows("status")
        return rows[0].get("pid") if rows else None


def is_death(done):
    """Did a command fail for nothing but its server's death, or its own?"""
    return done.returncode < 0 or (done.returncode > 0 and any(word in done.stderr for word in DIED))
