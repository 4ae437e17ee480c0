"""Two network namespaces joined by a veth pair, and a working folder: gone at the end, whatever happens."""

import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile

import processes

SENDER_ADDRESS = "10.77.0.1"
RECEIVER_ADDRESS = "10.77.0.2"
PREFIX = "rondo-bench"


def remove_left_over():
    """Namespaces of a bench that was killed: their names hold its process id."""
    for name in processes.run(["ip", "netns", "list"]).split():
        match = re.fullmatch(PREFIX + r"-(\d+)-[ab]", name)
        if match and not pathlib.Path("/proc", match.group(1)).exists():
            processes.run(["ip", "netns", "del", name])


class Laboratory:
    """The two namespaces, the working folder and every process that was started in them."""

    ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self):
        self.sender = f"{PREFIX}-{os.getpid()}-a"
        self.receiver = f"{PREFIX}-{os.getpid()}-b"
        self.folder = None
        self._processes = []
        self._folders = []

    def __enter__(self):
        for number in self.ENDING:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
        try:
            remove_left_over()
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX + "-"))
            self._folders.append(self.folder)
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _connect(self):
        sides = ((self.sender, SENDER_ADDRESS), (self.receiver, RECEIVER_ADDRESS))
        for name, _ in sides:
            processes.run(["ip", "netns", "add", name])
        # Made inside a namespace, so that the names of its ends meet nobody else's.
        processes.run(["ip", "-n", self.sender, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0",
                       "netns", self.receiver])
        for name, address in sides:
            processes.run(["ip", "-n", name, "address", "add", address + "/24", "dev", "veth0"])
            for device in ("lo", "veth0"):
                processes.run(["ip", "-n", name, "link", "set", device, "up"])

    def __exit__(self, *_):
        # A second Ctrl-C would leave half of it behind.
        for number in self.ENDING:
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self._processes):
            process.kill()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        for name in (self.sender, self.receiver):
            try:
                processes.run(["ip", "netns", "del", name])
            except processes.Failed:
                pass
        for number in self.ENDING:
            signal.signal(number, signal.SIG_DFL)

    def start(self, namespace, *command, **options):
        process = processes.Process(command, namespace, self.folder, **options)
        self._processes.append(process)
        return process

    def on_sender(self, *command, **options):
        return self.start(self.sender, *command, **options)

    def on_receiver(self, *command, **options):
        return self.start(self.receiver, *command, **options)

    def end(self, *ending):
        for process in ending:
            process.stop()
            self._processes.remove(process)

    def end_since(self, mark):
        """Ends what was started after `mark` (an earlier count of started processes)."""
        self.end(*reversed(self._processes[mark:]))

    @property
    def started(self):
        return len(self._processes)

    def temporary_folder(self, parent):
        """One more folder that is removed at the end."""
        parent.mkdir(parents=True, exist_ok=True)
        folder = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX + "-", dir=parent))
        self._folders.append(folder)
        return folder
