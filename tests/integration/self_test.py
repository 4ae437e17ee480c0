"""A sanitizer's report of any process fails a test, whatever else the test finds: wrong programs are compiled and run."""

import contextlib
import io
import pathlib
import subprocess
import tempfile
import unittest

import harness

RACE = "#include <thread>\nint n;\nint main() { std::thread other([] { ++n; }); ++n; other.join(); return 0; }\n"
OVERRUN = "#include <cstdlib>\nint main(int argc, char**) { char* p = new char[1]; return p[argc] == 1; }\n"
OVERFLOW = "#include <climits>\nint main(int argc, char**) { int n = INT_MAX; n += argc; return n == 1; }\n"
RIGHT = "int main() { return 0; }\n"


def compiled(folder, compiler, sanitizers, source):
    program = pathlib.Path(folder) / "program"
    command = [compiler, "-x", "c++", "-std=c++20", "-g1", "-O0", f"-fsanitize={sanitizers}", "-", "-o", program, "-pthread"]
    subprocess.run(command, input=source.encode(), check=True)
    return program


def passes(program):
    """What a test says that ran the program and found all as it should be."""
    harness.sanitizer_reports.clear()
    checks = harness.Checks()
    with harness.Sandbox(program) as sandbox:
        sandbox.start("once").wait(30)
        sandbox.run("once more", environment={"TERM": "xterm"})
    with unittest.TestCase().assertRaises(SystemExit) as end, contextlib.redirect_stdout(io.StringIO()):
        checks.check("it ran", True)
        checks.finish()
    return end.exception.code == 0, "\n".join(harness.sanitizer_reports)


class Reports(unittest.TestCase):
    def expect(self, compiler, sanitizers, source, words):
        with tempfile.TemporaryDirectory(prefix="rondo-test-") as folder:
            passed, reports = passes(compiled(folder, compiler, sanitizers, source))
        self.assertEqual(passed, not words, reports)
        self.assertIn(words, reports)

    def test_race(self):
        self.expect("clang++-14", "thread", RACE, "WARNING: ThreadSanitizer: data race")

    def test_overrun(self):
        self.expect("g++", "address,undefined", OVERRUN, "ERROR: AddressSanitizer: heap-buffer-overflow")

    def test_overflow(self):
        self.expect("g++", "address,undefined", OVERFLOW, "runtime error: signed integer overflow")

    def test_nothing_wrong(self):
        self.expect("g++", "address,undefined", RIGHT, "")


if __name__ == "__main__":
    unittest.main()
