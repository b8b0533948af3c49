/**
 * Clients that others wrote, in four languages and over two carriers, do the same and see the same. Ruby and Python need a
 * package of the system; where it is missing the test says how it is installed.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SystemClock } from '../../../../shared/clock.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { ConnectionBook } from '../connection-book.ts';
import { playScript, type ScriptClient } from './testing/clients/script.ts';
import { stompitClient } from './testing/clients/stompit.ts';
import { stompjsClient } from './testing/clients/stompjs.ts';
import { openRobustDoor } from './testing/doors.ts';

const run = promisify(execFile);
/** A client that waits in vain is a failure, and not the end of the run. */
const IN_TIME = { timeout: 120_000 };

/** For so many a connection is quiet. */
const HEART_BEATS = 5;

const EXPECTED = [
  "auto hello 9:5 'a\\nb:c'",
  'client three',
  'nack three true 2',
  'transaction first second',
  'durable missed',
  'bytes 00ff0a00',
];

const IN_PROCESS: readonly (readonly [name: string, clientOf: (port: number) => ScriptClient])[] = [
  ['stompit', stompitClient],
  ['stompjs over WebSocket', (port) => stompjsClient(port, 'websocket')],
  ['stompjs on a socket', (port) => stompjsClient(port, 'tcp')],
];

/** Programs of other languages. */
const PROGRAMS = [
  {
    name: 'the gem stomp of Ruby',
    command: 'ruby',
    probe: ['-e', 'require "stomp"'],
    file: 'script.rb',
    apt: 'ruby-stomp',
  },
  {
    ...{ name: 'stomp.py of Python', command: '/usr/bin/python3', probe: ['-c', 'import stomp'] },
    ...{ file: 'script.py', apt: 'python3-stomp' },
  },
] as const;

for (const [name, clientOf] of IN_PROCESS) {
  test(
    `${name}: sends, acks, nacks, transactions, durable subscriptions, receipts, bytes, heart-beats`,
    IN_TIME,
    async () => {
      const book = new ConnectionBook({ clock: new SystemClock() });
      await using door = await openRobustDoor({ heartbeatMs: 200, book });
      assert.deepEqual(await playScript(clientOf(door.port), () => heartBeatsIn(book)), EXPECTED);
    },
  );
}

for (const { name, command, probe, file, apt } of PROGRAMS) {
  test(
    `${name}: sends, acks, nacks, transactions, durable subscriptions, receipts, bytes, heart-beats`,
    IN_TIME,
    async (context) => {
      if (!(await isThere(context, command, probe, apt))) return;
      await using door = await openRobustDoor({ heartbeatMs: 200 });
      const path = fileURLToPath(new URL(`testing/clients/${file}`, import.meta.url));
      const { stdout } = await run(command, [path, String(door.port)], { timeout: 60_000 });
      assert.deepEqual(stdout.trimEnd().split('\n'), EXPECTED);
    },
  );
}

async function isThere(context: TestContext, command: string, probe: readonly string[], apt: string): Promise<boolean> {
  try {
    await run(command, [...probe]);
    return true;
  } catch {
    context.skip(`it is not installed: sudo apt-get install ${apt}`);
    return false;
  }
}

/** Of a quiet connection every byte is one. */
async function heartBeatsIn(book: ConnectionBook): Promise<void> {
  const bytes = (): readonly number[] => book.connections().flatMap(({ bytesIn, bytesOut }) => [bytesIn, bytesOut]);
  await until('the others are gone', () => book.connections().length === 1);
  const [inBefore = 0, outBefore = 0] = bytes();
  await until('there were heart-beats', () => {
    const [inNow = 0, outNow = 0] = bytes();
    return inNow >= inBefore + HEART_BEATS && outNow >= outBefore + HEART_BEATS;
  });
}
