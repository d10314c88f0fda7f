"""prometheus-redis-exporter: the series it reports from Lodestore against those from a redis-server.

A series counts by its name, the names of its labels, and the values of the labels that do not change
from run to run. exporter_differences.txt lists what may differ, each with its reason; what it lists
and does not differ fails as well. Run by tests/run, which installs the exporter and redis-server 7.0.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import unittest
import urllib.request

import redis

import reasons
from server import CANNOT_RUN, Server, free_port, peer_binary

DIFFERENCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "exporter_differences.txt")

# Labels whose values are compared; the others hold addresses, versions, numbers.
TELLING = {"cmd", "err", "key", "db", "quantile", "role", "event_name", "key_type"}

OPTIONS = """
    -check-keys * -count-keys db0=k* -check-single-keys text -export-client-list
    -include-config-metrics -include-system-metrics -redis-only-metrics
""".split()


def use(port):
    """The same life for both servers: something for every figure that a server of strings has."""
    # 7.0 does not know CLIENT SETINFO, and what redis-py sends by itself would be counted.
    r = redis.Redis(port=port, protocol=2, lib_name=None, lib_version=None)
    r.config_set("slowlog-log-slower-than", 0)
    r.config_set("latency-monitor-threshold", 1)
    r.config_set("latency-tracking-info-percentiles", "50 99 99.9")
    r.mset({"text": "value", "number": 1, "k1": "v", "k2": "v"})
    r.set("short", "v", ex=1000)
    r.get("text"), r.get("missing"), r.incr("number"), r.publish("channel", "message")
    for faulty in (("INCR", "text"), ("NOSUCH",), ("GET",)):
        try:
            r.execute_command(*faulty)
        except redis.ResponseError:
            pass
    r.execute_command("DEBUG", "SLEEP", "0.02")
    return r


def scrape(port):
    """What the exporter reports of the server at `port`."""
    web = free_port()
    command = ["prometheus-redis-exporter", "-redis.addr", f"redis://127.0.0.1:{port}"]
    exporter = subprocess.Popen(
        [*command, "-web.listen-address", f"127.0.0.1:{web}", *OPTIONS],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{web}/metrics", timeout=5) as page:
                    return page.read().decode()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
    finally:
        exporter.kill()
        exporter.wait()


def series(page):
    """`name{label=value,other}` of each line, without what differs from run to run."""
    found = set()
    for name, labels in re.findall(r"^(redis_\w+)(?:\{(.*)\})? \S+$", page, re.M):
        pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)
        shown = ",".join(f"{n}={v}" if n in TELLING else n for n, v in sorted(pairs))
        found.add(f"{name}{{{shown}}}")
    return found


class Exporter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        settings = {"enable-debug-command": "yes"}
        cls.ours, cls.theirs = Server(**settings), Server(peer_binary(), **settings)
        cls.addClassCleanup(cls.ours.stop)
        cls.addClassCleanup(cls.theirs.stop)
        clients = [use(server.port) for server in (cls.ours, cls.theirs)]
        cls.pages = [scrape(server.port) for server in (cls.ours, cls.theirs)]
        for client in clients:
            client.close()

    def test_the_server_is_up_and_nothing_went_wrong(self):
        page = self.pages[0]
        self.assertIn("\nredis_up 1\n", page)
        self.assertIn("\nredis_exporter_last_scrape_error{err=\"\"} 0\n", page)
        self.assertRegex(page, r'redis_key_size\{db="db0",key="text"\} 5')
        self.assertRegex(page, r'redis_db_keys\{db="db0"\} 5')
        self.assertRegex(page, r'redis_instance_info\{.*redis_version="[0-9.]+"')

    def test_the_series_are_those_of_redis(self):
        ours, theirs = map(series, self.pages)
        self.assertGreater(len(theirs), 150)
        differences = {f"- {name}" for name in theirs - ours} | {f"+ {name}" for name in ours - theirs}
        rules = reasons.read(DIFFERENCES)
        known = {d for d in differences for rule, _ in rules if re.fullmatch(rule, d)}
        unknown = sorted(differences - known)
        why = "differ without a reason (- is missing, + is ours alone):"
        self.assertFalse(unknown, "\n".join([why, *unknown]))
        stale = [rule for rule, _ in rules if not any(re.fullmatch(rule, d) for d in differences)]
        why = "exporter_differences.txt lists what does not differ:"
        self.assertFalse(stale, "\n".join([why, *stale]))


if __name__ == "__main__":
    if not shutil.which("prometheus-redis-exporter") or not peer_binary():
        print("prometheus-redis-exporter or redis-server is not installed")
        sys.exit(CANNOT_RUN)
    result = unittest.main(exit=False, verbosity=1).result
    failed = len(result.failures) + len(result.errors)
    print(f"SUITE exporter: {max(0, result.testsRun - failed)} passed; {failed} failed; 0 skipped")
    sys.exit(failed > 0)
