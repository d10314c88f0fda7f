// ioredis, in RESP2 and in RESP3.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { LIMIT, Server, until } from './server.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.stop());

/** A client, closed with the test. */
function client(t, options = {}) {
  const made = new Redis({ port: server.port, host: '127.0.0.1', ...options });
  made.on('error', () => {}); // a lost connection is tried again
  t.after(() => made.disconnect());
  return made;
}

for (const protocol of [2, 3]) {
  describe(`ioredis RESP${protocol}`, LIMIT, () => {
    const open = (t, options) => client(t, { protocol, ...options });

    beforeEach(async () => {
      const cleaner = new Redis({ port: server.port, protocol });
      await cleaner.flushall();
      cleaner.disconnect();
    });

    test('strings', async (t) => {
      const r = open(t);
      assert.equal(await r.set('k', 'v'), 'OK');
      assert.equal(await r.get('k'), 'v');
      assert.equal(await r.get('missing'), null);
      assert.equal(await r.set('k', 'w', 'NX'), null);
      assert.equal(await r.set('k', 'w', 'GET'), 'v');
      assert.equal(await r.setnx('k', 'x'), 0);
      assert.equal(await r.incrby('n', 41), 41);
      assert.equal(await r.incr('n'), 42);
      assert.equal(await r.decr('n'), 41);
      assert.equal(Number(await r.incrbyfloat('n', 0.5)), 41.5);
      assert.equal(await r.append('k', '!'), 2);
      assert.equal(await r.getrange('k', 0, 0), 'w');
      assert.equal(await r.setrange('k', 1, '?'), 2);
      assert.equal(await r.mset({ a: 1, b: 2 }), 'OK');
      assert.deepEqual(await r.mget('a', 'missing', 'b'), ['1', null, '2']);
      assert.equal(await r.msetnx({ a: 3, c: 3 }), 0);
      assert.equal(await r.getdel('a'), '1');
      assert.equal(await r.getset('b', '3'), '2');
    });

    test('keys and their times to live', async (t) => {
      const r = open(t);
      await r.mset('a', 1, 'b', 2);
      assert.equal(await r.exists('a', 'b', 'missing'), 2);
      assert.equal(await r.type('a'), 'string');
      assert.equal(await r.rename('a', 'c'), 'OK');
      assert.equal(await r.copy('c', 'd', 'REPLACE'), 1);
      assert.equal(await r.expire('c', 100, 'NX'), 1);
      assert.equal(await r.expire('c', 100, 'NX'), 0);
      assert.ok(await r.pttl('c') > 99_000);
      assert.equal(await r.persist('c'), 1);
      assert.equal(await r.ttl('c'), -1);
      assert.equal(await r.psetex('short', 20, 'v'), 'OK');
      await sleep(50);
      assert.equal(await r.get('short'), null);
      assert.equal(await r.object('ENCODING', 'c'), 'int');
      assert.equal(await r.unlink('c', 'd'), 2);
      const dump = await r.dumpBuffer('b');
      assert.equal(await r.restore('e', 0, dump), 'OK');
      assert.equal(await r.get('e'), '2');
    });

    test('a transaction', async (t) => {
      const r = open(t);
      const replies = await r.multi().set('n', 1).incr('n').get('n').exec();
      assert.deepEqual(replies, [[null, 'OK'], [null, 2], [null, '2']]);
    });

    test('a transaction whose commands are sent one by one', async (t) => {
      const r = open(t);
      await r.multi({ pipeline: false });
      assert.equal(await r.set('n', 1), 'QUEUED');
      assert.deepEqual(await r.exec(), [[null, 'OK']]);
    });

    test('a transaction with an error in it, and one that is refused', async (t) => {
      const r = open(t);
      const replies = await r.multi().set('k', 'text').incr('k').set('after', 1).exec();
      assert.match(replies[1][0].message, /^ERR value is not an integer/);
      assert.equal(await r.get('after'), '1');
      await assert.rejects(r.multi().call('NOSUCH').exec(), (error) => {
        assert.match(error.message, /^EXECABORT/);
        assert.match(error.previousErrors[0].message, /unknown command 'NOSUCH'/);
        return true;
      });
    });

    test('a watched key that changes', async (t) => {
      const [r, other] = [open(t), open(t)];
      await r.watch('k');
      await other.set('k', 'other');
      assert.equal(await r.multi().set('k', 'mine').exec(), null);
    });

    test('a pipeline', async (t) => {
      const r = open(t);
      const pipeline = r.pipeline();
      for (let i = 0; i < 10_000; i++) pipeline.set(`k${i}`, i);
      const replies = await pipeline.exec();
      assert.ok(replies.every(([error, reply]) => error === null && reply === 'OK'));
      assert.equal(await r.dbsize(), 10_000);
    });

    test('commands put together by the client itself', async (t) => {
      const r = open(t, { enableAutoPipelining: true });
      const counts = await Promise.all(Array.from({ length: 500 }, () => r.incr('n')));
      assert.deepEqual(counts, Array.from({ length: 500 }, (_, i) => i + 1));
    });

    test('channels and patterns', async (t) => {
      const [r, subscriber] = [open(t), open(t)];
      const heard = [];
      subscriber.on('message', (channel, message) => heard.push([channel, message]));
      subscriber.on('pmessage', (pattern, channel, message) => heard.push([pattern, channel, message]));
      assert.equal(await subscriber.subscribe('one', 'more'), 2);
      assert.equal(await subscriber.psubscribe('t*'), 3);
      assert.equal(await r.publish('one', 'hello'), 1);
      assert.equal(await r.publish('two', 'there'), 1);
      await until(() => heard.length === 2, 'two messages');
      assert.deepEqual(heard, [['one', 'hello'], ['t*', 'two', 'there']]);
      assert.deepEqual(await r.pubsub('NUMSUB', 'one'), ['one', 1]);
      assert.equal(await subscriber.unsubscribe('one'), 2);
    });

    test('subscriptions come back with the connection', async (t) => {
      const [r, subscriber] = [open(t), open(t, { retryStrategy: () => 10 })];
      await subscriber.subscribe('one');
      assert.ok(await r.client('KILL', 'TYPE', 'pubsub') >= 1);
      await until(async () => (await r.publish('one', 'hello')) === 1, 'the subscription');
    });

    test('a scan meets every key', async (t) => {
      const r = open(t);
      const names = Array.from({ length: 2_000 }, (_, i) => `key:${i}`);
      await r.mset(new Map(names.map((name) => [name, 'v'])));
      await r.set('other', 'v');
      const met = new Set();
      for await (const keys of r.scanStream({ match: 'key:*', count: 50, type: 'string' })) {
        for (const key of keys) met.add(key);
      }
      assert.deepEqual([...met].sort(), names.sort());
    });

    test('bytes and text', async (t) => {
      const r = open(t);
      const bytes = Buffer.from([0, 255, 13, 10]);
      await r.set(bytes, bytes);
      assert.deepEqual(await r.getBuffer(bytes), bytes);
      await r.set('schlüssel', 'größe');
      assert.equal(await r.get('schlüssel'), 'größe');
      const big = Buffer.alloc(8 << 20, 'x');
      await r.set('big', big);
      assert.ok(big.equals(await r.getBuffer('big')));
    });

    test('errors', async (t) => {
      const r = open(t);
      await r.set('k', 'text');
      await assert.rejects(r.incr('k'), (error) => {
        assert.equal(error.name, 'ReplyError');
        assert.match(error.message, /^ERR value is not an integer/);
        assert.deepEqual(error.command, { name: 'incr', args: ['k'] });
        return true;
      });
      await assert.rejects(r.call('NOSUCH'), /ERR unknown command 'NOSUCH'/);
    });

    test('who is connected', async (t) => {
      const r = open(t, { connectionName: 'by-option' });
      assert.equal(await r.client('GETNAME'), 'by-option');
      const id = await r.client('ID');
      const line = await r.client('LIST', 'ID', id);
      assert.match(line, /name=by-option/);
      assert.match(line, /lib-name=ioredis/);
      assert.match(line, new RegExp(`resp=${protocol}`));
      assert.equal(await r.client('NO-EVICT', 'ON'), 'OK');
      assert.equal(await r.client('SETNAME', 'another'), 'OK');
      assert.match(await r.client('INFO'), /name=another/);
    });

    test('what the server says of itself', async (t) => {
      const r = open(t);
      assert.match(await r.info(), /redis_version:\d+\.\d+/);
      assert.equal(await r.config('SET', 'slowlog-max-len', 7), 'OK');
      assert.deepEqual(await r.config('GET', 'slowlog-max-len'), ['slowlog-max-len', '7']);
      assert.equal((await r.command('INFO', 'get'))[0][0], 'get');
      assert.ok(await r.command('COUNT') > 60);
      assert.equal((await r.role())[0], 'master');
      assert.deepEqual((await r.time()).length, 2);
    });

    test('databases, by option and by SELECT', async (t) => {
      const [r, third] = [open(t), open(t, { db: 3 })];
      await third.set('k', 'three');
      assert.equal(await r.get('k'), null);
      await r.select(3);
      assert.equal(await r.get('k'), 'three');
    });

    test('a killed connection comes back, and its commands with it', async (t) => {
      const [r, other] = [open(t, { retryStrategy: () => 10 }), open(t)];
      const id = await r.client('ID');
      assert.equal(await other.client('KILL', 'ID', id), 1);
      assert.notEqual(await r.client('ID'), id);
    });

    test('MONITOR shows commands', async (t) => {
      const r = open(t);
      const watcher = await r.monitor();
      t.after(() => watcher.disconnect());
      const shown = once(watcher, 'monitor');
      await r.set('watched', 'v');
      const [time, words, source, database] = await shown;
      assert.match(time, /^\d+\.\d{6}$/);
      assert.deepEqual(words.map((word) => word.toLowerCase()), ['set', 'watched', 'v']);
      assert.match(source, /^127\.0\.0\.1:\d+$/);
      assert.equal(database, '0');
    });

    test('a password', async (t) => {
      const r = open(t);
      await r.config('SET', 'requirepass', 'secret');
      t.after(async () => {
        const owner = new Redis({ port: server.port, password: 'secret' });
        await owner.config('SET', 'requirepass', '');
        owner.disconnect();
      });
      const knowing = open(t, { password: 'secret' });
      assert.equal(await knowing.set('k', 'v'), 'OK');
      const guessing = open(t, { retryStrategy: null });
      await assert.rejects(guessing.get('k'), /NOAUTH|closed/);
    });
  });
}

test('replies keep their RESP3 types when asked', LIMIT, async (t) => {
  const r = client(t, { protocol: 3, replyMapping: 'resp3' });
  const answer = await r.config('GET', 'slowlog-max-len');
  const pairs = answer instanceof Map ? [...answer] : Object.entries(answer);
  assert.deepEqual(pairs.map(([name]) => name), ['slowlog-max-len']);
});

test('a server that is started again is found again', LIMIT, async (t) => {
  const own = await Server.start();
  t.after(() => own.stop());
  const r = new Redis({ port: own.port, retryStrategy: () => 20, maxRetriesPerRequest: null });
  r.on('error', () => {});
  t.after(() => r.disconnect());
  await r.set('k', 'v');
  await own.restart();
  assert.equal(await r.get('k'), null); // waits for the connection
});
