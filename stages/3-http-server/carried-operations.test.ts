/** The operations that a later stage adds cross this wire too, in front of any broker that has them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, type ErrorCode, isMqError, MqError } from '../../shared/contract/errors.ts';
import type { Explanation } from '../../shared/contract/explanation.ts';
import type { LogView } from '../../shared/contract/inside.ts';
import { deadLetterTopicOf } from '../../shared/contract/message.ts';
import { createBroker as createRingBroker } from '../2-ring-buffer/index.ts';
import { createClient, createServer } from './index.ts';
import { ask } from './testing/doors.ts';
import type { Heard } from './testing/scripted-broker.ts';
import { DELIVERY, RECORD, refOf, wired } from './testing/wired.ts';

test('a nack carries its outcome, its delay and its reason, and the partition of its delivery', async () => {
  await using wire = await wired({ receive: [DELIVERY], extendLease: 5 });
  const [delivery] = await wire.client.receive('t', { group: 'g', memberId: 'm' });
  assert.ok(delivery !== undefined);
  await wire.client.nack(delivery, { outcome: 'reject', delayMs: 0, reason: '坏了' });
  await wire.client.nack(delivery, { outcome: 'retry', delayMs: 2 ** 41 });
  await wire.client.ack([delivery], { cumulative: true });
  await wire.client.extendLease(delivery, { leaseMs: 5 });
  assert.deepEqual(wire.heard.slice(1), [
    { operation: 'nack', args: [refOf(DELIVERY), { outcome: 'reject', delayMs: 0, reason: '坏了' }] },
    { operation: 'nack', args: [refOf(DELIVERY), { outcome: 'retry', delayMs: 2 ** 41 }] },
    { operation: 'ack', args: [[refOf(DELIVERY)], { cumulative: true }] },
    { operation: 'extendLease', args: [refOf(DELIVERY), { leaseMs: 5 }] },
  ]);
});

test('pause, resume, redrive and drop arrive with their group, and the counts come back', async () => {
  await using wire = await wired({ redrive: 12, dropDeadLetters: 0 });
  const { client } = wire;
  await client.pause('a/b');
  await client.pause('a/b', { group: 'g/h' });
  await client.resume('a/b');
  await client.resume('a/b', { group: 'g/h' });
  assert.equal(await client.redrive('t'), 12);
  assert.equal(await client.redrive('t', { group: 'g/h', max: 3, ids: ['x y', '&'] }), 12);
  assert.equal(await client.dropDeadLetters('t', { ids: [] }), 0);
  assert.deepEqual(wire.heard, [
    { operation: 'pause', args: ['a/b'] },
    { operation: 'pause', args: ['a/b', { group: 'g/h' }] },
    { operation: 'resume', args: ['a/b'] },
    { operation: 'resume', args: ['a/b', { group: 'g/h' }] },
    { operation: 'redrive', args: ['t', { group: 'default' }] },
    { operation: 'redrive', args: ['t', { group: 'g/h', max: 3, ids: ['x y', '&'] }] },
    { operation: 'dropDeadLetters', args: ['t', { group: 'default', ids: [] }] },
  ] satisfies Heard[]);
});

test('an explanation comes back whole, and so does that there is none', async () => {
  const explanation: Explanation = {
    ...{ topic: 't', id: 'a b&c=é', partition: 1, offset: null, timestamp: 5, deliverAt: 9, expiresAt: 99 },
    groups: [
      { group: 'g', state: 'delayed', deliveryCount: 2, availableAt: 50 },
      { group: 'h', state: 'in-flight', deliveryCount: 1, memberId: 'm' },
    ],
    events: [
      { at: 5, what: 'accepted' },
      { at: 6, what: 'given-back', group: 'g', memberId: 'm', deliveryCount: 1, reason: 'the kettle broke' },
    ],
    isComplete: false,
  };
  await using wire = await wired({ explain: explanation });
  assert.deepEqual(await wire.client.explain?.('t', { id: 'a b&c=é' }), explanation);
  wire.answers.explain = null;
  assert.equal(await wire.client.explain?.('t', { id: '%' }), null);
  assert.deepEqual(wire.heard, [
    { operation: 'explain', args: ['t', { id: 'a b&c=é' }] },
    { operation: 'explain', args: ['t', { id: '%' }] },
  ]);
  await using ring = await createRingBroker();
  await using server = await createServer(ring);
  await using client = await createClient(server.url);
  await assert.rejects(client.explain?.('t', { id: 'i' }) ?? Promise.resolve(), (error) =>
    isMqError(error, 'MQ_NOT_SUPPORTED'),
  );
});

test('the inside of a log comes back whole', async () => {
  const cell = { offset: 4, state: 'ready', id: 'i', bytes: 3, preview: 'tea' } as const;
  const segment = { baseOffset: 0, nextOffset: 5, bytes: 99, batchCount: 2, indexEntryCount: 1, timeEntryCount: 1 };
  const inside: LogView = {
    ...{ kind: 'log', topic: 't', bytes: 1, bytesMax: 2, flushPolicy: 'interval', isPaused: true },
    partitions: [
      {
        ...{ partition: 0, logStartOffset: 0, logEndOffset: 5, highWatermark: 5, syncedOffset: 3, syncCount: 2 },
        ...{ appendCount: 4, segments: [{ ...segment, isActive: true }], segmentCount: 1, cells: [cell] },
      },
    ],
    groups: [
      {
        ...{ group: 'g', kind: 'queue', nextOffset: 5, committedOffset: 2, lag: 3, inFlightCount: 1 },
        ...{ redeliveredCount: 0, droppedCount: 0, waitingReceives: [], waitingReceivesCount: 0, mode: 'failover' },
        ...{ isPaused: false, deadCount: 1, expiredCount: 2, delayedCount: 1 },
        inFlight: [{ partition: 0, offset: 2, memberId: 'm', deliveryCount: 1, leaseLeftMs: 5 }],
        delayed: [{ partition: 0, offset: 3, deliveryCount: 1, dueInMs: 8 }],
      },
    ],
    delayed: [{ id: 'later', dueInMs: 2 ** 40, preview: 'soon' }],
    ...{ delayedCount: 1, waitingSends: [{ who: 'i', waitedMs: 1 }], waitingSendsCount: 1 },
    ...{ waitingFetches: [], waitingFetchesCount: 0 },
  };
  await using wire = await wired({ inspect: inside });
  assert.deepEqual(await wire.client.inspect?.('t', { max: 3 }), inside);
  assert.deepEqual(wire.heard, [{ operation: 'inspect', args: ['t', { max: 3 }] }]);
});

test('the topic of dead letters is read like any other', async () => {
  const topic = deadLetterTopicOf('a/b%', '组/1');
  assert.equal(topic, '$dead/a%2Fb%25/组%2F1');
  const record = { ...RECORD, topic, headers: Object.assign(Object.create(null), { '$dead-reason': 'rejected' }) };
  const fetched = { records: [record], nextOffset: 8, logStartOffset: 0, highWatermark: 8 };
  const received = { receive: [{ ...DELIVERY, topic }], fetch: fetched, browse: [] };
  await using wire = await wired(received);
  const { client } = wire;
  await client.fetch(topic, { partition: 2 });
  const [delivery] = await client.receive(topic, { group: 'g' });
  assert.equal(delivery?.topic, topic);
  await client.ack([{ ...DELIVERY, topic }]);
  await client.browse(topic, { group: 'g' });
  assert.deepEqual(
    wire.heard.map(({ args: [first] }) => (Array.isArray(first) ? first[0].topic : first)),
    Array(4).fill(topic),
  );
  const longest = deadLetterTopicOf('%'.repeat(249), '/'.repeat(249));
  await client.receive(longest);
  assert.equal(wire.heard.at(-1)?.args[0], longest);
});

test('every error a broker can answer crosses the wire with its code and its status', async () => {
  await using wire = await wired();
  for (const [code, { httpStatus, isRetriable }] of Object.entries(ERRORS)) {
    // A defect is told to the server's log.
    if (code === 'MQ_INTERNAL') continue;
    wire.answers.seek = new MqError(code as ErrorCode, `why it is ${code}`);
    const body = { op: 'seek', to: 'latest' };
    const answer = await ask(`${wire.url}/topics/t/groups/g/offset`, { method: 'PUT', body });
    assert.deepEqual([answer.status, answer.body.code], [httpStatus, code]);
    await assert.rejects(wire.client.seek('t', { group: 'g', to: 'latest' }), (error) => {
      assert.ok(isMqError(error, code as ErrorCode), String(error));
      assert.deepEqual([error.message, error.isRetriable], [`why it is ${code}`, isRetriable]);
      return true;
    });
  }
});
