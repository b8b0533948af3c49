import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { capabilitiesOfStage, isCapability, notSupported, unsupported } from './capabilities.ts';
import { abortedError, ERRORS, type ErrorCode, isErrorCode, isMqError, MqError } from './errors.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];
const PAGE = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

/** Code -> the text of its section. */
function sections(): Map<string, string> {
  const [, ...parts] = PAGE.split(/^## /m);
  return new Map(
    parts.map((part) => {
      const [code = '', ...text] = part.split('\n');
      return [code.trim(), text.join('\n').trim()];
    }),
  );
}

describe('docs/errors.md', () => {
  test('it has a section for every code of the registry, in the same order, and no other', () => {
    assert.deepEqual([...sections().keys()], CODES);
  });

  test('every section says the meaning, retriable and status of the registry', () => {
    for (const [code, text] of sections()) {
      assert.ok(isErrorCode(code));
      const { meaning, isRetriable, httpStatus } = ERRORS[code];
      const [first = ''] = text.split('\n\n');
      assert.equal(first.replace(/\s+/g, ' '), meaning, code);
      assert.match(text, new RegExp(`^- Retriable: ${isRetriable ? 'yes' : 'no'}$`, 'm'), code);
      assert.match(text, new RegExp(`^- HTTP status: ${httpStatus}$`, 'm'), code);
    }
  });

  test('every section says when the error is seen and what to do', () => {
    for (const [code, text] of sections()) {
      const sentenceAfter = (heading: string): string => text.split(heading)[1]?.split('\n\n')[0]?.trim() ?? '';
      assert.ok(sentenceAfter('**When you see it.**').length > 30, code);
      assert.ok(sentenceAfter('**What to do.**').length > 10, code);
    }
  });

  test('every code it mentions in passing exists', () => {
    const mentioned = PAGE.match(/\bMQ_[A-Z_]+\b/g) ?? [];
    const unknown = mentioned.filter((code) => !isErrorCode(code) && code !== 'MQ_TOKEN');
    assert.deepEqual(unknown, []);
  });
});

describe('the registry', () => {
  test('every row has a sentence, a status of an error, and cannot be changed', () => {
    assert.ok(Object.isFrozen(ERRORS));
    for (const code of CODES) {
      const { meaning, httpStatus } = ERRORS[code];
      assert.match(code, /^MQ_[A-Z]+(_[A-Z]+)*$/);
      assert.match(meaning, /^[A-Z].+\.$/);
      assert.ok(httpStatus >= 400 && httpStatus <= 599);
      assert.ok(Object.isFrozen(ERRORS[code]));
    }
  });

  test('no two codes mean the same', () => {
    assert.equal(new Set(CODES.map((code) => ERRORS[code].meaning)).size, CODES.length);
  });
});

describe('MqError', () => {
  test('it carries code, message, details and cause', () => {
    const cause = new Error('why');
    const error = new MqError('MQ_QUEUE_FULL', 'full', { details: { retryAfterMs: 5 }, cause });
    assert.ok(error instanceof Error);
    assert.deepEqual([error.name, error.code, error.message], ['MqError', 'MQ_QUEUE_FULL', 'full']);
    assert.deepEqual(error.details, { retryAfterMs: 5 });
    assert.equal(error.cause, cause);
    assert.equal(error.isRetriable, true);
    assert.deepEqual(new MqError('MQ_CLOSED', 'x').details, {});
    assert.ok(!('cause' in new MqError('MQ_CLOSED', 'x')));
  });

  test('the error of an aborted call has the reason of its signal as cause', () => {
    const { code, cause } = abortedError(AbortSignal.abort('enough'));
    assert.deepEqual([code, cause], ['MQ_ABORTED', 'enough']);
  });

  test('isMqError tells it from other errors, and one code from another', () => {
    const error: unknown = new MqError('MQ_CLOSED', 'closed');
    assert.ok(isMqError(error));
    assert.ok(isMqError(error, 'MQ_CLOSED'));
    assert.ok(!isMqError(error, 'MQ_ABORTED'));
    assert.ok(!isMqError(Object.assign(new Error('x'), { code: 'MQ_CLOSED' })));
    assert.ok(!isMqError(undefined));
  });

  test('what came over a wire is a code only when it is in the registry', () => {
    assert.ok(isErrorCode('MQ_TIMEOUT'));
    for (const text of ['MQ_NONE', 'toString', '__proto__', 5, null, undefined]) assert.ok(!isErrorCode(text));
  });
});

describe('capabilities', () => {
  test('every stage has those of the stages before it, and stage 3 adds none', () => {
    for (let stage = 2; stage <= 5; stage += 1) {
      assert.ok(capabilitiesOfStage(stage - 1).isSubsetOf(capabilitiesOfStage(stage)));
    }
    assert.deepEqual(capabilitiesOfStage(2), capabilitiesOfStage(3));
    assert.deepEqual([...capabilitiesOfStage(1)], ['send', 'receive', 'batch']);
    assert.equal(capabilitiesOfStage(0).size, 0);
  });

  test('a missing one is named with the stage that has it, by a rejection and never by a throw', async () => {
    const error = notSupported('lease', 'ack');
    assert.deepEqual([error.code, error.details], ['MQ_NOT_SUPPORTED', { capability: 'lease', stage: 2 }]);
    const rejected = unsupported('push', 'subscribe')('topic', {}, () => undefined);
    await assert.rejects(rejected, (reason) => isMqError(reason) && reason.details.capability === 'push');
  });

  test('only names of the table are capabilities', () => {
    assert.ok(isCapability('raw-batches'));
    for (const text of ['Lease', 'constructor', '', undefined]) assert.ok(!isCapability(text));
  });
});
