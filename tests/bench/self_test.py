"""What can be checked of the benchmarks without measuring: verdicts, lines, exit codes."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import figures
import tracker
import transfer
from processes import Failed

BENCH = pathlib.Path(__file__).with_name("bench.py")


def report_of(*rows, as_json):
    """(exit code, lines)"""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        report = figures.Report(as_json)
        for row in rows:
            report.add(*row[:-1], **row[-1])
        code = report.finish()
    return code, out.getvalue().splitlines()


class Figures(unittest.TestCase):
    def test_a_target_is_met_or_not(self):
        for value, target, met in ((1.1, "<= 1.10", True), (1.11, "<= 1.10", False), (1.0, "< 1.0", False),
                                   (0.99, "< 1.0", True), (64, ">= 64", True), (64, "> 64", False)):
            self.assertEqual(figures.meets(value, target), met, (value, target))

    def test_a_json_line_has_the_agreed_keys_and_the_median(self):
        code, lines = report_of(("a.ratio", [3, 1, 1.05], "x", "<= 1.10", {}), as_json=True)
        line = json.loads(lines[0])
        self.assertEqual(code, 0)
        self.assertEqual({key: line[key] for key in ("figure", "value", "unit", "target", "ok", "runs", "min", "max")},
                         {"figure": "a.ratio", "value": 1.05, "unit": "x", "target": "<= 1.10", "ok": True, "runs": 3,
                          "min": 1, "max": 3})

    def test_one_missed_target_fails_all(self):
        good, bad = ("a", [1], "x", "<= 2", {}), ("b", [3], "x", "<= 2", {})
        self.assertEqual(report_of(good, as_json=False)[0], 0)
        self.assertEqual(report_of(good, bad, as_json=False)[0], 1)

    def test_what_was_not_measured_misses_its_target(self):
        code, lines = report_of(("a", [], "x", "<= 2", {"note": "it ended with 1"}), as_json=True)
        self.assertEqual((code, json.loads(lines[0])["value"]), (1, None))
        self.assertEqual(report_of(("a", [], "x", {}), as_json=False)[0], 0)

    def test_nothing_measured_is_a_failure(self):
        self.assertEqual(report_of(as_json=True), (1, []))

    def test_the_table_shows_every_figure(self):
        _, lines = report_of(("a", [1, 2, 3], "s", {}), ("b", [9], "x", "<= 2", {}), as_json=False)
        self.assertRegex("\n".join(lines), r"a +2 s +1 - 3 +3\n.*b +9 x +1 +<= 2 +FAILED")


class Rounds(unittest.TestCase):
    def rounds(self, mine, theirs):
        rounds = transfer.Rounds.__new__(transfer.Rounds)
        rounds.runs = {"rondo": mine, "other": theirs}
        return rounds

    def test_ratios_are_taken_within_a_round(self):
        rounds = self.rounds([2.0, 9.0, 4.0], [1.0, None, 8.0])
        self.assertEqual(rounds.ratios("other", lambda run: run), [2.0, 0.5])

    def test_what_arrived_wrong_is_seen(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            content = transfer.make_folder(root, 3, 10)
            shutil.copytree(content.path, root / "target/content")
            transfer.check(content, root / "target", True)
            (root / "target/content/000/00001.bin").write_bytes(b"0123456789")
            transfer.check(content, root / "target", False)
            with self.assertRaisesRegex(Failed, "00001"):
                transfer.check(content, root / "target", True)
            (root / "target/content/000/00001.bin").unlink()
            with self.assertRaisesRegex(Failed, "2 files arrived, 3 were sent"):
                transfer.check(content, root / "target", False)


class Program(unittest.TestCase):
    def test_wrong_usage_ends_with_2(self):
        for words in (["nothing"], ["transfer", "--rounds", "0"], ["transfer", "--rondo", "/nonexistent"]):
            done = subprocess.run([sys.executable, BENCH, *words], capture_output=True, check=False, timeout=20)
            self.assertEqual(done.returncode, 2, words)

    def test_transfer_wants_root_and_says_so(self):
        errors = io.StringIO()
        with mock.patch.object(os, "geteuid", lambda: 1000), contextlib.redirect_stderr(errors):
            with self.assertRaises(SystemExit) as ended:
                transfer.run(None, None)
        self.assertEqual((ended.exception.code, len(errors.getvalue().splitlines())), (2, 1))

    def test_the_tracker_answers_with_a_compact_peer(self):
        self.assertEqual(tracker.answer_for("10.77.0.1:258"),
                         b"d8:completei1e10:incompletei0e8:intervali1800e5:peers6:\x0aM\x00\x01\x01\x02e")


if __name__ == "__main__":
    unittest.main()
