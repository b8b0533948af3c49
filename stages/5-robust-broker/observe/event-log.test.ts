import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../../shared/clock.ts';
import { CHANNELS } from './channels.ts';
import { EventLog, type LogFormat, type LogLevel } from './event-log.ts';

const STARTED_AT = Date.UTC(2026, 0, 1);
const PREFIX = '2026-01-01T00:00:00.000Z';

/** Keeps what it is given; while it is held it takes nothing. */
class Reader extends Writable {
  readonly taken: string[] = [];
  readonly #held: (() => void)[] = [];
  isHeld = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.taken.push(chunk.toString());
    if (this.isHeld) this.#held.push(done);
    else done();
  }

  release(): void {
    this.isHeld = false;
    for (const done of this.#held.splice(0)) done();
  }

  get text(): string {
    return this.taken.join('');
  }
}

function openLog(options: {
  readonly format?: LogFormat;
  readonly level?: LogLevel;
  readonly unreadBytesMax?: number;
}) {
  const stream = new Reader();
  const clock = new VirtualClock({ startAt: STARTED_AT });
  return { stream, clock, log: new EventLog({ clock, stream, ...options }) };
}

test('a line of text has the time, the level, the event and its fields; a line of JSON is one object', () => {
  const text = openLog({});
  text.log.write('warn', 'refused', { code: 'MQ_FORBIDDEN', from: '127.0.0.1:5', count: 3, name: 'two words' });
  assert.equal(
    text.stream.text,
    `${PREFIX} WARN  refused code=MQ_FORBIDDEN from=127.0.0.1:5 count=3 name="two words"\n`,
  );
  const json = openLog({ format: 'json' });
  json.log.write('info', 'connected', { door: 'tcp' });
  assert.deepEqual(JSON.parse(json.stream.text), { level: 'info', time: PREFIX, door: 'tcp', event: 'connected' });
});

test('what is below the level is not told', () => {
  const { log, stream } = openLog({ level: 'warn' });
  log.write('info', 'connected');
  log.write('debug', 'expired');
  log.write('error', 'failed');
  assert.equal(stream.text, `${PREFIX} ERROR failed\n`);
  const silent = openLog({ level: 'silent' });
  silent.log.write('error', 'failed');
  assert.equal(silent.stream.text, '');
});

test('whatever a stranger writes into a name, a line stays one line in which nothing acts', () => {
  const hostile = 'a\r\n2026 INFO forged\u001b[2J\u009b31m\u2028\u202egnp.exe\u0000\ud800';
  for (const format of ['text', 'json'] as const) {
    const { log, stream } = openLog({ format });
    log.write('warn', 'refused', { topic: hostile, [hostile]: 1 });
    assert.equal(stream.text.split('\n').length, 2, format);
    assert.doesNotMatch(stream.text.slice(0, -1), /[\p{Cc}\p{Zl}\p{Zp}\u202e]/u, format);
    if (format === 'json') assert.equal(JSON.parse(stream.text).topic, hostile.toWellFormed());
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
      const { log, stream } = openLog({});
      log.write('info', 'x', { [name]: value });
      assert.match(stream.text, /^[^\p{Cc}]*\n$/u);
    }),
  );
});

test('secrets are told neither by the names of fields nor inside texts, and bodies never', () => {
  const secret = 'hunter2-s3cr3t';
  for (const format of ['text', 'json'] as const) {
    const { log, stream } = openLog({ format });
    log.write('warn', 'refused', {
      authorization: `Bearer ${secret}`,
      headers: { Authorization: `Basic ${secret}`, cookie: secret, 'x-api-token': secret },
      password: secret,
      leaseToken: secret,
      body: secret,
      list: [{ passwd: secret }],
      error: new Error(`mq://user:${secret}@host refused; Authorization: Bearer ${secret}, password=${secret}`),
      query: `?a=1&access_token=${secret}&b=2`,
    });
    assert.ok(!stream.text.includes(secret), stream.text);
    assert.ok(stream.text.includes('mq://[redacted]@host'), 'and the rest is');
    assert.ok(stream.text.includes('a=1'));
  }
});

test('a field as long as a body is cut, and one as deep as a tree too', () => {
  const { log, stream } = openLog({ format: 'json' });
  const deep = { a: { b: { c: { d: { e: { f: 1 } } } } } };
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`n${index}`, index]));
  log.write('info', 'x', { long: 'x'.repeat(1_000_000), deep, many, bytes: new Uint8Array(9) });
  assert.ok(stream.text.length < 4000, `${stream.text.length} characters`);
  assert.equal(JSON.parse(stream.text).bytes, '9 bytes');
});

