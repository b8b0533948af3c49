import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupPointerView, Inside } from '../../shared/contract/inside.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { CrashWatch } from './crash-watch.ts';

function delivery(offset: number, group = 'pay'): Delivery {
  return {
    topic: 'orders',
    partition: 0,
    offset,
    id: `p1-${offset}`,
    headers: {},
    body: new Uint8Array(),
    timestamp: 0,
    group,
    memberId: 'c1',
    deliveryCount: 1,
    leaseToken: 'token',
    leaseExpiresAt: 0,
  };
}

function queueWith(...offsets: readonly number[]): Inside {
  return {
    kind: 'queue',
    topic: 'orders',
    capacity: 10,
    size: offsets.length,
    slots: offsets.map((offset) => ({ offset, id: `p1-${offset}`, bytes: 1, preview: '' })),
    waitingSends: [],
    waitingReceives: [],
    waitingSendsCount: 0,
    waitingReceivesCount: 0,
  };
}

function ringWith(options: { readonly logStartOffset: number; readonly group: Partial<GroupPointerView> }): Inside {
  return {
    kind: 'ring',
    topic: 'orders',
    slotCount: 24,
    bytes: 0,
    bytesMax: 1000,
    logStartOffset: options.logStartOffset,
    logEndOffset: 20,
    writeSlot: 20,
    cells: [],
    groups: [
      {
        group: 'pay',
        kind: 'queue',
        nextOffset: 10,
        committedOffset: 5,
        lag: 0,
        inFlight: [],
        inFlightCount: 0,
        redeliveredCount: 0,
        droppedCount: 0,
        waitingReceives: [],
        waitingReceivesCount: 0,
        ...options.group,
      },
    ],
    waitingSends: [],
    waitingSendsCount: 0,
    waitingFetches: [],
    waitingFetchesCount: 0,
  };
}

const late = { nowMs: 5000, afterMs: 4500 };

test('a watched message that is delivered again came back, and is told once', () => {
  const watch = new CrashWatch();
  watch.crashed('c1', [delivery(7)], 1000);
  assert.deepEqual(watch.delivered(delivery(7), 5000), { offset: 7, holder: 'c1', afterMs: 4000 });
  assert.equal(watch.delivered(delivery(7), 6000), undefined);
});

test('the same message of another group is not the one that was held', () => {
  const watch = new CrashWatch();
  watch.crashed('c1', [delivery(7, 'pay')], 1000);
  assert.equal(watch.delivered(delivery(7, 'mail'), 2000), undefined);
});

test('a message that is in no place of the queue any more is gone, but not before the time is up', () => {
  const watch = new CrashWatch();
  watch.crashed('c1', [delivery(7), delivery(8)], 0);
  assert.deepEqual(watch.gone(queueWith(), { nowMs: 4000, afterMs: 4500 }), []);
  const [gone, ...more] = watch.gone(queueWith(8), late);
  assert.deepEqual(more, []);
  assert.deepEqual(
    gone?.offsets.map(({ offset }) => offset),
    [7],
  );
  assert.deepEqual(watch.gone(queueWith(8), late), [], 'what still waits inside is not called gone');
});

test('a ring still has what its group has not finished, so it is waited for', () => {
  const watch = new CrashWatch();
  watch.crashed('c1', [delivery(7)], 0);
  assert.deepEqual(watch.gone(ringWith({ logStartOffset: 0, group: { committedOffset: 5 } }), late), []);
  assert.notEqual(watch.delivered(delivery(7), 6000), undefined);
});

test('a message whose ack had arrived before the crash is neither lost nor back', () => {
  const watch = new CrashWatch();
  watch.crashed('c1', [delivery(7)], 0);
  assert.deepEqual(watch.gone(ringWith({ logStartOffset: 0, group: { committedOffset: 9 } }), late), []);
  assert.equal(watch.delivered(delivery(7), 6000), undefined);
});

test('a message that was overwritten before its group finished it is gone', () => {
  const watch = new CrashWatch();
  watch.crashed('c1', [delivery(7)], 0);
  const overwritten = ringWith({ logStartOffset: 9, group: { committedOffset: 9, droppedCount: 2 } });
  assert.deepEqual(
    watch.gone(overwritten, late)[0]?.offsets.map(({ offset }) => offset),
    [7],
  );
});
