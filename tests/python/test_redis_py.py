"""redis-py, the client library most used, against Lodestore: RESP2 and RESP3.

Run by tests/run with a Python that has redis-py.
"""

import sys
import time
import unittest

import redis

from server import Server


def setUpModule():
    global server
    server = Server()


def tearDownModule():
    server.stop()


class Suite:
    """The tests; each runs in both protocols."""

    protocol = None

    def client(self, **options):
        options.setdefault("decode_responses", True)
        client = redis.Redis(port=server.port, protocol=self.protocol, **options)
        self.addCleanup(client.close)
        return client

    def setUp(self):
        self.r = self.client()
        self.r.flushall()

    def test_strings(self):
        r = self.r
        self.assertTrue(r.set("k", "v"))
        self.assertEqual(r.get("k"), "v")
        self.assertIsNone(r.get("missing"))
        self.assertIsNone(r.set("k", "w", nx=True))
        self.assertEqual(r.set("k", "w", get=True), "v")
        self.assertEqual(r.incr("n"), 1)
        self.assertEqual(r.incrby("n", 41), 42)
        self.assertEqual(r.append("k", "!"), 2)
        self.assertTrue(r.mset({"a": 1, "b": 2}))
        self.assertEqual(r.mget("a", "missing", "b"), ["1", None, "2"])
        self.assertEqual(r.getdel("a"), "1")
        self.assertEqual(r.exists("a", "b"), 1)

    def test_time_to_live(self):
        r = self.r
        r.set("k", "v", ex=100)
        self.assertIn(r.ttl("k"), (99, 100))
        self.assertTrue(r.persist("k"))
        self.assertEqual(r.ttl("k"), -1)
        self.assertTrue(r.expire("k", 100, nx=True))
        self.assertFalse(r.expire("k", 100, nx=True))
        r.set("short", "v", px=20)
        time.sleep(0.05)
        self.assertIsNone(r.get("short"))

    def test_errors(self):
        self.r.set("k", "text")
        with self.assertRaisesRegex(redis.ResponseError, "not an integer"):
            self.r.incr("k")
        with self.assertRaisesRegex(redis.ResponseError, "unknown command"):
            self.r.execute_command("NOSUCH")

    def test_transaction(self):
        with self.r.pipeline(transaction=True) as p:
            self.assertEqual(p.set("k", 1).incr("k").get("k").execute(), [True, 2, "2"])

    def test_transaction_with_an_error(self):
        p = self.r.pipeline(transaction=True).set("k", "text").incr("k").set("after", 1)
        with self.assertRaises(redis.ResponseError):
            p.execute()
        self.assertEqual(self.r.get("after"), "1")

    def test_pipeline(self):
        p = self.r.pipeline(transaction=False)
        for i in range(10_000):
            p.set(f"k{i}", i)
        self.assertEqual(p.execute(), [True] * 10_000)
        self.assertEqual(self.r.dbsize(), 10_000)

    def test_watch(self):
        other = self.client()
        with self.r.pipeline() as p:
            p.watch("k")
            other.set("k", "other")
            p.multi()
            p.set("k", "mine")
            with self.assertRaises(redis.WatchError):
                p.execute()
        self.assertEqual(self.r.get("k"), "other")
        self.r.transaction(lambda p: (p.multi(), p.set("k", "mine")), "k")
        self.assertEqual(self.r.get("k"), "mine")

    def test_scan_iter(self):
        self.r.mset({f"key:{i}": i for i in range(2000)})
        self.r.mset({f"other:{i}": i for i in range(2000)})
        keys = list(self.r.scan_iter("key:*", count=50))
        self.assertEqual(sorted(set(keys)), sorted(f"key:{i}" for i in range(2000)))
        self.assertEqual(len(self.r.keys("other:*")), 2000)

    def test_channels(self):
        p = self.r.pubsub()
        self.addCleanup(p.close)
        p.subscribe("one")
        p.psubscribe("t*")
        kinds = [p.get_message(timeout=5)["type"] for _ in range(2)]
        self.assertEqual(kinds, ["subscribe", "psubscribe"])
        other = self.client()
        self.assertEqual(other.publish("one", "hello"), 1)
        self.assertEqual(other.publish("two", "there"), 1)
        first, second = p.get_message(timeout=5), p.get_message(timeout=5)
        self.assertEqual((first["type"], first["data"]), ("message", "hello"))
        self.assertEqual((second["type"], second["pattern"]), ("pmessage", "t*"))
        self.assertEqual(other.pubsub_channels(), ["one"])
        self.assertEqual(other.pubsub_numsub("one"), [("one", 1)])
        p.unsubscribe()
        self.assertEqual(p.get_message(timeout=5)["type"], "unsubscribe")

    def test_big_values(self):
        raw = self.client(decode_responses=False)
        for size in (0, 1, 44, 45, 16_384, 65_535, 65_536, 1 << 20, 32 << 20):
            value = bytes(i % 256 for i in range(256)) * (size // 256 + 1)
            value = value[:size]
            raw.set("big", value)
            self.assertEqual(raw.strlen("big"), size)
            self.assertTrue(raw.get("big") == value, size)

    def test_bytes_and_text(self):
        raw = self.client(decode_responses=False)
        raw.set(b"\x00\xff", b"\xfe\r\n")
        self.assertEqual(raw.get(b"\x00\xff"), b"\xfe\r\n")
        self.r.set("schlüssel", "größe")
        self.assertEqual(self.r.get("schlüssel"), "größe")
        self.assertEqual(raw.get("schlüssel"), "größe".encode())

    def test_url(self):
        url = f"redis://127.0.0.1:{server.port}/3?protocol={self.protocol}"
        r = redis.Redis.from_url(url, decode_responses=True, client_name="by-url")
        self.addCleanup(r.close)
        r.set("k", "three")
        self.assertEqual(r.client_getname(), "by-url")
        self.assertIsNone(self.r.get("k"))
        self.assertEqual(self.client(db=3).get("k"), "three")

    def test_server_commands(self):
        r = self.r
        self.assertTrue(r.config_set("proto-max-bulk-len", "100mb"))
        self.assertEqual(r.config_get("proto-max-bulk-len"), {"proto-max-bulk-len": "104857600"})
        r.config_set("proto-max-bulk-len", "512mb")
        info = r.info()
        self.assertRegex(info["redis_version"], r"^\d+\.\d+")
        self.assertEqual(info["role"], "master")
        self.assertGreater(r.client_id(), 0)
        self.assertTrue(any(c["addr"] for c in r.client_list()))
        seconds, micros = r.time()
        self.assertLess(abs(seconds - time.time()), 5)
        self.assertTrue(0 <= micros < 1_000_000)
        self.assertIn("get", r.command())

    def test_many_connections(self):
        clients = [self.client() for _ in range(50)]
        for i, client in enumerate(clients):
            client.set(f"k{i}", i)
        self.assertEqual([c.get(f"k{i}") for i, c in enumerate(clients)], [str(i) for i in range(50)])

    def test_a_connection_that_is_killed_comes_back(self):
        self.r.ping()
        self.client().execute_command("CLIENT", "KILL", "TYPE", "normal")
        retrying = self.r
        for _ in range(3):
            try:
                self.assertTrue(retrying.ping())
                return
            except redis.ConnectionError:
                pass
        self.fail("the connection does not come back")


class Resp2(Suite, unittest.TestCase):
    protocol = 2


class Resp3(Suite, unittest.TestCase):
    protocol = 3


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=1).result
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    # A module that cannot be set up has failed without a test of it having run.
    passed = max(0, result.testsRun - failed - skipped)
    print(f"SUITE redis-py by hand: {passed} passed; {failed} failed; {skipped} skipped")
    sys.exit(failed > 0)
