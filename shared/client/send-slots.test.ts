import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../contract/errors.ts';
import { SendSlots } from './send-slots.ts';

const own = (): AbortSignal => new AbortController().signal;

test('callers get slots in the order they came, never more at once than there are', async () => {
  const slots = new SendSlots({ slotCount: 2, waitingMax: 10 });
  const inside: number[] = [];
  const calls = [0, 1, 2, 3, 4].map((caller) => slots.enter(own()).then(() => inside.push(caller)));
  await Promise.all(calls.slice(0, 2));
  assert.deepEqual(inside, [0, 1]);
  slots.leave();
  await calls[2];
  assert.deepEqual(inside, [0, 1, 2]);
  slots.leave();
  slots.leave();
  await Promise.all(calls);
  assert.deepEqual(inside, [0, 1, 2, 3, 4]);
});

test('a caller that is aborted in the line takes no slot with it', async () => {
  const slots = new SendSlots({ slotCount: 1, waitingMax: 10 });
  await slots.enter(own());
  const abort = new AbortController();
  const aborted = slots.enter(abort.signal);
  const next = slots.enter(own());
  abort.abort();
  await assert.rejects(aborted, (error) => isMqError(error, 'MQ_ABORTED'));
  slots.leave();
  await next;
  await assert.rejects(slots.enter(AbortSignal.abort()), (error) => isMqError(error, 'MQ_ABORTED'));
});

test('tens of thousands wait and are served without anything quadratic', { timeout: 20_000 }, async () => {
  const slots = new SendSlots({ slotCount: 1, waitingMax: 65_536 });
  await slots.enter(own());
  const waiting = Array.from({ length: 65_536 }, () => slots.enter(own()));
  await assert.rejects(slots.enter(own()), (error) => isMqError(error, 'MQ_LIMIT_EXCEEDED'));
  for (const call of waiting) {
    slots.leave();
    await call;
  }
});
