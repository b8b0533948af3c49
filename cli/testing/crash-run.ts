/**
 * A file of lines sent through the real command to a real broker that is killed with -9 in the middle, and what is there
 * when it is started again on its folder.
 *
 * Always true: the seed decides how much of the file was written to the command when the kill came; how much of that had
 * reached the broker differs from run to run, which is the point.
 */
import assert from 'node:assert/strict';
import { SeededRandom } from '../../shared/random.ts';
import { BrokerProcess } from '../broker-process.ts';
import { runCaptured } from './captured-terminal.ts';
import { awkwardLines, linesOf } from './lines-of-any-kind.ts';
import { MqProcess, runMq } from './mq-process.ts';

const LINES_COUNT = 20_000;
/** Lines written to the command at once. */
const CHUNK_LINES = 100;

export interface CrashRun {
  readonly dataFolder: string;
  readonly door: 'mq' | 'http';
  readonly seed: number;
}

/** Sends, kills, starts again, compares; then sends the rest, and looks for damage. */
export async function sendThroughACrash({ dataFolder, door, seed }: CrashRun): Promise<void> {
  const file = awkwardLines(LINES_COUNT);
  const targetOf = (broker: BrokerProcess): string => (door === 'mq' ? broker.tcpUrl : broker.url);
  const killAt = 1000 + new SeededRandom(seed).below(LINES_COUNT - 2000);

  await using first = await BrokerProcess.start({ dataFolder });
  const sent = await sendUntilKilled(first, { target: targetOf(first), lines: linesOf(file), killAt });
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
}

interface Sending {
  readonly target: string;
  readonly lines: readonly Buffer[];
  /** The broker is killed after so many of them were written to the command. */
  readonly killAt: number;
}

async function sendUntilKilled(
  broker: BrokerProcess,
  { target, lines, killAt }: Sending,
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
