"""Server processes for the suites written in Python: one port and one folder each.

tests/run sets LODESTORE_SERVER to the binary under test.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time

CANNOT_RUN = 77  # the exit code of a suite for want of a program; tests/run reports it as skipped
PATIENCE = 20  # seconds in which a server must start


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    """Whether PING is answered there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as s:
            s.sendall(b"PING\r\n")
            return s.recv(64).startswith(b"+PONG")
    except OSError:
        return False


class Server:
    """One server process; it ends with `stop` or with the `with` that holds it."""

    def __init__(self, binary=None, **settings):
        self.binary = binary or os.environ["LODESTORE_SERVER"]
        self.dir = tempfile.TemporaryDirectory(prefix="lodestore-")
        for _ in range(5):  # another process may take the free port first
            self.port = free_port()
            self.process = self.spawn(settings)
            if self.is_ready():
                return
            self.process.kill()
            self.process.wait()
        why = open(self.log.name, errors="replace").read()
        self.dir.cleanup()
        raise RuntimeError(f"{self.binary} does not answer:\n{why}")

    def spawn(self, settings):
        settings = {"port": self.port, "bind": "127.0.0.1", "save": "", "dir": self.dir.name, **settings}
        args = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        with open(os.path.join(self.dir.name, "stdout.log"), "wb") as self.log:
            return subprocess.Popen([self.binary, *args], stdout=self.log, stderr=self.log)

    def is_ready(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if answers(self.port):
                return True
            time.sleep(0.01)
        return False

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.dir.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def peer_binary():
    """A real redis-server, `None` when none is installed."""
    return os.environ.get("REDIS_SERVER") or shutil.which("redis-server")
