# SPDX-License-Identifier: Apache-2.0
"""Who may read a dataset in soak.py: grants, denials and leases, and what follows from them."""
import json
import time

import soak_model
from store import is_death


class Guard:
    """Changes who may read a dataset, and says so on the board: what each user may follows from grants, denials and the lease."""

    def __init__(self, run, dataset, names):
        self.run, self.dataset, self.names = run, dataset, names
        self.granted, self.denied, self.holder = {"root"}, {}, None  # root published it; user -> what is denied
        run.board.begin_change(dataset)
        self.finish("begin", "root", set())

    def seers(self):
        may = {self.holder} if self.holder else self.granted
        return {user for user in may if self.denied.get(user) != "browse"}

    def readers(self):
        return {user for user in self.seers() if user not in self.denied}

    def command(self, words, user):
        """
        Until it was done: a server that dies may have done it before, and then it is there already, there no more, no more
        to be seen by who released it, or, a lease of seconds, just going. True if it was done at once.
        """
        again = False
        while (done := self.run.store.run(*words, user=user)).returncode != 0:
            if again and (done.returncode in (3, 4) or "is still being taken" in done.stderr):
                break
            if self.run.failed(done) and not is_death(done):
                return False
            again = True
        return not again

    def change(self, change, user, words, apply, by="root"):
        before, holder = self.readers(), self.holder
        self.run.board.begin_change(self.dataset)
        at_once = self.command(words, self.names[by])
        apply()
        losers = before - self.readers()
        # He too opens anew what he had alone. A server that takes over looks after those who may not read any more, and no others.
        if at_once and holder and self.holder != holder:
            losers.add(holder)
        self.finish(change, user, losers)

    def finish(self, change, user, losers):
        self.run.board.end_change(self.dataset, change, user, self.readers(), self.seers(), losers)
        self.run.count("changes")
        if losers:
            self.run.count("narrowed")

    def set_holder(self, user):
        self.holder = user

    def grant(self, user):
        self.change("grant", user, ["grant", self.names[user], "read", self.dataset], lambda: self.granted.add(user))

    def deny(self, user, rnd):
        right = rnd.choice(["read", "browse"])
        self.change("deny", user, ["deny", self.names[user], right, self.dataset], lambda: self.denied.update({user: right}))

    def revoke(self, user):
        """What allows or denies him to read, in one."""

        def apply():
            self.granted.discard(user)
            if self.denied.get(user) == "read":
                del self.denied[user]

        self.change("revoke", user, ["revoke", self.names[user], "read", self.dataset], apply)

    def pardon(self, user):
        self.change("pardon", user, ["revoke", self.names[user], "browse", self.dataset], lambda: self.denied.pop(user))

    def acquire(self, user):
        self.change("acquire", user, ["lease", "acquire", self.dataset, "--for", "1h"], lambda: self.set_holder(user), user)

    def acquire_briefly(self, user):
        """Until it has ended by itself."""
        before = self.readers()
        self.run.board.begin_change(self.dataset)
        at_once = self.command(["lease", "acquire", self.dataset, "--for", "2s"], self.names[user])
        while self.run.store.rows("lease", "list", self.dataset) != []:
            time.sleep(0.1)
        self.finish("expiry", user, before - {user} if at_once else set())

    def end_lease(self, change="break"):
        words = {"break": ["--reason", "soak"], "release": []}
        by = {"break": "root", "release": self.holder}
        self.change(change, self.holder, ["lease", change, self.dataset, *words[change]], lambda: self.set_holder(None), by[change])

    def step(self, rnd):
        user = rnd.choice(["alice", "bob"])
        if self.holder and rnd.random() < 0.6:
            return self.end_lease(rnd.choice(["break", "release"]))
        can_lease = [u for u in self.names if u in self.granted and u not in self.denied and not self.holder]
        if can_lease and rnd.random() < 0.4:
            return rnd.choice([self.acquire, self.acquire, self.acquire_briefly])(rnd.choice(can_lease))
        if self.denied.get(user) == "browse":
            return self.pardon(user)
        if user in self.denied or (user in self.granted and rnd.random() < 0.6):
            return self.revoke(user)
        return self.deny(user, rnd) if user in self.granted else self.grant(user)

    def explain(self, rnd):
        user = rnd.choice(soak_model.USERS)
        done = self.run.store.run("explain", self.names[user], "read", self.dataset, "--json")
        if not self.run.failed(done) and json.loads(done.stdout)["allowed"] != (user in self.readers()):
            self.run.complain(f"explain {user} read {self.dataset}: {done.stdout.strip()}; by the model {self.readers()} may")

    def work(self, rnd):
        while self.run.goes_on():
            self.step(rnd)
            self.explain(rnd)
            time.sleep(rnd.uniform(0.1, 0.8))

    def end(self):
        """Everything is as the model says; then root reads, as who published it."""
        rules = {(row["kind"], row["who"], row["right"]) for row in self.run.store.rows("rules") if row["object"] == self.dataset}
        expected = {("allow", f"user:{self.names[user]}", "read") for user in self.granted - {"root"}}
        expected |= {("deny", f"user:{self.names[user]}", right) for user, right in self.denied.items()}
        if rules != expected:
            self.run.complain(f"{self.dataset}: rules are {sorted(rules)}, not {sorted(expected)}")
        leases = [row["holder"] for row in self.run.store.rows("lease", "list", self.dataset)]
        if leases != ([self.names[self.holder]] if self.holder else []):
            self.run.complain(f"{self.dataset} is leased to {leases}, not to {self.holder}")
        if self.holder:
            self.end_lease()
