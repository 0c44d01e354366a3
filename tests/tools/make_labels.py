#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_labels.py FILES PER_DIRECTORY LABELS: lines of JSON on standard output, LABELS for each file of make_many.py.

Of a file: its class by a model and a human, confidences, annotators and reviews thrown by its number alone.
"""
import sys

KEYS = ["class", "class", "colour", "place", "weather", "camera", "season", "light", "split", "indoor"]
COUNTS = [100, 100, 12, 200, 8, 5, 4, 3, 3, 2]
REVIEWS = ["submitted", "accepted", "submitted", "draft", "rejected"]


def main():
    files, each, labels = (int(word) for word in sys.argv[1:4])
    out = []
    for number in range(files):
        path = f"{number // each:05}/{number:08}.json"
        seed = (number * 2654435761) & 0xFFFFFFFF
        for i in range(labels):
            seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
            key, value = KEYS[i % 10], f"{KEYS[i % 10]}-{(seed >> 8) % COUNTS[i % 10]}"
            if i == 0:
                who, source, sure = f"ann{seed % 7}", "human", ""
            else:
                who, source, sure = f"model-{i}", "model", f',"confidence":{(seed >> 16) % 101 / 100}'
            out.append(f'{{"path":"{path}","key":"{key}","value":"{value}","annotator":"{who}","source":"{source}"'
                       f'{sure},"review":"{REVIEWS[(seed >> 3) % 5]}","time":"2026-01-02T03:04:05Z"}}\n')
        if len(out) > 5000:
            sys.stdout.write("".join(out))
            out = []
    sys.stdout.write("".join(out))


if __name__ == "__main__":
    main()
