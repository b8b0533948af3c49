/**
 * What the stage is for, through the real command: a file of lines of any bytes is sent to a broker that is killed with -9
 * in the middle; started again on its folder, it has every line it had acknowledged.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { SeededRandom } from '../shared/random.ts';
import { BrokerProcess } from './broker-process.ts';
import { runCaptured } from './testing/captured-terminal.ts';
import { awkwardLines, linesOf } from './testing/lines-of-any-kind.ts';
import { MqProcess, runMq } from './testing/mq-process.ts';

const LINES_COUNT = 20_000;
/** Lines written to the command at once. */
const CHUNK_LINES = 100;
const needsSignals = process.platform === 'win32' ? { skip: 'Windows has no kill -9' } : {};

async function freshFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stagemq-crash-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Sends `lines` through the real command, and kills the broker after so many of them were written to it. */
async function sendUntilKilled(
  broker: BrokerProcess,
  { target, lines, killAt }: { readonly target: string; readonly lines: readonly Buffer[]; readonly killAt: number },
): Promise<{ readonly acknowledgedCount: number; readonly exitCode: number | null }> {
  await using sending = new MqProcess(['send', 'file', '--target', target]);
  const { stdin } = sending.child;
  for (let from = 0; from < lines.length && stdin.writable; from += CHUNK_LINES) {
    if (from >= killAt && broker.isAlive) void broker.kill();
    await new Promise((done) => stdin.write(Buffer.concat(lines.slice(from, from + CHUNK_LINES)), done));
  }
  stdin.end();
  const { exitCode, stdout, stderr } = await sending.ended;
  const told = /([\d,]+) messages? had been accepted/.exec(stderr) ?? /^sent ([\d,]+) messages/.exec(stdout.toString());
  return { acknowledgedCount: Number(told?.[1]?.replaceAll(',', '') ?? 0), exitCode };
}

for (const door of ['mq', 'http'] as const) {
  test(`over ${door}://, every line of a file that was acknowledged is there after a kill -9 in the middle`, {
    ...needsSignals,
    timeout: 120_000,
  }, async (context) => {
    const seed = Math.floor(performance.now() * 1000) % 2 ** 31;
    context.diagnostic(`seed ${seed}`);
    const dataFolder = await freshFolder(context);
    const file = awkwardLines(LINES_COUNT);
    const lines = linesOf(file);
    const targetOf = (broker: BrokerProcess): string => (door === 'mq' ? broker.tcpUrl : broker.url);
    const killAt = 1000 + new SeededRandom(seed).below(LINES_COUNT - 2000);

    await using first = await BrokerProcess.start({ dataFolder });
    const sent = await sendUntilKilled(first, { target: targetOf(first), lines, killAt });
    assert.equal((await first.ended).signal, 'SIGKILL');
    assert.equal(sent.exitCode, 3);
    assert.ok(sent.acknowledgedCount < LINES_COUNT);

    await using second = await BrokerProcess.start({ dataFolder });
    const target = targetOf(second);
    const survived = await runMq(['receive', 'file', '--wait', '0', '--target', target]);
    assert.equal(survived.exitCode, 0, survived.stderr);
    const survivedCount = linesOf(survived.stdout).length;
    assert.ok(survivedCount >= sent.acknowledgedCount, `${survivedCount} of ${sent.acknowledgedCount} acknowledged`);
    assert.ok(survived.stdout.equals(file.subarray(0, survived.stdout.length)), 'in order, and byte for byte');

    const rest = file.subarray(survived.stdout.length);
    assert.equal((await runMq(['send', 'file', '--target', target], { input: rest })).exitCode, 0);
    const received = await runMq(['receive', 'file', '--wait', '0', '--target', target]);
    assert.ok(received.stdout.equals(rest));
    const clean = await runCaptured(['verify', dataFolder]);
    assert.equal(clean.exitCode, 0, clean.stdout);
    assert.match(clean.stdout, /^Clean: /m);
    assert.deepEqual(await second.stop(), { exitCode: 0, signal: null });
    assert.equal((await runCaptured(['verify', dataFolder])).exitCode, 0);
  });
}

test('a reader goes on after a kill -9 of its broker: what it had not acknowledged comes again, what it had does not', {
  ...needsSignals,
  timeout: 120_000,
}, async (context) => {
  const dataFolder = await freshFolder(context);
  const numbers = Array.from({ length: LINES_COUNT }, (_, line) => `${line}\n`);
  await using first = await BrokerProcess.start({ dataFolder, flushPolicy: 'never' });
  const { tcpUrl } = first;
  assert.equal((await runMq(['send', 'file', '--target', tcpUrl], { input: numbers.join('') })).exitCode, 0);
  await using reading = new MqProcess(['receive', 'file', '--lease', '500', '--follow', '--target', tcpUrl]);
  await reading.saw(/^2000$/m);
  await first.kill();
  const { stdout, exitCode } = await reading.ended;
  assert.equal(exitCode, 3);
  const seen = stdout.toString().split('\n').slice(0, -1);

  await using second = await BrokerProcess.start({ dataFolder });
  const rest = await runMq(['receive', 'file', '--wait', '1500', '--target', second.tcpUrl]);
  const again = rest.stdout.toString().split('\n').slice(0, -1);
  assert.equal(new Set([...seen, ...again]).size, LINES_COUNT);
  // One step of the command is at most 500 messages, and only the last one can be printed and not acknowledged.
  assert.ok(seen.length + again.length <= LINES_COUNT + 500, `${seen.length} seen, ${again.length} came after it`);
});
