"""redis-py's own test suite, from its source package, against Lodestore: RESP2 and RESP3 side by side.

    run.py FOLDER             fetches the source package into FOLDER and runs the tests
    run.py FOLDER --left-out  runs only what left_out.txt leaves out, to see what passes by now

Run by tests/run. The package comes from the registry with pip and is never part of the repository;
plugin.py says how its tests are fitted to this run, left_out.txt which do not run, and why.
"""

import os
import re
import subprocess
import sys
import tarfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from server import CANNOT_RUN, Server  # noqa: E402

FILES = """
    commands connection connection_pool connect pipeline monitor pubsub encoding lock client retry
    keyspace_notifications command_parser himport_integration
""".split()
SYNC_FILES = ["cache", "multiprocessing", "max_connections_error", "legacy_responses_arg"]
ASYNC_FILES = ["cwe_404", "usage_counter"]

# Modules, clusters, certificates: redis-py marks those tests itself.
MARKS = "not onlycluster and not redismod and not ssl"

LIMIT = 400  # seconds for one protocol's tests
MANY = 20  # more failures than this are no matter of timing


def paths():
    for name in FILES:
        yield f"tests/test_{name}.py"
        yield f"tests/test_asyncio/test_{name}.py"
    for name in SYNC_FILES:
        yield f"tests/test_{name}.py"
    for name in ASYNC_FILES:
        yield f"tests/test_asyncio/test_{name}.py"


def version():
    """The version that requirements.txt names."""
    text = open(os.path.join(HERE, "..", "requirements.txt")).read()
    return re.search(r"^redis==(\S+)", text, re.M).group(1)


def fetch(folder):
    """The folder of the source package, which is downloaded once."""
    source = os.path.join(folder, f"redis-{version()}")
    if os.path.isdir(os.path.join(source, "tests")):
        return source
    os.makedirs(folder, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "redis"]
    subprocess.run([*pip, "--dest", folder, f"redis=={version()}"], check=True)
    with tarfile.open(f"{source}.tar.gz") as archive:
        archive.extractall(folder)
    return source


class Run:
    """pytest over the tests with one protocol, against a server of its own."""

    def __init__(self, source, folder, protocol, listing):
        self.source, self.protocol, self.listing = source, protocol, listing
        self.log = os.path.join(folder, f"resp{protocol}.log")
        self.cache = os.path.join(folder, f"resp{protocol}.cache")
        self.server = Server(**{"enable-debug-command": "yes"})
        self.options = ["--left-out", "-rp", "--tb=no"] if listing else ["-rfE", "--tb=native"]
        self.process = self.start("w", *([] if listing else ["--stale-rules"]), *paths())

    def start(self, mode, *options):
        pytest = [sys.executable, "-m", "pytest", "-p", "plugin", "-o", "addopts=", "-q", *self.options]
        pytest += ["--no-header", "--disable-warnings", "--timeout", "30"]
        pytest += ["--redis-url", f"redis://localhost:{self.server.port}/0", "-m", MARKS]
        pytest += ["--protocol", str(self.protocol), "-o", f"cache_dir={self.cache}", *options]
        path = os.pathsep.join([HERE, self.source])
        with open(self.log, mode) as log:
            return subprocess.Popen(
                pytest, cwd=self.source, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path}
            )

    def finish(self, until):
        """Passed and failed. A few failures are tried again alone: many of these tests measure time."""
        try:
            self.process.wait(max(1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return self.broken("does not end in time")
        passed, failed = self.counts()
        if passed is None:
            return self.broken("ends without a result")
        if 0 < failed <= MANY and not self.listing and "meet no test" not in self.text():
            print(f"redis-py RESP{self.protocol}: {failed} failed, tried again", *self.failures(), sep="\n")
            self.start("a", "--last-failed", *paths()).wait(LIMIT)
            again, failed = self.counts()
            passed += again or 0
        return passed, failed + (self.process.returncode not in (0, 1))

    def text(self):
        return open(self.log, errors="replace").read()

    def failures(self):
        return re.findall(r"^(?:FAILED|ERROR) .*$", self.text(), re.M)

    def counts(self):
        """What pytest's last closing line says."""
        lines = re.findall(r"^.*\b(?:passed|failed|errors?)\b.* in [0-9.]+s.*$", self.text(), re.M)
        if not lines:
            return None, 0
        number = lambda word: sum(int(n) for n in re.findall(rf"(\d+) {word}", lines[-1]))  # noqa: E731
        return number("passed") + number("xfailed"), number("failed") + number("error")

    def broken(self, why):
        print(f"redis-py RESP{self.protocol}: {why}\n{self.text()[-4000:]}")
        return 0, 1

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.server.stop()


def main():
    folder, listing = os.path.abspath(sys.argv[1]), "--left-out" in sys.argv
    try:
        source = fetch(folder)
    except subprocess.CalledProcessError:
        print("pip cannot download the source package")
        sys.exit(CANNOT_RUN)
    runs, total = [], [0, 0]
    try:
        runs += (Run(source, folder, protocol, listing) for protocol in (2, 3))
        until = time.monotonic() + LIMIT
        for run in runs:
            passed, failed = run.finish(until)
            total = [total[0] + passed, total[1] + failed]
            print(*re.findall(r"^left out: .*$", run.text(), re.M), sep="\n")
            if listing:
                print(*re.findall(r"^PASSED .*$", run.text(), re.M), sep="\n")
            elif failed:
                print(run.text()[-20_000:])
            print(f"redis-py RESP{run.protocol}: {passed} passed, {failed} failed", flush=True)
    finally:
        for run in runs:
            run.close()
    print(f"SUITE redis-py's own: {total[0]} passed; {total[1]} failed; 0 skipped")
    sys.exit(total[1] > 0)


if __name__ == "__main__":
    main()
