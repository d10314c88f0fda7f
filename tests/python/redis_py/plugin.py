"""Fits redis-py's own tests to this run: a plugin for pytest.

left_out.txt lists the tests that do not run, by rules under the reason they share. A test that skips
itself must be listed as well, and a rule that meets no test fails the run: the list stays true.
"""

import os
import re
import socket
import sys

import pytest
from redis import connection

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import reasons  # noqa: E402

# Lodestore says 7.2 to its clients and knows commands of later versions. redis-py's tests choose by
# version, so they are told a later one; what differs between the two stands in left_out.txt.
VERSION = "8.9.0"

RULES = os.path.join(os.path.dirname(__file__), "left_out.txt")
SKIP = "skip: "


class Rule:
    """Leaves out the tests whose id, or whose own reason to skip, matches a pattern."""

    def __init__(self, line, reason):
        self.by_skip = line.startswith(SKIP)
        self.text = line
        self.pattern = re.compile(line.removeprefix(SKIP))
        self.reason = reason
        self.met = 0

    def covers(self, test, skips):
        words = skips if self.by_skip else [test]
        found = any(self.pattern.search(word) for word in words)
        self.met += found
        return found


def declared_skips(item):
    """Why a test skips itself, as far as it says so before it runs."""
    marks = [m for m in item.iter_markers("skipif") if m.args and m.args[0] is True]
    return [m.kwargs.get("reason", "") for m in marks + list(item.iter_markers("skip"))]


def short_id(item):
    return item.nodeid.removeprefix("tests/")


class Fit:
    """The hooks, and what they count for the last line."""

    def __init__(self, config):
        self.rules = [Rule(line, reason) for line, reason in reasons.read(RULES)]
        self.listing = config.getoption("--left-out")
        self.left_out = {}

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session):
        session.config.REDIS_INFO["version"] = VERSION

    def pytest_collection_modifyitems(self, config, items):
        chosen, others = [], []
        for item in items:
            covers = [r for r in self.rules if r.covers(short_id(item), declared_skips(item))]
            for rule in covers[:1]:
                self.left_out.setdefault(rule.reason, []).append(short_id(item))
            (others if covers else chosen).append(item)
        # Under --left-out exactly the tests run that the list leaves out: which pass by now?
        items[:], dropped = (others, chosen) if self.listing else (chosen, others)
        config.hook.pytest_deselected(items=dropped)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        if report.skipped and not hasattr(report, "wasxfail") and not self.listing:
            why = str(report.longrepr)
            covers = [r for r in self.rules if r.by_skip and r.covers("", [why])]
            if covers:
                self.left_out.setdefault(covers[0].reason, []).append(short_id(item))
            else:
                report.outcome = "failed"
                report.longrepr = f"skips itself, and left_out.txt gives no reason: {why}"
        return report

    def pytest_terminal_summary(self, terminalreporter):
        for reason, tests in sorted(self.left_out.items(), key=lambda pair: -len(pair[1])):
            terminalreporter.write_line(f"left out: {len(tests):4} {reason}")

    def stale(self):
        return [rule.text for rule in self.rules if rule.met == 0]


def pytest_addoption(parser):
    parser.addoption("--left-out", action="store_true", help="run only what left_out.txt lists")
    parser.addoption("--stale-rules", action="store_true", help="fail on rules that meet no test")


def pytest_configure(config):
    fit = Fit(config)
    config.pluginmanager.register(fit, "fit")
    url = config.getoption("--redis-url")
    allow_caching()
    stand_in_for_the_default_port(int(re.search(r":(\d+)", url).group(1)))


def allow_caching():
    """redis-py caches on the client's side from 7.4 on by the server's word; Lodestore's is 7.2."""
    connection.CacheProxyConnection.MIN_ALLOWED_VERSION = "7.2.0"


def pytest_sessionfinish(session, exitstatus):
    fit = session.config.pluginmanager.get_plugin("fit")
    if session.config.getoption("--stale-rules") and fit.stale():
        print("\nrules of left_out.txt that meet no test:", *fit.stale(), sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def stand_in_for_the_default_port(port):
    """A test that names no server means localhost:6379; there it meets the server under test."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host, service, *args, **options):
        ours = host in ("localhost", "127.0.0.1") and service == 6379
        return resolve(host, port if ours else service, *args, **options)

    socket.getaddrinfo = getaddrinfo
