#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks text in Prometheus' exposition format 0.0.4, as its specification has it.

    prometheus.py FILE              complains, or is silent
    prometheus.py FILE NAME{l="v"}  and prints the value of that sample; status 1: there is none
"""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)$")
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


def family_of(name, types):
    """A histogram's samples are called otherwise than it is."""
    for end in ("_bucket", "_sum", "_count"):
        if name.endswith(end) and types.get(name[: -len(end)]) == "histogram":
            return name[: -len(end)]
    return name


def parse(text):
    """{family: type}, {(name, labels): value}; raises AssertionError."""
    assert text.endswith("\n"), "the last line has no end"
    types, helped, samples, current, left = {}, set(), {}, None, set()
    for line in text.splitlines():
        head = re.match(rf"# (HELP|TYPE) ({NAME}) (.+)$", line)
        if head:
            kind, name, words = head.groups()
            assert name not in left, f"{name} comes in two pieces"
            if name != current:
                left.add(current)
                current = name
            if kind == "HELP":
                assert name not in helped, f"{name} has two HELP lines"
                helped.add(name)
            else:
                assert name not in types and words in TYPES, f"bad TYPE of {name}: {words}"
                types[name] = words
            continue
        sample = SAMPLE.match(line)
        assert sample, f"no sample: {line!r}"
        name, labels, value = sample.groups()
        family = family_of(name, types)
        assert family == current, f"{name} stands among the samples of {current}"
        assert types.get(family) != "counter" or family.endswith("_total"), f"{family}: no _total"
        key = (name, labels or "")
        assert key not in samples, f"{key} stands there twice"
        samples[key] = float(value)
        assert samples[key] >= 0 or types[family] == "gauge", f"{key} is negative"
    assert helped == set(types), f"HELP without TYPE, or the reverse: {helped ^ set(types)}"
    return types, samples


def check_histograms(types, samples):
    """Buckets go up, the last is +Inf, and is the count."""
    series = {}
    for (name, labels), value in samples.items():
        if family_of(name, types) == name:
            continue
        family = family_of(name, types)
        bound = re.search(r'(?:^|,)le="([^"]*)"', labels)
        rest = re.sub(r'(?:^|,)le="[^"]*"', "", labels)
        one = series.setdefault((family, rest), {"buckets": []})
        if bound:
            one["buckets"].append((float(bound.group(1)), value))
        else:
            one[name[len(family):]] = value
    for key, one in series.items():
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        assert bounds == sorted(set(bounds)) and counts == sorted(counts), f"{key} goes down"
        assert bounds[-1] == float("inf"), f"{key} has no +Inf"
        assert counts[-1] == one["_count"], f"{key}: +Inf is not its count"
        assert one["_sum"] >= 0, f"{key}: bad sum"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        types, samples = parse(file.read())
    check_histograms(types, samples)
    if len(sys.argv) > 2:
        name, _, labels = sys.argv[2].partition("{")
        value = samples.get((name, labels.rstrip("}")))
        if value is None:
            sys.exit(f"no sample {sys.argv[2]}")
        print(f"{value:.0f}")


if __name__ == "__main__":
    main()
