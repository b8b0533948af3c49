/**
 * Mutation of valid conversations: bits flipped, bytes cut out, doubled, swapped, lengths and types changed, and what comes
 * of it at a server, while another client works.
 *
 * Always true: the same seed makes the same mutants. A mutant may be answered, refused or cut off, as it likes; the server
 * is as it was before, and the other client never waits.
 */
import assert from 'node:assert/strict';
import type { Broker } from '../../../../../shared/contract/broker.ts';
import type { Random } from '../../../../../shared/random.ts';
import { encodeMessages } from '../../../../3-http-server/message-codec.ts';
import { encodeBatch } from '../../../bytes/record-batch.ts';
import { type FrameShape, mutateFrame } from '../../testing/mutant-frames.ts';
import { type MutationRun, runMutants } from '../../testing/mutant-run.ts';
import { createTcpClient } from '../create-client.ts';
import { FRAME } from '../frame.ts';
import type { FrameWriter } from '../frame-writer.ts';
import { writeHello } from '../handshake.ts';
import * as requests from '../requests.ts';
import { createTcpServer } from '../server.ts';
import * as ending from '../transaction-frames.ts';
import { framesOf, HELLO, HELLO_2 } from './stranger.ts';

const TOPIC = 'mutants';
const SHAPE: FrameShape = { bytesMin: 10, headBytes: 9, wrongLength: 4 };

/** Sends `count` mutants to a server in front of `broker`. */
export async function sendMutants(broker: Broker, run: MutationRun): Promise<void> {
  const defects: unknown[] = [];
  await using server = await createTcpServer(broker, {
    onDefect: (error) => defects.push(error),
    handshakeTimeoutMs: 5000,
    heartbeatMs: 1000,
  });
  await using client = await createTcpClient(server.url);
  await client.createTopic(TOPIC);
  await client.createTopic('control');
  const seeds = conversations();
  const control = async (sent: number): Promise<void> => {
    const { offset } = await client.send('control', { body: String(sent) });
    assert.ok(offset !== null);
  };
  // A name that was mutated is a topic of its own, with files of its own.
  const clear = async (): Promise<void> => {
    const topics = (await broker.describeTopics()).map(({ topic }) => topic);
    for (const topic of topics) if (topic !== 'control' && !topic.startsWith('$')) await broker.deleteTopic(topic);
    await client.createTopic(TOPIC);
  };
  await runMutants({ server, defects, mutate: (random) => mutate(seeds, random), control, clear }, run);
}

/** Valid ones, frame by frame. */
function conversations(): readonly Uint8Array[][] {
  const frame = (write: (out: FrameWriter) => void): Uint8Array => framesOf(write);
  const call = (id: number, op: string, ...args: unknown[]): Uint8Array =>
    frame((out) => requests.writeCall(out, id, Buffer.from(JSON.stringify({ op, args }))));
  const hello = frame((out) => writeHello(out, HELLO));
  const messages = [{ body: Buffer.from('body'), key: 'key', headers: { h: 'v' } }, { body: new Uint8Array(300) }];
  const sent = {
    ...{ topic: TOPIC, partition: undefined, timeoutMs: 10, isCancellable: true, isSingle: false, wantsIds: true },
  };
  const batches = (['none', 'gzip', 'zstd'] as const).map((codec) =>
    frame((out) => {
      const bytes = encodeBatch(messages, { codec, idPrefix: 'i', firstIdNumber: 1 });
      requests.writeSend(out, 1, { ...sent, isBatch: true, bytes });
    }),
  );
  const asked = {
    topic: TOPIC,
    max: 10,
    bytesMax: 1000,
    waitMs: 1,
    isCancellable: true,
    takesBatches: true,
    takesOnlyBatches: false,
  };
  const receive = frame((out) => requests.writeReceive(out, 2, { ...asked, group: 'g', memberId: 'm', leaseMs: 1000 }));
  const fetch = frame((out) =>
    requests.writeFetch(out, 3, { ...asked, partition: 0, offset: 0, isolation: undefined }),
  );
  const runs = [{ partition: 0, fromOffset: 0, count: 3, leaseToken: 'token-1' }];
  const ack = frame((out) =>
    requests.writeAck(out, 4, { topic: TOPIC, group: 'g', memberId: 'm', isCumulative: false, runs }),
  );
  const rest = [
    frame((out) => out.begin(FRAME.cancel, 2).end()),
    frame((out) => requests.writeCredit(out, 1, 5)),
    frame((out) => out.begin(FRAME.heartbeat, 0).end()),
  ];
  const ref = { topic: TOPIC, partition: 0, offset: 0, group: 'g', memberId: 'm', leaseToken: 'token-1' };
  return [
    [hello, ...batches, fetch, receive, ack],
    [hello, call(5, 'subscribe', TOPIC, { group: 'g', creditMax: 4, takesBatches: true }), ...batches, ...rest],
    [
      hello,
      call(6, 'nack', ref, { outcome: 'retry', reason: 'why' }),
      call(7, 'commit', TOPIC, { group: 'h', offset: 1 }),
    ],
    [hello, call(8, 'createGroup', TOPIC, 'h', { start: { offset: 1 } }), call(9, 'describeTopics'), receive, ...rest],
    ...conversationsOfVersion2(frame, call),
    [hello, call(10, 'inspect', TOPIC, { max: 3 }), call(11, 'browse', TOPIC, { group: 'g', max: 3 }), ack, fetch],
  ];
}

