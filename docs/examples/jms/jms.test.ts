/** The programs of the course, each a process of its own, print the lines that they print in Java. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import { createTcpServer } from '../../../stages/4-persisted-log/index.ts';
import { createBroker } from '../../../stages/5-robust-broker/index.ts';

const linesOf = (verb: string): string[] =>
  Array.from({ length: 10 }, (_, number) => `${verb}消息：textMessage${number}`);
const SENT = linesOf('发送');
const RECEIVED = linesOf('接收');

class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown[]>;
  readonly #lines: AsyncIterableIterator<string>;

  constructor(name: string, url: string) {
    const child = spawn(process.execPath, [join(import.meta.dirname, name), url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#exited = once(child, 'exit');
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Its next lines, or what it printed until it ended. */
  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) {
      const { value, done } = await this.#lines.next();
      if (done) break;
      lines.push(value);
    }
    return lines;
  }

  async exitCode(): Promise<unknown> {
    assert.deepEqual(await this.lines(1), [], 'it prints nothing more');
    return (await this.#exited)[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}

/** `broker`, and a promise for the moment at which so many groups were made in it. */
function watched(broker: Broker, groupCount: number): { readonly seen: Broker; readonly subscribed: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const createGroup: Broker['createGroup'] = async (...args) => {
    await broker.createGroup(...args);
    count += 1;
    if (count === groupCount) resolve();
  };
  const seen = new Proxy(broker, {
    get: (target, name) => {
      if (name === 'createGroup') return createGroup;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { seen, subscribed: promise };
}

test('the producer of a queue prints what it sent, with a broker in its own process', async () => {
  await using producer = new Program('queue-producer.ts', 'stage:5');
  assert.deepEqual(await producer.lines(10), SENT);
  assert.equal(await producer.exitCode(), 0);
});

test('what the producer of a queue sent is what its consumer prints, over a server', async () => {
  await using broker = await createBroker();
  await using server = await createTcpServer(broker, { port: 0 });
  await using producer = new Program('queue-producer.ts', server.url);
  assert.deepEqual(await producer.lines(10), SENT);
  assert.equal(await producer.exitCode(), 0);
  await using consumer = new Program('queue-consumer.ts', server.url);
  assert.deepEqual(await consumer.lines(10), RECEIVED);
});

test('what is published to a topic is what each of two subscribers prints, over a server', async () => {
  await using broker = await createBroker();
  const { seen, subscribed } = watched(broker, 2);
  await using server = await createTcpServer(seen, { port: 0 });
  await using one = new Program('topic-consumer.ts', server.url);
  await using other = new Program('topic-consumer.ts', server.url);
  await subscribed;
  await using producer = new Program('topic-producer.ts', server.url);
  assert.deepEqual(await producer.lines(10), SENT);
  assert.deepEqual(await Promise.all([one.lines(10), other.lines(10)]), [RECEIVED, RECEIVED]);
});
