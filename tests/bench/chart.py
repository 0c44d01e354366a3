#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""chart.py TSV DIR: a picture (SVG) of each workload of a run: a bar a peer, its median, and a line from the worst round
to the best."""
import os
import sys
from xml.sax.saxutils import escape

import peers
import report

COLOURS = {"ext4": "#7f8c8d", "kernel": "#5b84b1", "fuse": "#d98c5f", "archive": "#b07aa1", "limit": "#c9c9c9", "vitrine": "#3a9a5c"}
WIDTH, NAMES, ROOM, LINE, TOP = 720, 150, 90, 26, 46  # pixels; ROOM is for the figure behind a bar


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'


def bar(workload, peer, y, scale):
    values = workload.values(peer).values()
    median, low, high = workload.median(peer), min(values), max(values)
    middle = y + LINE / 2
    return [
        text(NAMES - 8, middle + 4, peer, 'text-anchor="end"'),
        f'<rect x="{NAMES}" y="{y + 4}" width="{median * scale:.1f}" height="{LINE - 8}"'
        f' fill="{COLOURS[peers.GROUPS[peer]]}"/>',
        f'<line x1="{NAMES + low * scale:.1f}" x2="{NAMES + high * scale:.1f}" y1="{middle}" y2="{middle}"'
        ' stroke="#222222"/>',
        text(NAMES + max(median, high) * scale + 6, middle + 4, report.number(median)),
    ]


def chart(workload):
    """The SVG of one workload."""
    top = max(figure.value for figure in workload.figures) or 1
    scale = (WIDTH - NAMES - ROOM) / top
    height = TOP + LINE * len(workload.peers) + 10
    better = "less is better" if workload.less_is_better else "more is better"
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
             f' viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
             text(10, 24, f"{workload.name}, {workload.unit} ({better})", 'font-size="15"')]
    for at, peer in enumerate(workload.peers):
        parts += bar(workload, peer, TOP + LINE * at, scale)
    return "\n".join(parts + ["</svg>", ""])


def draw(figures, folder):
    os.makedirs(folder, exist_ok=True)
    for workload in report.workloads_of(figures):
        with open(os.path.join(folder, workload.name + ".svg"), "w", encoding="utf-8") as file:
            file.write(chart(workload))


if __name__ == "__main__":
    draw(report.load(sys.argv[1]), sys.argv[2])
