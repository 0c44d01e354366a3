#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the steps of a read take in instructions, by valgrind's callgrind, beside what was recorded.

    bench_instructions.py [--record] PROGRAM...

Each PROGRAM has functions named step_… and prints how often it called them (steps.h). Counts are the same on a busy machine
as on a quiet one, so that a slower path shows without a figure in seconds; other compilers and libraries give others. What
was recorded is in instructions.tsv beside this script; --record writes it anew.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.tsv")
SKIPPED = 77  # how meson knows of it


def counted(program):
    """{step: instructions a call} of a program, what it calls included."""
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "callgrind.out")
        said = subprocess.run(["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}", program],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        report = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--auto=no", out],
                                check=True, stdout=subprocess.PIPE, text=True).stdout
    totals = dict((name, int(number.replace(",", "")))
                  for number, name in re.findall(r"^\s*([\d,]+) .*:(step_\w+)", report, re.MULTILINE))
    return {name: totals[name] / int(calls) for name, calls in (line.split("\t") for line in said.splitlines())}


def recorded():
    if not os.path.exists(RECORDED):
        return {}
    with open(RECORDED, encoding="utf-8") as rows:
        return {name: float(count) for name, count in
                (line.rstrip("\n").split("\t") for line in rows if not line.startswith("#"))}


def main():
    programs = sys.argv[1:]
    record = "--record" in programs
    if not shutil.which("valgrind"):
        print("no valgrind: apt-get install valgrind", file=sys.stderr)
        return SKIPPED
    counts = {}
    for program in programs:
        if program != "--record":
            counts.update(counted(program))
    before = recorded()
    for name, count in counts.items():
        beside = f"  recorded {before[name]:9,.0f}  {count / before[name]:5.2f}x" if name in before else ""
        print(f"{name[5:].replace('_', ' '):28} {count:9,.0f} instructions{beside}")
    if record:
        with open(RECORDED, "w", encoding="utf-8") as rows:
            rows.write("# step, instructions a call: written by bench_instructions.py --record\n")
            rows.writelines(f"{name}\t{count:.0f}\n" for name, count in counts.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
