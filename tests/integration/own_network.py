"""A network of its own for a test: nobody else is there, and its addresses aren't 127.x, which some programs take for
nobody's.
"""

import os
import shutil
import subprocess
import sys

MARK = "RONDO_TEST_OWN_NETWORK"
ADDRESSES = 16


def enter():
    """Runs the script once more, inside, and returns only there; or at once where the system allows no such thing."""
    if is_inside():
        lines = ["link set lo up"] + [f"addr add {address(n)}/32 dev lo" for n in range(1, ADDRESSES + 1)]
        subprocess.run(["ip", "-batch", "-"], input="\n".join(lines).encode(), check=True)
        return
    for kind in (["--net"], ["--net", "--user", "--map-root-user"]):
        command = ["unshare", *kind]
        if shutil.which("ip") and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            os.environ[MARK] = "1"
            os.execvp("unshare", [*command, sys.executable, *sys.argv])


def is_inside():
    return MARK in os.environ


def address(number):
    """Of host 1 to 16. On loopback outside, where every one of them is there without anybody's doing."""
    return f"{'10.77.0' if is_inside() else '127.77.0'}.{number}"
