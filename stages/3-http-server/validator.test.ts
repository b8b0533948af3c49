import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TSchema } from 'typebox';
import { isMqError } from '../../shared/contract/errors.ts';
import { AckBody, FetchQuery, GroupOptionsBody, ReceiveBody, SendBody, TopicPath } from './schemas.ts';
import { compileValidator } from './validator.ts';

type Check = (data: unknown) => true | { value?: unknown; error?: unknown };

function checkOf(schema: TSchema, httpPart: string, contentType?: string): Check {
  const route = { schema, method: 'POST', url: '/', httpPart, ...(contentType === undefined ? {} : { contentType }) };
  return compileValidator(route as never) as unknown as Check;
}

/** Path and sentence of a refusal. */
function refusal(schema: TSchema, data: unknown, httpPart = 'body'): [unknown, string] {
  const checked = checkOf(schema, httpPart)(data);
  assert.ok(checked !== true && isMqError(checked.error, 'MQ_INVALID_ARGUMENT'));
  return [checked.error.details.path, checked.error.message];
}

test('a refusal names the place and what would be right', () => {
  assert.deepEqual(refusal(ReceiveBody, { max: 'three' }), ['max', 'max must be integer']);
  assert.deepEqual(refusal(ReceiveBody, { maximum: 3 }), [
    'maximum',
    'maximum must be left out: there is no such member here',
  ]);
  assert.deepEqual(refusal(ReceiveBody, []), ['body', 'body must be object']);
  assert.deepEqual(refusal(AckBody, {}), ['body', 'body must be an object with the member "deliveries"']);
  assert.deepEqual(refusal(AckBody, { deliveries: [{ offset: 0, memberId: 'm', leaseToken: 't' }, 7] }), [
    'deliveries[1]',
    'deliveries[1] must be object',
  ]);
  assert.deepEqual(refusal(GroupOptionsBody, { mode: 'x' })[0], 'mode');
});

test('where a value may have one of several shapes, the refusal is about the one it was meant to have', () => {
  assert.deepEqual(refusal(SendBody, { body: 'a', encoding: 'hex' }), [
    'encoding',
    'encoding must be one of utf8, base64',
  ]);
  assert.equal(refusal(SendBody, { messages: [{ body: 'a' }, { body: 'b', zz: 1 }] })[0], 'messages[1].zz');
  assert.equal(refusal(SendBody, { messages: 7 })[0], 'messages');
  assert.equal(refusal(SendBody, { body: 'a', zz: 1 })[0], 'zz');
});

test('a query has whole numbers as text, and hands them over as numbers', () => {
  const check = checkOf(FetchQuery, 'querystring');
  assert.deepEqual(check({ offset: '10', max: '0' }), { value: { offset: 10, max: 0 } });
  assert.equal(check({}), true);
  for (const text of ['01', '+1', '-1', '1.0', '1e3', '0x1', ' 1', '', '1_000']) {
    assert.deepEqual(refusal(FetchQuery, { max: text }, 'querystring'), ['max', 'max must be integer'], text);
  }
  assert.equal(refusal(FetchQuery, { max: ['1', '2'] }, 'querystring')[0], 'max');
});

test('a body may be left out where all of its members may', () => {
  assert.deepEqual(checkOf(ReceiveBody, 'body')(null), { value: {} });
  assert.equal(refusal(AckBody, null)[0], 'body');
});

test('bytes and parts of a path are not looked at', () => {
  assert.equal(checkOf(SendBody, 'body', 'application/octet-stream')(Buffer.from('x')), true);
  assert.equal(checkOf(TopicPath, 'params')({ topic: 't' }), true);
});