/** With the frames and fields that came with version 2. */
function conversationsOfVersion2(
  frame: (write: (out: FrameWriter) => void) => Uint8Array,
  call: (id: number, op: string, ...args: unknown[]) => Uint8Array,
): readonly Uint8Array[][] {
  const hello = frame((out) => writeHello(out, { ...HELLO_2, user: 'ann', password: 'secret' }));
  const bytes = encodeMessages([{ body: Buffer.from('body'), id: 'i' }]);
  const sent = { topic: TOPIC, partition: 0, timeoutMs: 10, isCancellable: true, isSingle: true, isBatch: false };
  const producer = { producerId: 1, epoch: 0, sequence: 0 };
  const numbered = frame((out) => requests.writeSend(out, 1, { ...sent, wantsIds: true, producer, bytes }));
  const within = frame((out) => requests.writeSend(out, 2, { ...sent, wantsIds: false, transaction: 'tx-1', bytes }));
  const asked = { topic: TOPIC, max: 10, bytesMax: 1000, waitMs: 1, takesBatches: true, takesOnlyBatches: false };
  const lease = { group: 'f', memberId: 'm', leaseMs: 1000, isCancellable: true };
  const filter = { tags: ['a', 'b'], selector: "price > 3 AND kind LIKE 't%'" };
  const receive = frame((out) => requests.writeReceive(out, 3, { ...asked, ...lease, filter }));
  const place = { partition: 0, offset: 0, isCancellable: true, isolation: 'read-uncommitted' as const };
  const fetch = frame((out) => requests.writeFetch(out, 4, { ...asked, ...place }));
  const runs = [{ partition: 0, fromOffset: 0, count: 3, leaseToken: 'token-1' }];
  const ack = frame((out) =>
    requests.writeAck(out, 5, {
      topic: TOPIC,
      group: 'f',
      memberId: 'm',
      isCumulative: false,
      transaction: 'tx-1',
      runs,
    }),
  );
  const begin = (transactionalId?: string) =>
    frame((out) => ending.writeBegin(out, 6, { timeoutMs: 5000, transactionalId, isCancellable: true }));
  const end = (outcome: 'committed' | 'aborted') =>
    frame((out) => ending.writeEnd(out, 7, { transaction: 'tx-1', outcome }));
  const half = { body: 'half', encoding: 'utf8', id: 'h' };
  return [
    [hello, call(8, 'openProducer', { name: 'p' }), numbered, numbered, fetch],
    [hello, begin(), within, ack, call(9, 'commitOffset', 'tx-1', TOPIC, { group: 'h', offset: 1 }), end('committed')],
    [hello, begin('named'), within, call(10, 'findTransaction', 'tx-1'), end('aborted'), receive],
    [
      hello,
      call(11, 'sendHalf', TOPIC, half, { producerGroup: 'p' }),
      call(12, 'receiveHalfChecks', 'p', { waitMs: 1 }),
    ],
    [hello, call(13, 'endHalf', TOPIC, { halfId: 'x', outcome: 'commit' }), call(14, 'lookup', TOPIC, { key: 'k' })],
    [hello, call(15, 'subscribe', 'mutan*', { creditMax: 4, pattern: 'dotted', filter }), numbered, receive, within],
    [hello, call(16, 'createTemporaryTopic'), call(17, 'createTemporaryTopic'), numbered],
  ];
}

/** One conversation with one to four things wrong. */
function mutate(seeds: readonly Uint8Array[][], random: Random): Uint8Array {
  const frames = [...(seeds[random.below(seeds.length)] ?? [])];
  // The greeting mostly stays right, so that what is wrong gets further than that.
  const from = random.below(10) === 0 ? 0 : 1;
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    const at = from + random.below(frames.length - from);
    frames[at] = mutateFrame(frames[at] ?? new Uint8Array(), SHAPE, random);
  }
  if (random.below(4) === 0) frames.splice(from + random.below(frames.length - from), 1);
  return Buffer.concat(frames);
}
