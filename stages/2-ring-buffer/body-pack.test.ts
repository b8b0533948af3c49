import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../shared/contract/limits.ts';
import type { Message } from '../../shared/contract/message.ts';
import { checkBatch } from '../../shared/contract/validation.ts';
import { MessageIds } from '../1-blocking-queue/message-ids.ts';
import { packBodies } from './body-pack.ts';
import type { HeldRecord } from './group-desk.ts';
import { type IncomingBatch, incomingBatch } from './incoming-batch.ts';

const ORIGIN = { topic: 't', baseOffset: 40, timestamp: 1000 };
const BODY_BYTES = 100;

function batchOf(messages: readonly Message[]): IncomingBatch {
  return incomingBatch(checkBatch('messages', messages, LIMITS), new MessageIds('id'));
}

/** Bodies that lie one after the other in one buffer: the first is all zeros, the next all ones, ... */
function bodies(count: number): Uint8Array[] {
  const bytes = new Uint8Array(count * BODY_BYTES).map((_, position) => Math.floor(position / BODY_BYTES));
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * BODY_BYTES, (index + 1) * BODY_BYTES));
}

function messages(count: number): { body: Uint8Array }[] {
  return bodies(count).map((body) => ({ body }));
}

test('of bodies in one buffer a pack is made, and of it the same records each time', () => {
  const sent = messages(3);
  const pack = packBodies(batchOf(sent), ORIGIN);
  assert.ok(pack);
  const expected = sent.map(({ body }, index) => ({
    topic: 't',
    partition: 0,
    offset: 40 + index,
    timestamp: 1000,
    id: `id-${index + 1}`,
    headers: Object.create(null),
    body,
  }));
  for (const time of ['first', 'second']) {
    const records: readonly HeldRecord[] = [40, 41, 42].map((offset) => pack.at(offset));
    assert.deepEqual(records, expected, `the ${time} time`);
    assert.ok(records.every(({ body }) => body.buffer === sent[0]?.body.buffer));
  }
});

test('what is more than a body, or lies elsewhere, is not packed', () => {
  const [first = new Uint8Array(), second = new Uint8Array()] = bodies(2);
  const others: Message[] = [
    { body: second, key: '' },
    { body: second, id: 'mine' },
    { body: second, headers: { name: '' } },
    { body: new Uint8Array(BODY_BYTES) },
    { body: new Uint8Array(1) },
    { body: 'text' },
  ];
  for (const other of others) {
    assert.equal(packBodies(batchOf([{ body: first }, other]), ORIGIN), undefined);
    assert.equal(packBodies(batchOf([other, { body: first }]), ORIGIN), undefined);
  }
  assert.equal(packBodies(batchOf([{ body: first }]), ORIGIN), undefined, 'one alone is a record');
  assert.ok(packBodies(batchOf([{ body: first }, { body: second, headers: {} }]), ORIGIN), 'no headers are none');
});
