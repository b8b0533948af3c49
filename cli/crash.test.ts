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
import { BrokerProcess } from './broker-process.ts';
import { sendThroughACrash } from './testing/crash-run.ts';
import { MqProcess, runMq } from './testing/mq-process.ts';

const LINES_COUNT = 20_000;
const needsSignals = process.platform === 'win32' ? { skip: 'Windows has no kill -9' } : {};

async function freshFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stagemq-crash-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

for (const door of ['mq', 'http'] as const) {
  test(`over ${door}://, every line of a file that was acknowledged is there after a kill -9 in the middle`, {
    ...needsSignals,
    timeout: 120_000,
  }, async (context) => {
    const seed = Math.floor(performance.now() * 1000) % 2 ** 31;
    context.diagnostic(`seed ${seed}`);
    await sendThroughACrash({ dataFolder: await freshFolder(context), door, seed });
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