test('what repeats is told ten times and then counted, each kind by itself', async () => {
  const { log, stream, clock } = openLog({});
  for (let index = 0; index < 1000; index += 1) log.write('warn', 'refused', { code: 'MQ_UNAUTHORIZED', index });
  log.write('warn', 'refused', { code: 'MQ_FORBIDDEN' });
  assert.equal(stream.taken.length, 11);
  await clock.pass(10_000);
  assert.equal(stream.taken.length, 12);
  assert.match(stream.taken.at(-1) ?? '', /WARN {2}refused code=MQ_UNAUTHORIZED repeatedCount=990\n$/);
  log.write('warn', 'refused', { code: 'MQ_UNAUTHORIZED' });
  assert.equal(stream.taken.length, 13, 'a new window');
  log.close();
  assert.equal(clock.timerCount, 0);
});

test('a reader that takes nothing costs a bounded piece of memory; a line says how many are missing', () => {
  const { log, stream } = openLog({ unreadBytesMax: 2000 });
  stream.isHeld = true;
  for (let index = 0; index < 500; index += 1) log.write('info', `kind-${index}`, { filler: 'x'.repeat(80) });
  assert.ok(stream.writableLength < 2300, `${stream.writableLength} bytes wait`);
  const [series] = log.metrics()[0]?.series ?? [];
  assert.ok(Number(series?.value) > 400);
  const [first] = stream.taken;
  assert.match(String(first), /kind-0/);
  stream.release();
  while (stream.writableLength > 0) stream.release();
  log.write('info', 'after');
  assert.match(stream.text, new RegExp(`WARN {2}log-lines-dropped droppedCount=${series?.value}\n[^\n]*after\n$`));
});

test('a reader that goes away ends only its log', async () => {
  const { log, stream } = openLog({});
  log.write('info', 'one');
  stream.destroy(new Error('EPIPE'));
  await new Promise<void>((resolve) => stream.once('close', resolve));
  log.write('info', 'two');
  assert.equal(log.metrics()[0]?.series[0]?.value, 1);
});

test('the log tells of dead letters, slow consumers and flow control of its own broker', () => {
  const { log, stream } = openLog({});
  const source = {};
  log.watch(source);
  const event = { at: 1, topic: 'orders', group: 'kitchen', partition: 0, fromOffset: 3, count: 2 };
  CHANNELS.dead.publish({ ...event, source, why: 'deliveries' });
  CHANNELS.dead.publish({ ...event, source: {}, why: 'rejected' });
  CHANNELS.flowControl.publish({ source, at: 1, isOn: true, why: 'memory' });
  CHANNELS.flowControl.publish({ source, at: 1, isOn: false, why: 'memory' });
  assert.deepEqual(stream.taken, [
    `${PREFIX} WARN  dead-letter topic=orders group=kitchen partition=0 fromOffset=3 count=2 why=deliveries\n`,
    `${PREFIX} WARN  flow-control-on isOn=true why=memory\n`,
    `${PREFIX} WARN  flow-control-off isOn=false why=memory\n`,
  ]);
  assert.equal(CHANNELS.expired.isWatched, false, 'nobody makes what is below the level');
  log.close();
  assert.equal(CHANNELS.dead.isWatched, false);
});

test('a pipe that nobody reads keeps the process neither waiting nor growing', async () => {
  const worker = join(import.meta.dirname, '../testing/log-worker.ts');
  const child = spawn(process.execPath, [worker], { stdio: ['ignore', 'pipe', 'pipe'] });
  // Its log goes to stderr, which is not read; what it found goes to stdout.
  let report = '';
  child.stdout.on('data', (chunk) => {
    report += chunk;
  });
  const ended = once(child, 'exit');
  await once(child.stdout, 'end');
  child.kill();
  await ended;
  const { longestTurnMs, droppedCount, unreadBytes } = JSON.parse(report);
  assert.ok(droppedCount > 1000, `${droppedCount} dropped`);
  assert.ok(unreadBytes <= 1024 * 1024 + 64 * 1024, `${unreadBytes} bytes wait`);
  assert.ok(longestTurnMs < 1000, `a turn took ${longestTurnMs} ms`);
});

test('a log that goes into a file is whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stagemq-log-'));
  try {
    const file = join(folder, 'log');
    const worker = join(import.meta.dirname, '../testing/log-worker.ts');
    const child = spawn(process.execPath, [worker, 'few'], { stdio: ['ignore', 'ignore', openSync(file, 'w')] });
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).event),
      Array.from({ length: 100 }, (_, index) => `kind-${index}`),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
