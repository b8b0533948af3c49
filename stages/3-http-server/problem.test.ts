import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, type ErrorCode, MqError } from '../../shared/contract/errors.ts';
import { asMqError, errorOf, headersOf, problemOf } from './problem.ts';

test('every error of the registry survives the journey with its message and details', () => {
  const details = {
    path: 'messages[3].key',
    capability: 'lease',
    stage: 2,
    logStartOffset: 4,
    logEndOffset: 9,
    failed: [{ topic: 't', partition: 0, offset: 1, leaseToken: 'x' }],
    retryAfterMs: 1500,
    allow: ['GET'],
  };
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const sent = new MqError(code, `what was wrong with ${code}`, { details });
    const problem = JSON.parse(JSON.stringify(problemOf(sent)));
    const { httpStatus, meaning } = ERRORS[code];
    assert.deepEqual([problem.status, problem.title, problem.type], [httpStatus, meaning, `urn:stagemq:error:${code}`]);
    const arrived = errorOf(httpStatus, problem);
    assert.deepEqual([arrived.code, arrived.message, arrived.details], [sent.code, sent.message, sent.details]);
    assert.equal(arrived.isRetriable, sent.isRetriable);
  }
});

test('what is no problem document with a known code is MQ_PROTOCOL', () => {
  for (const body of [undefined, null, 'text', 7, [], {}, { code: 'E' }, { code: 7 }, { code: 'toString' }]) {
    assert.equal(errorOf(500, body).code, 'MQ_PROTOCOL');
  }
});

test('details of another shape are MQ_PROTOCOL, and members nobody knows are left out', () => {
  for (const details of [{ failed: 5 }, { failed: [null] }, { path: {} }, { stage: 'x' }, { retryAfterMs: 'soon' }]) {
    assert.equal(errorOf(409, { code: 'MQ_LEASE_EXPIRED', ...details }).code, 'MQ_PROTOCOL');
  }
  assert.deepEqual(errorOf(400, { code: 'MQ_INVALID_ARGUMENT', path: 'a', later: 1 }).details, { path: 'a' });
});

test('a problem document without a detail has the meaning of its code as its message', () => {
  assert.equal(errorOf(429, { code: 'MQ_QUEUE_FULL' }).message, ERRORS.MQ_QUEUE_FULL.meaning);
});

test('an error that is none of ours is MQ_INTERNAL, and its message goes to nobody', () => {
  const defect = new TypeError('secret');
  const shown = asMqError(defect);
  assert.equal(shown.code, 'MQ_INTERNAL');
  assert.equal(shown.cause, defect);
  assert.ok(!JSON.stringify(problemOf(shown)).includes('secret'));
});

test('an error that may pass says when, in whole seconds and never sooner', () => {
  const after = (retryAfterMs?: number) => headersOf(new MqError('MQ_QUEUE_FULL', '', { details: { retryAfterMs } }));
  assert.deepEqual(after(), { 'retry-after': '1' });
  assert.deepEqual(after(1), { 'retry-after': '1' });
  assert.deepEqual(after(1001), { 'retry-after': '2' });
  for (const code of ['MQ_STORAGE_FULL', 'MQ_STORAGE_FAILED'] as const) {
    assert.deepEqual(headersOf(new MqError(code, '')), { 'retry-after': '1' });
  }
});
