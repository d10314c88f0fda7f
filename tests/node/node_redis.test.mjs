// node-redis, in RESP2 and in RESP3.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createClient, createClientPool, ErrorReply, MultiErrorReply, RESP_TYPES, WatchError,
} from 'redis';
import { LIMIT, Server, until } from './server.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.stop());

/** A lost connection is tried again, not for ever. */
const reconnectStrategy = (tries) => (tries < 50 ? 20 : new Error('no connection'));

/** A connected client, closed with the test. */
async function client(t, options = {}) {
  const socket = { host: '127.0.0.1', port: server.port, reconnectStrategy };
  const made = createClient({ socket, ...options });
  made.on('error', () => {});
  await made.connect();
  t.after(() => made.destroy());
  return made;
}

for (const RESP of [2, 3]) {
  describe(`node-redis RESP${RESP}`, LIMIT, () => {
    const open = (t, options) => client(t, { RESP, ...options });

    beforeEach(async () => {
      const cleaner = createClient({ socket: { port: server.port }, RESP });
      await cleaner.connect();
      await cleaner.flushAll();
      cleaner.destroy();
    });

    test('strings', async (t) => {
      const r = await open(t);
      assert.equal(await r.set('k', 'v'), 'OK');
      assert.equal(await r.get('k'), 'v');
      assert.equal(await r.get('missing'), null);
      assert.equal(await r.set('k', 'w', { condition: 'NX' }), null);
      assert.equal(await r.set('k', 'w', { GET: true }), 'v');
      assert.equal(await r.incrBy('n', 41), 41);
      assert.equal(await r.incr('n'), 42);
      assert.equal(Number(await r.incrByFloat('n', 0.5)), 42.5);
      assert.equal(await r.append('k', '!'), 2);
      assert.equal(await r.getRange('k', 0, 0), 'w');
      assert.equal(await r.setRange('k', 1, '?'), 2);
      assert.equal(await r.strLen('k'), 2);
      assert.equal(await r.mSet({ a: '1', b: '2' }), 'OK');
      assert.deepEqual(await r.mGet(['a', 'missing', 'b']), ['1', null, '2']);
      assert.equal(await r.mSetNX({ a: '3', c: '3' }), 0);
      assert.equal(await r.getDel('a'), '1');
      assert.equal(await r.getEx('b', { type: 'EX', value: 100 }), '2');
      assert.equal(await r.ttl('b'), 100);
    });

    test('the longest common subsequence', async (t) => {
      const r = await open(t);
      await r.mSet({ a: 'ohmytext', b: 'mynewtext' });
      assert.equal(await r.lcs('a', 'b'), 'mytext');
      assert.equal(await r.lcsLen('a', 'b'), 6);
      const { matches, len } = await r.lcsIdx('a', 'b');
      assert.equal(len, 6);
      assert.deepEqual(matches, [[[4, 7], [5, 8]], [[2, 3], [0, 1]]]);
    });

    test('keys', async (t) => {
      const r = await open(t);
      await r.mSet({ a: '1', b: '2' });
      assert.equal(await r.exists(['a', 'b', 'missing']), 2);
      assert.equal(await r.type('a'), 'string');
      assert.equal(await r.copy('a', 'c'), 1);
      assert.equal(await r.rename('c', 'd'), 'OK');
      assert.equal(await r.renameNX('d', 'a'), 0);
      assert.equal(await r.touch(['a', 'b']), 2);
      assert.equal(await r.unlink('d'), 1);
      assert.equal(await r.move('b', 1), 1);
      assert.equal(await r.dbSize(), 1);
      assert.equal(await r.objectEncoding('a'), 'int');
      assert.equal(await r.del(['a', 'b']), 1);
    });

    test('a dump is restored', async (t) => {
      const r = (await open(t)).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      await r.set('k', 'value');
      await r.restore('copy', 0, await r.dump('k'));
      assert.equal((await r.get('copy')).toString(), 'value');
    });

    test('times to live', async (t) => {
      const r = await open(t);
      await r.set('k', 'v', { expiration: { type: 'EX', value: 100 } });
      assert.equal(await r.ttl('k'), 100);
      assert.equal(await r.expire('k', 50, 'GT'), 0);
      assert.equal(await r.expire('k', 50, 'LT'), 1);
      assert.ok(await r.pTTL('k') > 49_000);
      assert.equal(await r.persist('k'), 1);
      assert.equal(await r.expireTime('k'), -1);
      await r.pExpire('k', 20);
      await sleep(50);
      assert.equal(await r.get('k'), null);
    });

    test('a transaction', async (t) => {
      const r = await open(t);
      const replies = await r.multi().set('n', '1').incr('n').get('n').exec();
      assert.deepEqual(replies, ['OK', 2, '2']);
    });

    test('a transaction with an error in it', async (t) => {
      const r = await open(t);
      const failing = r.multi().set('k', 'text').incr('k').set('after', '1').exec();
      await assert.rejects(failing, (error) => {
        assert.ok(error instanceof MultiErrorReply);
        assert.deepEqual(error.errorIndexes, [1]);
        return true;
      });
      assert.equal(await r.get('after'), '1');
    });

    test('a watched key that changes', async (t) => {
      const [r, other] = [await open(t), await open(t)];
      await r.watch('k');
      await other.set('k', 'other');
      await assert.rejects(r.multi().set('k', 'mine').exec(), WatchError);
      assert.equal(await r.get('k'), 'other');
    });

    test('many commands at once', async (t) => {
      const r = await open(t);
      const many = Array.from({ length: 10_000 }, (_, i) => i);
      await Promise.all(many.map((i) => r.set(`k${i}`, `${i}`)));
      const values = await Promise.all(many.map((i) => r.get(`k${i}`)));
      assert.deepEqual(values, many.map(String));
    });

    test('channels and patterns', async (t) => {
      const [r, subscriber] = [await open(t), await open(t)];
      const heard = [];
      const listener = (message, channel) => heard.push([channel, message]);
      await subscriber.subscribe('one', listener);
      await subscriber.pSubscribe('t*', listener);
      assert.equal(await r.publish('one', 'hello'), 1);
      assert.equal(await r.publish('two', 'there'), 1);
      await until(() => heard.length === 2, 'two messages');
      assert.deepEqual(heard, [['one', 'hello'], ['two', 'there']]);
      assert.deepEqual(await r.pubSubChannels(), ['one']);
      assert.equal(await r.pubSubNumPat(), 1);
      await subscriber.unsubscribe('one');
      await subscriber.pUnsubscribe();
      assert.equal(await r.publish('one', 'nobody'), 0);
      assert.equal(String(await subscriber.ping()), 'PONG');
    });

    test('a scan meets every key', async (t) => {
      const r = await open(t);
      const names = Array.from({ length: 2_000 }, (_, i) => `key:${i}`);
      await r.mSet(Object.fromEntries(names.map((name) => [name, 'v'])));
      await r.mSet({ 'other:1': 'v' });
      const met = new Set();
      for await (const keys of r.scanIterator({ MATCH: 'key:*', COUNT: 50, TYPE: 'string' })) {
        for (const key of keys) met.add(key);
      }
      assert.deepEqual([...met].sort(), names.sort());
      assert.equal((await r.keys('key:*')).length, 2_000);
    });

    test('bytes and text', async (t) => {
      const r = await open(t);
      const raw = r.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      const bytes = Buffer.from([0, 255, 13, 10]);
      await raw.set(bytes, bytes);
      assert.deepEqual(await raw.get(bytes), bytes);
      await r.set('schlüssel', 'größe');
      assert.equal(await r.get('schlüssel'), 'größe');
      const big = Buffer.alloc(8 << 20, 'x');
      await raw.set('big', big);
      assert.ok(big.equals(await raw.get('big')));
    });

    test('errors', async (t) => {
      const r = await open(t);
      await r.set('k', 'text');
      await assert.rejects(r.incr('k'), (error) => {
        assert.ok(error instanceof ErrorReply);
        assert.match(error.message, /^ERR value is not an integer/);
        return true;
      });
      await assert.rejects(r.sendCommand(['NOSUCH']), /ERR unknown command 'NOSUCH'/);
      await assert.rejects(r.sendCommand(['GET']), /wrong number of arguments for 'get'/);
    });

    test('who is connected', async (t) => {
      const r = await open(t, { name: 'by-option' });
      assert.equal(await r.clientGetName(), 'by-option');
      const info = await r.clientInfo();
      assert.equal(info.id, await r.clientId());
      assert.equal(info.name, 'by-option');
      assert.equal(info.libName, 'node-redis');
      assert.match(info.libVer, /^6\./);
      assert.equal(info.resp, RESP);
      const names = (await r.clientList()).map((one) => one.name);
      assert.ok(names.includes('by-option'));
    });

    test('what the server says of itself', async (t) => {
      const r = await open(t);
      assert.match(await r.info('server'), /redis_version:\d+\.\d+/);
      assert.equal(await r.configSet({ 'slowlog-max-len': '7', 'maxmemory-samples': '6' }), 'OK');
      assert.deepEqual({ ...await r.configGet('slowlog-max-len') }, { 'slowlog-max-len': '7' });
      const get = (await r.commandInfo(['get']))[0];
      assert.deepEqual([get.name, get.arity, get.firstKeyIndex], ['get', 2, 1]);
      assert.ok((await r.command()).length > 60);
      assert.equal((await r.role()).role, 'master');
      assert.ok(await r.memoryUsage('missing') === null);
    });

    test('a database by its number, and by a URL', async (t) => {
      const r = await open(t);
      const third = createClient({ url: `redis://127.0.0.1:${server.port}/3`, RESP });
      await third.connect();
      t.after(() => third.destroy());
      await third.set('k', 'three');
      assert.equal(await r.get('k'), null);
      await r.select(3);
      assert.equal(await r.get('k'), 'three');
    });

    test('a pool of connections', async (t) => {
      const pool = await createClientPool(
        { socket: { port: server.port }, RESP }, { minimum: 1, maximum: 5 },
      ).connect();
      t.after(() => pool.destroy());
      const counts = await Promise.all(Array.from({ length: 50 }, () => pool.incr('n')));
      assert.equal(Math.max(...counts), 50);
    });

    test('a killed connection comes back', async (t) => {
      const [r, other] = [await open(t), await open(t)];
      const id = await r.clientId();
      assert.equal(await other.clientKill({ filter: 'ID', id }), 1);
      await until(async () => (await r.clientId()) !== id, 'another connection');
      assert.equal(await r.ping(), 'PONG');
    });

    test('MONITOR shows commands', async (t) => {
      const [r, watcher] = [await open(t), await open(t)];
      const lines = [];
      await watcher.monitor((line) => lines.push(String(line)));
      await r.set('watched', 'v');
      await until(() => lines.length > 0, 'a line of MONITOR');
      assert.match(lines[0], /^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "watched" "v"$/);
    });
  });
}

