/** The frames and fields of version 2 mean the same, however the stream that carries them is cut into pieces. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Receipt } from '../../../../shared/contract/message.ts';
import { encodeMessages } from '../../../3-http-server/message-codec.ts';
import { type Heard, scriptedBroker } from '../../../3-http-server/testing/scripted-broker.ts';
import { FRAME } from './frame.ts';
import { writeHello } from './handshake.ts';
import * as requests from './requests.ts';
import { createTcpServer } from './server.ts';
import { framesOf, HELLO_2, Stranger } from './testing/stranger.ts';
import { writeBegin, writeEnd } from './transaction-frames.ts';

const TRANSACTION = 'tx-1';
const RECEIPT: Receipt = { topic: 't', partition: 0, offset: 7, id: 'i', durability: 'synced', isDuplicate: true };
const PLACE = { nextOffset: 8, logStartOffset: 0, highWatermark: 9, lastStableOffset: 8 };

function conversation(): Buffer {
  const sent = { topic: 't', partition: 0, timeoutMs: 10, isCancellable: true, isSingle: true, isBatch: false };
  const bytes = encodeMessages([{ body: Buffer.from('hi'), id: 'i' }]);
  const asked = { topic: 't', max: 1, bytesMax: undefined, waitMs: 0, takesBatches: false, takesOnlyBatches: false };
  const runs = [{ partition: 0, fromOffset: 1, count: 2, leaseToken: 'x' }];
  const ack = { topic: 't', group: 'g', memberId: 'm', isCumulative: false, transaction: TRANSACTION, runs };
  return framesOf((out) => {
    writeHello(out, { ...HELLO_2, user: 'ann', password: 'secret' });
    writeBegin(out, 1, { timeoutMs: 5000, transactionalId: 'named', isCancellable: true });
    requests.writeSend(out, 2, { ...sent, wantsIds: true, producer: { producerId: 7, epoch: 3, sequence: 9 }, bytes });
    requests.writeSend(out, 3, { ...sent, wantsIds: false, transaction: TRANSACTION, bytes });
    requests.writeAck(out, 4, ack);
    const filter = { tags: ['a', '茶'], selector: 'price > 3' };
    const lease = { group: 'g', memberId: 'm', leaseMs: undefined, isCancellable: true };
    requests.writeReceive(out, 5, { ...asked, ...lease, filter });
    requests.writeFetch(out, 6, {
      ...asked,
      ...{ partition: 0, offset: 0, isCancellable: true, isolation: 'read-uncommitted' },
    });
    writeEnd(out, 7, { transaction: TRANSACTION, outcome: 'committed' });
  });
}

/** What the broker hears, and what the client is answered, each in its order. */
async function talk(pieces: readonly Uint8Array[]): Promise<{ heard: Heard[]; frames: unknown[] }> {
  const { broker, heard } = scriptedBroker({
    ...{ begin: TRANSACTION, send: RECEIPT, 'transaction.send': RECEIPT },
    ...{ receive: [], fetch: { records: [], ...PLACE } },
  });
  await using server = await createTcpServer(broker);
  const stranger = new Stranger(server.port);
  for (const piece of pieces) {
    stranger.socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const frames = (await stranger.some(8)).map(({ type, id, content }) => [
    type,
    id,
    type === FRAME.welcome ? '' : Buffer.from(content).toString('hex'),
  ]);
  stranger.destroy();
  const inOrder = (one: unknown, other: unknown): number => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);
  return { heard: heard.toSorted(inOrder), frames: frames.toSorted(inOrder) };
}

test('what came with version 2 is heard and answered the same, whole, cut anywhere, and byte by byte', async () => {
  const bytes = conversation();
  const whole = await talk([bytes]);
  const types = whole.frames.map((frame) => (frame as number[])[0]);
  const { welcome, begun, sent, done, deliveries, records } = FRAME;
  assert.deepEqual(types.toSorted(), [welcome, begun, sent, sent, done, done, deliveries, records].toSorted());
  assert.ok(whole.heard.some(({ operation }) => operation === 'transaction.commit'));
  assert.deepEqual(await talk([...bytes].map((byte) => Uint8Array.of(byte))), whole);
  for (let at = 1; at < bytes.length; at += 5) {
    assert.deepEqual(await talk([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}`);
  }
});
