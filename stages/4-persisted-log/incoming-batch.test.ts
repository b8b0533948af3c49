import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../shared/contract/limits.ts';
import type { Message } from '../../shared/contract/message.ts';
import { checkBatch } from '../../shared/contract/validation.ts';
import { MessageIds } from '../1-blocking-queue/message-ids.ts';
import { StoredBatch } from './bytes/stored-batch.ts';
import { type IncomingBatch, identify, incomingBatch, partitionOfKey, wishedPartition } from './incoming-batch.ts';
import { checkTimes } from './message-options.ts';

function incoming(messages: readonly Message[]): { readonly batch: IncomingBatch; readonly ids: readonly string[] } {
  const contents = checkBatch('messages', messages, LIMITS);
  const timed = checkTimes('messages', messages, { contents, clock: { now: () => 0 } });
  const identified = identify(timed, new MessageIds('broker'), 'broker-');
  return { batch: incomingBatch(identified, { codec: 'none' }), ids: identified.ids };
}

function storedIds({ bytes }: IncomingBatch): string[] {
  const stored = new StoredBatch(bytes);
  return Array.from({ length: stored.count }, (_, index) => stored.recordAt(index).id);
}

test('ids are the senders where they have some, and else the brokers, as the receipt says', () => {
  const lists = [
    [undefined, undefined, undefined],
    ['a', undefined, 'c'],
    ['client-7', 'client-8', 'client-9'],
    ['client-7', 'client-9'],
    ['client-07', 'client-08'],
    ['9', '10'],
    ['x-999999999999999', 'x-1000000000000000'],
    ['x-1000000000000000', 'x-1000000000000001'],
    ['line\nbreak-1', 'line\nbreak-2'],
  ];
  for (const list of lists) {
    const { batch, ids } = incoming(list.map((id) => (id === undefined ? { body: '' } : { body: '', id })));
    assert.deepEqual(storedIds(batch), ids);
    for (const [index, id] of list.entries()) assert.equal(ids[index], id ?? `broker-${index + 1}`);
  }
});

test('ids that only count on take no bytes in the records', () => {
  const numbered = Array.from({ length: 100 }, (_, index) => ({ body: 'x', id: `4b1c0e1f-${index + 5}` }));
  const others = numbered.map(({ body, id }) => ({ body, id: `${id}.` }));
  assert.ok(incoming(numbered).batch.heldBytes < incoming(others).batch.heldBytes - 1000);
});

test('equal keys go to one partition, and keys of two partitions do not go together', () => {
  const keyed = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => ({ key }));
  const wish = { path: 'messages', keyed, given: undefined };
  assert.throws(() => wishedPartition(wish, 7), { code: 'MQ_INVALID_ARGUMENT', details: { path: 'messages[2].key' } });
  assert.equal(wishedPartition(wish, 1), 0);
  assert.equal(wishedPartition({ ...wish, given: 3 }, 7), 3, 'who says where decides');
  assert.throws(() => wishedPartition({ ...wish, given: 7 }, 7), { code: 'MQ_INVALID_ARGUMENT' });
  const same = [{ key: 'k' }, {}, { key: 'k' }];
  assert.equal(wishedPartition({ ...wish, keyed: same }, 7), partitionOfKey('k', 7));
  assert.equal(wishedPartition({ ...wish, keyed: [{}, {}] }, 7), undefined);
});

test('the partition of a key is that of the CRC32C of its UTF-8, on every machine and for ever', () => {
  assert.deepEqual(
    ['', 'a', 'order-1', '茶'].map((key) => partitionOfKey(key, 1000)),
    [0, 376, 156, 309],
  );
});
