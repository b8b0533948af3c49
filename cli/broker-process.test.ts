/** The life of the process, with a script in the place of the broker: what it does with its folder is tested elsewhere. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { after, test } from 'node:test';
import { BrokerProcess } from './broker-process.ts';
import { isCommandError } from './exit.ts';

const folder = mkdtempSync(join(tmpdir(), 'stagemq-process-'));
after(() => rmSync(folder, { recursive: true }));

const needsSignals = process.platform === 'win32' ? { skip: 'Windows has no signals to send' } : {};

/** A script that stands for mq.js. */
function scriptOf(name: string, text: string): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, text);
  return path;
}

const LISTENS = `
  const [,, ...words] = process.argv;
  console.log(JSON.stringify({ stage: 4, pid: process.pid, url: 'http://127.0.0.1:1', tcpUrl: 'mq://127.0.0.1:2', words }));
  setInterval(() => undefined, 1000);
`;

test('it starts mq serve 4 on the folder and free ports, and says where it listens', async () => {
  const script = scriptOf('words', LISTENS);
  const dataFolder = join(folder, 'data');
  await using broker = await BrokerProcess.start({ dataFolder, flushPolicy: 'never', args: ['--host', '::1'], script });
  const { words } = broker.report as unknown as { words: string[] };
  const expected = `serve 4 --data ${dataFolder} --flush never --port 0 --tcp-port 0 --host ::1 --json`;
  assert.equal(words.join(' '), expected);
  assert.deepEqual([broker.url, broker.tcpUrl], ['http://127.0.0.1:1', 'mq://127.0.0.1:2']);
  assert.equal(broker.pid, broker.report.pid);
  assert.ok(broker.isAlive && broker.startMs > 0);
});

test('kill is kill -9, may be repeated, and disposing of it kills too', needsSignals, async () => {
  const script = scriptOf('stubborn', `process.on('SIGTERM', () => undefined); ${LISTENS}`);
  const broker = await BrokerProcess.start({ dataFolder: folder, script });
  assert.deepEqual(await broker.kill(), { exitCode: null, signal: 'SIGKILL' });
  assert.deepEqual(await broker.kill(), { exitCode: null, signal: 'SIGKILL' });
  assert.equal(broker.isAlive, false);
  const second = await BrokerProcess.start({ dataFolder: folder, script });
  await second[Symbol.asyncDispose]();
  assert.equal((await second.ended).signal, 'SIGKILL');
});

test('stop asks first, and kills what does not end in time', needsSignals, async () => {
  const gentle = scriptOf('gentle', `process.on('SIGTERM', () => process.exit(0)); ${LISTENS}`);
  const ending = await BrokerProcess.start({ dataFolder: folder, script: gentle });
  assert.deepEqual(await ending.stop(), { exitCode: 0, signal: null });
  const stubborn = scriptOf('stubborn', `process.on('SIGTERM', () => undefined); ${LISTENS}`);
  const staying = await BrokerProcess.start({ dataFolder: folder, script: stubborn });
  assert.deepEqual(await staying.stop({ timeoutMs: 50 }), { exitCode: null, signal: 'SIGKILL' });
});

test('a process that ends before it listens is told in its own words', async () => {
  const script = scriptOf('refuses', `console.error('mq: the folder is in use'); process.exit(1);`);
  await assert.rejects(BrokerProcess.start({ dataFolder: folder, script }), (error) => {
    return isCommandError(error) && /ended \(1\): mq: the folder is in use$/.test(error.message);
  });
});

test('a process that never listens is killed when the time is over, or the caller gives up', needsSignals, async () => {
  const pidFile = join(folder, 'pid');
  const script = scriptOf(
    'silent',
    `import { writeFileSync } from 'node:fs';
     writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => undefined, 1000);`,
  );
  await assert.rejects(
    BrokerProcess.start({ dataFolder: folder, script, startMsMax: 200 }),
    /did not listen within 200 ms/,
  );
  const abort = new AbortController();
  const starting = BrokerProcess.start({ dataFolder: folder, script, signal: abort.signal });
  abort.abort(new Error('enough'));
  await assert.rejects(starting, /enough/);
});

test('for a caller who had given up before nothing is started', async () => {
  const started = join(folder, 'started');
  const script = scriptOf(
    'early',
    `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(started)}, ''); ${LISTENS}`,
  );
  const signal = AbortSignal.abort(new Error('enough'));
  await (await BrokerProcess.start({ dataFolder: folder, script })).kill();
  assert.ok(existsSync(started), 'the script tells that it was started');
  rmSync(started);
  await assert.rejects(BrokerProcess.start({ dataFolder: folder, script, signal }), /enough/);
  assert.equal(existsSync(started), false);
});

test('what it says in plenty after it listens does not hold it', async () => {
  const script = scriptOf(
    'talkative',
    `${LISTENS}
     for (let line = 0; line < 20_000; line += 1) console.log('x'.repeat(100));
     console.error('y'.repeat(100_000)); process.exit(7);`,
  );
  await using broker = await BrokerProcess.start({ dataFolder: folder, script });
  assert.equal((await broker.ended).exitCode, 7);
  assert.equal(broker.complaints.length, 4096);
});

test('it ends with the process that started it, however that one ends', needsSignals, async () => {
  await using watch = createServer();
  await once(watch.listen(0, '127.0.0.1'), 'listening');
  const script = realShim((watch.address() as AddressInfo).port);
  for (const ending of ['process.exit(0)', "process.kill(process.pid, 'SIGKILL')", "throw new Error('crash')"]) {
    const greeted = once(watch, 'connection');
    await startedByAnother(script, ending);
    const [socket]: Socket[] = await greeted;
    // The system closes what a process had open once it has ended, and not before.
    if (socket?.closed === false) await once(socket.on('error', () => undefined).resume(), 'close');
  }
});

/** The real mq.js, whose work it is to end; behind it only the line of a broker, and a connection to `port`. */
function realShim(port: number): string {
  const script = join(folder, 'cli', 'mq.js');
  mkdirSync(dirname(script));
  copyFileSync(join(import.meta.dirname, 'mq.js'), script);
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  const greet = `await once(connect(${port}, '127.0.0.1'), 'connect');`;
  const imports = "import { once } from 'node:events'; import { connect } from 'node:net';";
  writeFileSync(join(folder, 'cli', 'main.ts'), `${imports} export async function runProcess() {${greet}${LISTENS}}`);
  return script;
}

/** Starts a process that starts a broker process and then ends. */
async function startedByAnother(script: string, ending: string): Promise<void> {
  const options = JSON.stringify({ dataFolder: folder, script });
  const starter = scriptOf(
    'starter',
    `import { BrokerProcess } from ${JSON.stringify(import.meta.resolve('./broker-process.ts'))};
     await BrokerProcess.start(${options});
     console.log('started');
     setTimeout(() => { ${ending} }, 0);`,
  );
  const other = spawn(process.execPath, [starter], { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  for await (const chunk of other.stdout.setEncoding('utf8')) said += chunk;
  assert.equal(said, 'started\n');
}
