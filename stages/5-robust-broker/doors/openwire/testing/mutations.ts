/**
 * Mutation of what the Java client wrote: bits flipped, bytes cut out, doubled, lengths and types changed, and what comes of it
 * at a server, while another client works.
 *
 * Always true: the same seed makes the same mutants. A mutant may be answered, refused or cut off, as it likes; the server is as
 * it was before, and the other client never waits.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import type { Broker } from '../../../../../shared/contract/broker.ts';
import { type Random, SeededRandom } from '../../../../../shared/random.ts';
import { until } from '../../../../3-http-server/testing/until.ts';
import { ACK } from '../commands.ts';
import { createOpenWireServer } from '../server.ts';
import { recordedConversation, recordedFrames } from './recorded.ts';
import { queue, WireClient } from './wire-client.ts';

const CONNECTIONS_AT_ONCE = 20;
/** Mutants between two looks at the server. */
const LOOK_EVERY = 500;
/** Of the process, with what the broker keeps of its records in memory: and the garbage of the moment. */
const GROWTH_BYTES_MAX = 256 * 1024 * 1024;

export interface MutationRun {
  readonly seed: number;
  readonly count: number;
}

/** Sends `count` mutants to a server in front of `broker`. */
export async function sendMutants(broker: Broker, { seed, count }: MutationRun): Promise<void> {
  const random = new SeededRandom(seed);
  const defects: unknown[] = [];
  await using server = await createOpenWireServer(broker, {
    onDefect: (error) => void defects.push(error),
    ...{ sendTimeoutMs: 10, handshakeTimeoutMs: 5000 },
  });
  using control = await new WireClient(server.port, { connectionId: 'ID:control-1:1' }).enter();
  await control.openSession();
  await control.ask(control.consumerInfo(queue('control')));
  let before: Footprint | undefined;
  for (let sent = 0; sent < count; sent += CONNECTIONS_AT_ONCE) {
    const mutants = Array.from({ length: CONNECTIONS_AT_ONCE }, () => mutate(random));
    await Promise.all(mutants.map((bytes) => send(server.port, bytes)));
    const answer = await control.ask(control.textMessage(queue('control'), String(sent), sent));
    assert.equal(answer.type, 'Response');
    control.send(control.ackOf(await control.next('MessageDispatch'), ACK.standard));
    if (sent % LOOK_EVERY !== 0) continue;
    await until('only the control client is there', () => server.connectionCount === 1);
    assert.deepEqual(defects, [], `seed ${seed}, after ${sent}`);
    await forgetWhatMutantsLeft(broker);
    const now = footprint();
    before ??= now;
    assert.ok(now.files <= before.files + 5, `files: ${before.files}, then ${now.files} (seed ${seed})`);
    assert.ok(now.rss < before.rss + GROWTH_BYTES_MAX, `memory: ${before.rss}, then ${now.rss} (seed ${seed})`);
  }
}

/** Without it memory and files cannot be compared. */
async function forgetWhatMutantsLeft(broker: Broker): Promise<void> {
  const topics = await broker.describeTopics();
  const theirs = topics.map(({ topic }) => topic).filter((topic) => topic !== 'control' && !topic.startsWith('$'));
  for (const topic of theirs) await broker.deleteTopic(topic);
}

interface Footprint {
  readonly files: number;
  readonly rss: number;
}

function footprint(): Footprint {
  return { files: readdirSync('/proc/self/fd').length, rss: process.memoryUsage.rss() };
}

const CONVERSATION = recordedConversation();
const OTHERS = recordedFrames().filter(({ type }) => type !== 'WireFormatInfo' && type !== 'ShutdownInfo');

/** A conversation into which other commands were put, with one to four things wrong. */
function mutate(random: Random): Uint8Array {
  const frames = [...CONVERSATION];
  // The greeting mostly stays right, so that what is wrong gets further than that.
  const from = random.below(10) === 0 ? 0 : 2;
  for (let left = random.below(4); left > 0; left -= 1) {
    const other = OTHERS[random.below(OTHERS.length)];
    if (other !== undefined) frames.splice(from + random.below(frames.length - from), 0, other.bytes);
  }
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    const at = from + random.below(frames.length - from);
    frames[at] = mutateFrame(frames[at] ?? Buffer.alloc(0), random);
  }
  if (random.below(4) === 0) frames.splice(from + random.below(frames.length - from), 1);
  return Buffer.concat(frames);
}

function mutateFrame(frame: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(frame);
  if (bytes.length < 6) return bytes;
  const at = random.below(bytes.length);
  switch (random.below(8)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = [0, 0xff, 0x7f, 0x80][random.below(4)] ?? 0;
      return bytes;
    case 2: // the size
      bytes.writeUInt32BE([0, 1, 5, bytes.length, 2 ** 31 - 1, 2 ** 32 - 1][random.below(6)] ?? 0, 0);
      return bytes;
    case 3: // the type
      bytes[4] = random.below(256);
      return bytes;
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(at + 1))]);
    case 6: // a number within, of any width
      bytes.fill(random.below(2) === 0 ? 0xff : 0, at, Math.min(at + 2 ** random.below(4), bytes.length));
      return bytes;
    default: // a right size around wrong contents
      return withRightSize(Buffer.concat([bytes.subarray(0, at), Buffer.from(random.hex(random.below(20)), 'hex')]));
  }
}

function withRightSize(bytes: Buffer): Buffer {
  if (bytes.length > 4) bytes.writeUInt32BE(bytes.length - 4, 0);
  return bytes;
}

/** Resolves when the connection is over. */
function send(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
    socket.end(bytes);
  });
}
