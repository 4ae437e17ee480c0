"""What ./dev promises without building: its help, its answers to wrong usage, and when it calls apt-get."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

DEV = pathlib.Path(__file__).resolve().parents[2] / "dev"


def dev(*arguments, path=None, **variables):
    environment = {**os.environ, **variables}
    if path:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    return subprocess.run([DEV, *arguments], cwd="/", env=environment, capture_output=True, text=True, check=False)


def setup_with(programs, **variables):
    """`./dev setup` where these programs stand in for the real ones."""
    with tempfile.TemporaryDirectory(prefix="rondo-lint-") as folder:
        for name, script in programs.items():
            (pathlib.Path(folder) / name).write_text(script)
            (pathlib.Path(folder) / name).chmod(0o755)
        return dev("setup", path=folder, **variables)


ALL = '#!/bin/sh\nshift 2\nfor p; do echo "installed=$p"; done\n'
NOTHING = "#!/bin/sh\nexit 1\n"
ALL_BUT_CCACHE = '#!/bin/sh\nshift 2\nfor p; do [ "$p" = ccache ] || echo "installed=$p"; done\nexit 1\n'
FAIL = "#!/bin/sh\necho 'E: no network' >&2\nexit 100\n"


class DevScript(unittest.TestCase):
    def test_help_names_every_verb(self):
        result = dev("--help")
        self.assertEqual(result.returncode, 0)
        for verb in ("setup", "build", "demo", "test", "bench", "fmt", "lint", "fuzz"):
            self.assertRegex(result.stdout, rf"(?m)^  {verb} .*")

    def test_help_names_every_preset(self):
        presets = json.loads((DEV.parent / "CMakePresets.json").read_text())["buildPresets"]
        named = re.search(r"build one preset: (.*)", dev("--help").stdout).group(1)
        self.assertEqual(set(named.replace(" (default)", "").split(", ")), {preset["name"] for preset in presets})

    def test_wrong_usage_ends_with_2_and_one_sentence(self):
        for arguments in (("frobnicate",), ("build", "nothing"), ("test", "--nothing"), ("fuzz", "--seconds", "x")):
            result = dev(*arguments, RONDO_DEV_DRY_RUN="1")
            self.assertEqual(result.returncode, 2, arguments)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_setup_installs_what_is_missing_and_nothing_else(self):
        result = setup_with({"dpkg-query": ALL_BUT_CCACHE}, RONDO_DEV_DRY_RUN="1")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("installing 1 Debian packages", result.stdout)
        self.assertRegex(result.stdout, r"would run: .*apt-get -y -q update\n")
        self.assertRegex(result.stdout, r"would run: .*apt-get -y -q install --no-install-recommends ccache\n")

    def test_setup_leaves_out_what_only_bench_needs(self):
        result = setup_with({"dpkg-query": NOTHING}, RONDO_DEV_DRY_RUN="1")
        self.assertRegex(result.stdout, r"install .* ccache ")
        for package in ("openssh", "rsync", "aria2", "syncthing"):
            self.assertNotIn(package, result.stdout)

    def test_setup_is_silent_when_all_is_there(self):
        result = setup_with({"dpkg-query": ALL, "apt-get": FAIL, "sudo": FAIL})
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_setup_says_so_when_packages_cannot_be_installed(self):
        result = setup_with({"dpkg-query": ALL_BUT_CCACHE, "apt-get": FAIL, "sudo": '#!/bin/sh\nexec "$@"\n'})
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"could not be installed: ccache\. Is the network up\?")


if __name__ == "__main__":
    unittest.main()
