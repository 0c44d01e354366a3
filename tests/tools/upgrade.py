#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Parts of tests/e2e/upgrade.sh.

    upgrade.py ask STORE PROGRAM [FORM]     asks the server to make way for any file; FORM: else its own
    upgrade.py open FOLDER FILE             opens every file of FOLDER once, while FILE is there; prints the positions
    upgrade.py recorded UID POSITIONS LOG   each of the positions is in an access record of UID in the JSON of `audit list`
"""
import base64
import json
import os
import sys
import time

import control


def ask(store, program, form=None):
    client = control.Client(store)
    fd = os.open(program, os.O_RDONLY)
    if form is None:
        form = ours(client, fd)
    try:
        result, _ = client.ask("upgrade", [fd], form=form, begin=True)
        print(result["pid"])
    except control.Refused as e:
        print(e.code, e)


def ours(client, fd):
    """A refusal names the form that the server has."""
    try:
        client.ask("upgrade", [fd], form="?", begin=True)
    except control.Refused as e:
        return str(e).split(": ", 1)[1].split(")", 1)[0]
    raise SystemExit("any form will do?")


def open_all(folder, going):
    for parent, _, names in os.walk(folder):
        for name in names:
            if not os.path.exists(going):
                return
            with open(os.path.join(parent, name), "rb") as f:
                print(os.fstat(f.fileno()).st_ino & 0xFFFFFFFF)
            time.sleep(0.002)


def runs(data):
    """LEB128 numbers: in turn how many are skipped, and how many less one are meant."""
    numbers, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            numbers.append(value)
            value = shift = 0
    position = 0
    for skipped, more in zip(numbers[::2], numbers[1::2]):
        position += skipped
        yield from range(position, position + more + 1)
        position += more + 1


def recorded(uid, positions, log):
    known = set()
    with open(log, encoding="utf-8") as f:
        for record in map(json.loads, f):
            if record["kind"] == "access" and record["uid"] == int(uid):
                known.update(runs(base64.b64decode(record["positions"])))
    with open(positions, encoding="utf-8") as f:
        opened = {int(line) for line in f}
    missing = opened - known
    print(f"{len(opened)} opened, {len(missing)} of them not recorded")
    sys.exit(not opened or bool(missing))


{"ask": ask, "open": open_all, "recorded": recorded}[sys.argv[1]](*sys.argv[2:])