describe('node-redis, cached on the client\'s side', LIMIT, () => {
  const cached = (t, options) =>
    client(t, { RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100, evictPolicy: 'LRU', ...options } });

  test('a second read asks nobody, a change by another is seen', async (t) => {
    const [r, other] = [await cached(t), await client(t, { RESP: 3 })];
    await other.set('cached', 'first');
    const reads = async () => (await other.info('commandstats')).match(/cmdstat_get:calls=(\d+)/)?.[1] ?? '0';
    assert.equal(await r.get('cached'), 'first');
    const before = await reads();
    for (let i = 0; i < 10; i++) assert.equal(await r.get('cached'), 'first');
    assert.equal(await reads(), before);
    await other.set('cached', 'second');
    await until(async () => (await r.get('cached')) === 'second', 'the change');
  });

  test('a key that expires and a database that is emptied', async (t) => {
    const [r, other] = [await cached(t), await client(t, { RESP: 3 })];
    await other.set('short', 'v', { expiration: { type: 'PX', value: 60 } });
    await other.set('long', 'v');
    assert.deepEqual([await r.get('short'), await r.get('long')], ['v', 'v']);
    await until(async () => (await r.get('short')) === null, 'the end of its time');
    await other.flushAll();
    await until(async () => (await r.get('long')) === null, 'the empty database');
  });
});

test('a server that is started again is found again', LIMIT, async (t) => {
  const own = await Server.start();
  t.after(() => own.stop());
  const r = createClient({ socket: { port: own.port, reconnectStrategy } });
  r.on('error', () => {});
  await r.connect();
  t.after(() => r.destroy());
  await r.set('k', 'v');
  await own.restart();
  await until(() => r.isReady, 'the connection');
  assert.equal(await r.get('k'), null);
});
