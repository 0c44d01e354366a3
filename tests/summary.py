#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts test cases in meson's log (testlog.json): each line of TAP where a program speaks it, else
the program as one. Prints the skipped and failed ones, then "N passed, N failed[, N skipped]"; fails
if any failed or none ran."""
import json
import re
import sys

GOOD = {"OK", "EXPECTEDFAIL"}
WHY = re.compile(r"^1\.\.0 # SKIP (.*)", re.MULTILINE)
CASE = re.compile(r"^(not )?ok\b[^#\n]*(# *skip)?", re.IGNORECASE | re.MULTILINE)


def count(test):
    """passed, failed, skipped of one program."""
    cases = CASE.findall(test.get("stdout", ""))
    failed = sum(1 for bad, skip in cases if bad and not skip)
    skipped = sum(1 for _, skip in cases if skip)
    passed = len(cases) - failed - skipped
    if test["result"] == "SKIP":
        return 0, 0, max(1, skipped)
    if test["result"] not in GOOD:
        failed = max(1, failed)  # it crashed, or ran out of time, without saying which case
    elif not cases:
        passed = 1
    return passed, failed, skipped


def main(path):
    total = [0, 0, 0]
    with open(path, encoding="utf-8") as log:
        for test in map(json.loads, log):
            numbers = count(test)
            total = [a + b for a, b in zip(total, numbers)]
            why = WHY.search(test.get("stdout", ""))
            if test["result"] == "SKIP":
                print(f"skipped: {test['name']}" + (f" ({why[1]})" if why else ""))
            if numbers[1]:
                print(f"failed: {test['name']} ({test['result']})")
    passed, failed, skipped = total
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


sys.exit(main(sys.argv[1]))
