#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""report.py TSV: the tables of a run out of its raw figures.

A ratio is the median of the rounds' ratios, each within one round, where both figures were taken minutes apart; above 1
is better, for times too.
"""
import statistics
import sys
from dataclasses import dataclass

import peers

COLUMNS = ("round", "workload", "peer", "value", "unit", "bytes", "requests", "peak_kib")
TIMES = ("s", "MB")  # where less is better


@dataclass
class Figure:
    """A line of the TSV."""

    round: int
    workload: str
    peer: str
    value: float
    unit: str
    bytes: int | None = None
    requests: int | None = None
    peak_kib: int | None = None

    def line(self):
        values = (getattr(self, column) for column in COLUMNS)
        return "\t".join("" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
                         for value in values)


def load(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    if tuple(lines[0]) != COLUMNS:
        sys.exit(f"{path}: not a file of figures")
    return [Figure(int(at), workload, peer, float(value), unit, *(int(rest) if rest else None for rest in more))
            for at, workload, peer, value, unit, *more in lines[1:]]


class Workload:
    """All figures of one workload."""

    def __init__(self, figures):
        self.name = figures[0].workload
        self.unit = figures[0].unit
        self.less_is_better = self.unit in TIMES
        self.figures = figures
        self.peers = [peer for peer in peers.KINDS if any(figure.peer == peer for figure in figures)]

    def values(self, peer):
        return {figure.round: figure.value for figure in self.figures if figure.peer == peer}

    def median(self, peer):
        return statistics.median(self.values(peer).values())

    def ratio(self, peer, other):
        """How many times as good as `other`; None where there is nothing to compare."""
        ours, theirs = self.values(peer), self.values(other)
        ratios = [theirs[at] / ours[at] if self.less_is_better else ours[at] / theirs[at] for at in ours if at in theirs]
        return statistics.median(ratios) if ratios else None

    def best(self, *groups, other_than):
        """The best peer of these groups."""
        among = [peer for peer in self.peers if peers.GROUPS[peer] in groups and peer != other_than]
        return (min if self.less_is_better else max)(among, key=self.median, default=None)

    def middle(self, peer, attribute):
        known = [getattr(figure, attribute) for figure in self.figures
                 if figure.peer == peer and getattr(figure, attribute) is not None]
        return statistics.median(known) if known else None


def workloads_of(figures):
    """In the order in which they were measured first."""
    by_name = {}
    for figure in figures:
        by_name.setdefault(figure.workload, []).append(figure)
    return [Workload(some) for some in by_name.values()]


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def times(value):
    return "-" if value is None else f"{value:.2f}x"


def row(workload, peer):
    ratios = (workload.ratio(peer, "ext4"),
              workload.ratio(peer, workload.best("kernel", "fuse", "archive", other_than=peer)),
              workload.ratio(peer, workload.best("fuse", other_than=peer)),
              workload.ratio(peer, "nullfs"))
    requests, peak = workload.middle(peer, "requests"), workload.middle(peer, "peak_kib")
    return [peer, number(workload.median(peer)), workload.unit, *map(times, ratios),
            "-" if requests is None else f"{requests:,.0f}", "-" if peak is None else f"{peak / 1024:.0f}"]


def tables(figures):
    """Text: a table for each workload."""
    out = []
    for workload in workloads_of(figures):
        head = [workload.name, "median", "", "/ext4", "/best", "/best FUSE", "/nullfs", "requests", "peak MiB"]
        rows = [head] + [row(workload, peer) for peer in workload.peers]
        widths = [max(len(cell) for cell in column) for column in zip(*rows)]
        for cells in rows:
            name, value, unit, *rest = cells
            out.append("  ".join([name.ljust(widths[0]), value.rjust(widths[1]), unit.ljust(widths[2])]
                                 + [cell.rjust(width) for cell, width in zip(rest, widths[3:])]).rstrip())
        out.append("")
    return "\n".join(out + policy(workloads_of(figures)))


def policy(workloads):
    """How many times as good it is where policy is on; lines."""
    both = [workload for workload in workloads if workload.ratio("vitrine-guarded", "vitrine")]
    if not both:
        return []
    width = max(len(workload.name) for workload in both)
    return ["vitrine-guarded/vitrine, policy on against off"] + [
        f"{workload.name.ljust(width)}  {times(workload.ratio('vitrine-guarded', 'vitrine'))}" for workload in both] + [""]


if __name__ == "__main__":
    print(tables(load(sys.argv[1])), end="")
