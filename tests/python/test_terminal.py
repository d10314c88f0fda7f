"""redis-cli in a terminal, as a person uses it: hints, help, MONITOR, SUBSCRIBE, transactions.

A pseudo-terminal of 80 columns stands in for the person's. Run by tests/run with redis-tools installed.
"""

import fcntl
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
import unittest

from server import CANNOT_RUN, Server

PATIENCE = 10  # seconds for anything to appear
COLOUR = re.compile(rb"\x1b\[[0-9;]*[a-zA-Z]")


class Terminal:
    """redis-cli on a pseudo-terminal."""

    def __init__(self, port, *options):
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        environment = {**os.environ, "TERM": "xterm", "HOME": "/nonexistent"}
        self.process = subprocess.Popen(
            ["redis-cli", "-p", str(port), *options],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            preexec_fn=os.setsid,
        )
        os.close(slave)
        self.master = master
        self.shown = b""
        self.port = port

    def type(self, keys):
        self.shown = b""
        os.write(self.master, keys.encode())

    def enter(self, line):
        self.type(line + "\r")

    def asks(self, line, reply):
        """Enters a line and waits for the reply and the next prompt: what is typed earlier is lost."""
        self.enter(line)
        return self.waits_for(f"(?s)\r\n{reply}.*> $")

    def text(self):
        return COLOUR.sub(b"", self.shown).decode(errors="replace")

    def waits_for(self, pattern):
        """Reads until `pattern` is on the screen."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text()):
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"{pattern!r} does not appear in {self.text()!r}")
            try:
                self.shown += os.read(self.master, 65536)
            except OSError:
                raise AssertionError(f"redis-cli ends; it showed {self.text()!r}") from None
        return self.text()

    def close(self):
        self.process.kill()
        self.process.wait()
        if self.master is not None:
            os.close(self.master)
            self.master = None


class Person(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def open(self, *options):
        terminal = Terminal(self.server.port, *options)
        self.addCleanup(terminal.close)
        terminal.waits_for(r"127\.0\.0\.1:\d+> ")
        return terminal

    def test_replies_are_written_out(self):
        for option in ("-2", "-3"):
            cli = self.open(option)
            cli.asks('set greeting "two words"', "OK")
            cli.asks("get greeting", '"two words"')
            cli.asks("get missing", r"\(nil\)")
            cli.asks("mget greeting missing", r'1\) "two words"\r\n2\) \(nil\)')
            cli.asks("strlen greeting", r"\(integer\) 9")
            cli.asks("incr greeting", r"\(error\) ERR value is not an integer or out of range")
            cli.asks("select 3", r"OK\r\n127.0.0.1:\d+\[3\]")

    def test_hints_of_arguments(self):
        cli = self.open()
        for typed, hint in [
            ("get ", "key"),
            ("incrby key ", "increment"),
            ("expire key 10 ", r"\[NX\|XX\|GT\|LT\]"),
            ("scan 0 ", r"\[MATCH pattern\]"),
            ("config get ", r"parameter \[parameter \.\.\.\]"),
            ("client kill ", r"ip:port|old-format"),
            ("copy a b ", r"\[DB destination-db\] \[REPLACE\]"),
        ]:
            cli.type(typed)
            cli.waits_for(hint)
            cli.type("\x15")  # empties the line

    def test_help_and_completion(self):
        cli = self.open()
        shown = cli.asks("help incrby", r".*group: string")
        self.assertIn("INCRBY key increment", shown)
        self.assertRegex(shown, r"summary: \w+")
        self.assertIn("since: 1.0.0", shown)
        shown = cli.asks("help @transactions", r".*WATCH key")
        for name in ("DISCARD", "EXEC", "MULTI", "UNWATCH"):
            self.assertIn(name, shown)
        cli.type("inc\t")
        cli.waits_for(r"(?i)incr")

    def test_a_transaction_shows_in_the_prompt(self):
        cli = self.open()
        cli.asks("multi", r"OK\r\n127.0.0.1:\d+\(TX\)")
        cli.asks("set k 1", "QUEUED")
        cli.asks("incr k", "QUEUED")
        cli.asks("exec", r"1\) OK\r\n2\) \(integer\) 2\r\n127.0.0.1:\d+")

    def test_subscribe(self):
        for option in ("-2", "-3"):
            listener, speaker = self.open(option), self.open(option)
            listener.enter("subscribe news")
            listener.waits_for(r'1\) "subscribe"\r\n2\) "news"\r\n3\) \(integer\) 1')
            speaker.asks("publish news hello", r"\(integer\) 1")
            listener.waits_for(r'1\) "message"\r\n2\) "news"\r\n3\) "hello"')
            listener.close()

    def test_monitor(self):
        watcher, worker = self.open(), self.open()
        watcher.enter("monitor")
        watcher.waits_for(r"OK")
        worker.asks('set watched "a\\x00b"', "OK")
        watcher.waits_for(r'\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "set" "watched" "a\\x00b"')

    def test_a_server_that_starts_again_is_found_again(self):
        own = Server()
        self.addCleanup(own.stop)
        cli = Terminal(own.port)
        self.addCleanup(cli.close)
        cli.waits_for(r"> ")
        own.process.kill()
        own.process.wait()
        cli.enter("ping")
        cli.waits_for(r"not connected> ")
        own.process = own.spawn({"port": own.port})
        self.assertTrue(own.is_ready())
        cli.asks("ping", "PONG")


if __name__ == "__main__":
    if not shutil.which("redis-cli"):
        print("no redis-cli is installed")
        sys.exit(CANNOT_RUN)
    result = unittest.main(exit=False, verbosity=1).result
    failed = len(result.failures) + len(result.errors)
    passed = max(0, result.testsRun - failed)
    print(f"SUITE redis-cli in a terminal: {passed} passed; {failed} failed; 0 skipped")
    sys.exit(failed > 0)
