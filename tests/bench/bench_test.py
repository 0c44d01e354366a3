#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_test.py READER: what the benchmark's reader counts, and what the report makes of figures. Mounts nothing."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import chart  # noqa: E402
import corpora  # noqa: E402
import report  # noqa: E402
from report import Figure  # noqa: E402

reader = sys.argv.pop(1)


class Reading(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = os.path.join(folder.name, "corpus")
        sizes = {"a/b/one": 5000, "a-b": 1, "a/two": 70000, "c": 0, "z z": 12}
        for path, size in sizes.items():
            path = os.path.join(self.top, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(b"x" * size)
        os.symlink("c", os.path.join(self.top, "link"))
        corpora.write_list(self.top)
        self.total = sum(sizes.values())

    def read(self, *words):
        said = subprocess.run([reader, *words, self.top, corpora.list_path(self.top)], stdout=subprocess.PIPE, text=True,
                              check=True).stdout.split()
        self.assertGreater(float(said[0]), 0)
        return said[1], int(said[2])

    def test_every_file_is_read_once_by_any_number_of_processes(self):
        for workload, unit in (("files", "files/s"), ("seq", "MB/s")):
            for processes in ("1", "3", "8"):
                self.assertEqual(self.read("-p", processes, workload), (unit, self.total))

    def test_a_walk_sums_up_all_sizes(self):
        self.assertEqual(self.read("walk"), ("s", self.total))
        self.assertEqual(self.read("ls"), ("s", self.total))

    def test_a_short_file_is_an_error(self):
        with open(os.path.join(self.top, "a/two"), "r+b") as file:
            file.truncate(69999)
        with self.assertRaises(subprocess.CalledProcessError):
            self.read("files")

    def test_reads_at_random_are_of_the_size_and_number_asked_for(self):
        with open(corpora.list_path(self.top), "w", encoding="utf-8") as file:
            file.write("70000 a/two\n")
        self.assertEqual(self.read("-n", "7", "-p", "2", "-b", "4096", "pread"), ("reads/s", 7 * 4096))


class Reporting(unittest.TestCase):
    speeds = [Figure(at, "seq_cold", peer, value * at, "MB/s", 1)
              for at in (1, 2, 3) for peer, value in (("ext4", 100.0), ("squashfs", 50.0), ("squashfuse", 25.0),
                                                      ("nullfs", 400.0), ("vitrine", 75.0))]

    def test_ratios_are_within_a_round(self):
        table = report.Workload(self.speeds)
        self.assertEqual(table.median("vitrine"), 150)
        self.assertEqual(table.ratio("vitrine", "ext4"), 0.75)

    def test_the_best_peer_is_neither_ext4_nor_the_limit_nor_oneself(self):
        table = report.Workload(self.speeds)
        self.assertEqual(table.best("kernel", "fuse", other_than="vitrine"), "squashfs")
        self.assertEqual(table.best("kernel", "fuse", other_than="squashfs"), "squashfuse")
        self.assertIsNone(table.best("fuse", other_than="squashfuse"))
        self.assertEqual(report.row(table, "vitrine"),
                         ["vitrine", "150", "MB/s", "0.75x", "1.50x", "3.00x", "0.19x", "-", "-"])

    def test_of_times_less_is_better(self):
        table = report.Workload([Figure(1, "walk", "ext4", 1.0, "s"), Figure(1, "walk", "squashfs", 4.0, "s"),
                                 Figure(1, "walk", "erofs", 8.0, "s"), Figure(1, "walk", "vitrine", 2.0, "s")])
        self.assertEqual(table.ratio("vitrine", "ext4"), 0.5)
        self.assertEqual(table.best("kernel", other_than="vitrine"), "squashfs")

    def test_policy_on_is_compared_with_off(self):
        guarded = [Figure(figure.round, figure.workload, "vitrine-guarded", figure.value / 3, "MB/s", 1)
                   for figure in self.speeds if figure.peer == "vitrine"]
        self.assertEqual(report.policy([report.Workload(self.speeds + guarded)])[1:], ["seq_cold  0.33x", ""])
        self.assertEqual(report.policy([report.Workload(self.speeds)]), [])

    def test_figures_come_back_from_a_file(self):
        figures = self.speeds + [Figure(1, "walk", "vitrine", 0.5, "s", 7, 12, 2048)]
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
            file.write("# a remark\n" + "\t".join(report.COLUMNS) + "\n" + "".join(f.line() + "\n" for f in figures))
            file.flush()
            self.assertEqual(report.load(file.name), figures)

    def test_a_chart_has_a_bar_for_each_peer(self):
        drawn = chart.chart(report.Workload(self.speeds))
        for peer in ("ext4", "squashfs", "squashfuse", "nullfs", "vitrine"):
            self.assertIn(f">{peer}</text>", drawn)
        self.assertEqual(drawn.count("<rect"), 1 + 5)


if __name__ == "__main__":
    unittest.main()
