// Server processes for the suites written for node: one port and one folder each.
//
// tests/run sets LODESTORE_SERVER to the binary under test.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE = 20_000; // milliseconds in which a server must start

/** A client that never connects must not hold the run up: an option for each group of tests. */
export const LIMIT = { timeout: 60_000 };

async function freePort() {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address();
  holder.close();
  await once(holder, 'close');
  return port;
}

/** Whether PING is answered there. */
async function answers(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [reply] = await once(socket, 'data');
    return reply.toString().startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export class Server {
  static async start() {
    const server = new Server();
    server.dir = await mkdtemp(join(tmpdir(), 'lodestore-'));
    server.port = await freePort();
    await server.spawn();
    return server;
  }

  async spawn() {
    const args = ['--port', this.port, '--bind', '127.0.0.1', '--save', '', '--dir', this.dir];
    this.process = spawn(process.env.LODESTORE_SERVER, args.map(String), { stdio: 'ignore' });
    const end = Date.now() + PATIENCE;
    while (!(await answers(this.port))) {
      if (Date.now() > end || this.process.exitCode !== null) {
        await this.stop();
        throw new Error(`${process.env.LODESTORE_SERVER} does not answer`);
      }
      await sleep(10);
    }
  }

  /** Ends the process as a power cut would, and starts another one on the same port. */
  async restart() {
    await this.kill();
    await this.spawn();
  }

  async kill() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
  }

  async stop() {
    await this.kill();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** Waits until `condition` holds; fails after five seconds. */
export async function until(condition, what) {
  const end = Date.now() + 5_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`does not happen: ${what}`);
    await sleep(5);
  }
}
