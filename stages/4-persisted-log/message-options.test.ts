import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilitiesOfStage } from '../../shared/contract/capabilities.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { LIMITS } from '../../shared/contract/limits.ts';
import type { Message } from '../../shared/contract/message.ts';
import { checkMessage } from '../../shared/contract/validation.ts';
import {
  checkNack,
  checkPlace,
  checkStoringOptions,
  checkTimes,
  DELAY_LEVELS_MS,
  isDelayed,
  TIME_MAX,
  type TimedMessage,
} from './message-options.ts';

const NOW = Date.UTC(2026, 0, 1);
/** A broker of this stage. */
const rules = { capabilities: capabilitiesOfStage(4), limits: LIMITS };
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

function times(message: Message): TimedMessage {
  const contents = [checkMessage('message', message, LIMITS)];
  const [checked] = checkTimes('message', [message], { contents, clock: { now: () => NOW } });
  assert(checked !== undefined);
  return checked;
}

function refused(run: () => unknown, path: string): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(isMqError(error, 'MQ_INVALID_ARGUMENT'), String(error));
    assert.equal(error.details.path, path);
    return true;
  });
}

test('a delay becomes a point in time, however far ahead', () => {
  assert.equal(times({ body: '', delayMs: 250 }).deliverAt, NOW + 250);
  assert.equal(times({ body: '', delayMs: 10 * YEAR_MS }).deliverAt, NOW + 10 * YEAR_MS);
  assert.equal(times({ body: '', deliverAt: NOW + 2 ** 33 }).deliverAt, NOW + 2 ** 33);
  assert.equal(times({ body: '', deliverAt: TIME_MAX }).deliverAt, TIME_MAX);
});

test('what is due in the past, or now, is not delayed', () => {
  for (const message of [{ delayMs: 0 }, { deliverAt: 0 }, { deliverAt: NOW - 1 }, { deliverAt: NOW }, {}]) {
    assert.equal(times({ body: '', ...message }).deliverAt, undefined);
  }
});

test('a delay that is no whole number, or negative, or past all time, is refused with its path', () => {
  for (const delayMs of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number, TIME_MAX]) {
    refused(() => times({ body: '', delayMs }), 'message.delayMs');
  }
  for (const deliverAt of [-1, 0.5, Number.NaN, TIME_MAX + 1, new Date(NOW) as unknown as number]) {
    refused(() => times({ body: '', deliverAt }), 'message.deliverAt');
  }
  refused(() => times({ body: '', delayMs: 1, deliverAt: NOW + 1 }), 'message.deliverAt');
});

test('priorities go from 0 to 9', () => {
  assert.equal(times({ body: '' }).priority, 0);
  assert.equal(times({ body: '', priority: 9 }).priority, 9);
  for (const priority of [-1, 10, 1.5, Number.NaN]) {
    refused(() => times({ body: '', priority }), 'message.priority');
  }
});

test('a life lasts a millisecond at least, and one beyond all time has no end', () => {
  assert.equal(times({ body: '', ttlMs: 1 }).ttlMs, 1);
  assert.equal(times({ body: '', ttlMs: Number.MAX_SAFE_INTEGER }).ttlMs, undefined);
  for (const ttlMs of [0, -1, 2.5, Number.NaN]) refused(() => times({ body: '', ttlMs }), 'message.ttlMs');
});

test('a batch is delayed as a whole or not at all', () => {
  const [late, now] = [times({ body: '', delayMs: 5 }), times({ body: '' })];
  assert.equal(isDelayed('messages', [late, late]), true);
  assert.equal(isDelayed('messages', [now, now]), false);
  refused(() => isDelayed('messages', [late, now]), 'messages');
});

test('there are eighteen levels of delay, from a second to two hours', () => {
  assert.equal(DELAY_LEVELS_MS.length, 18);
  assert.equal(DELAY_LEVELS_MS[0], 1000);
  assert.equal(DELAY_LEVELS_MS[4], 60_000);
  assert.equal(DELAY_LEVELS_MS[17], 2 * 60 * 60_000);
  assert.deepEqual(
    [...DELAY_LEVELS_MS].sort((one, other) => one - other),
    DELAY_LEVELS_MS,
  );
});

test('a send that names no partition leaves it open', () => {
  assert.equal(checkStoringOptions({}, rules).partition, undefined);
  assert.equal(checkStoringOptions({ partition: 3 }, rules).partition, 3);
  refused(() => checkStoringOptions({ partition: -1 }, rules), 'options.partition');
});

test('a position names its group and its partition', () => {
  assert.deepEqual(checkPlace({ group: 'g', partition: 2 }, LIMITS), { group: 'g', partition: 2 });
  assert.deepEqual(checkPlace({ group: 'g' }, LIMITS), { group: 'g', partition: 0 });
  refused(() => checkPlace({ group: 'g', partition: 0.5 }, LIMITS), 'options.partition');
});

test('what is given back says how, when and why, and a long reason is cut', () => {
  assert.deepEqual(checkNack(undefined), { outcome: 'retry', delayMs: undefined, reason: undefined });
  const whole = { outcome: 'retry', delayMs: 0, reason: 'busy' } as const;
  assert.deepEqual(checkNack(whole), whole);
  assert.equal(checkNack({ reason: 'x'.repeat(5000) }).reason?.length, 1000);
  refused(() => checkNack({ delayMs: -1 }), 'options.delayMs');
  refused(() => checkNack({ outcome: 'reject', delayMs: 5 }), 'options.delayMs');
  refused(() => checkNack({ reason: '\ud800' }), 'options.reason');
});
