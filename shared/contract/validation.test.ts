import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createBroker } from '../../stages/1-blocking-queue/index.ts';
import { type ErrorCode, isMqError } from './errors.ts';
import { previewOf } from './inside.ts';
import { LIMITS, OVERHEAD } from './limits.ts';
import type { Message } from './message.ts';
import {
  checkBatch,
  checkBroker,
  checkChoice,
  checkInteger,
  checkMessage,
  checkName,
  checkOptions,
  describeValue,
  memberPath,
  utf8Length,
} from './validation.ts';

const wrong = (value: unknown): never => value as never;

function throwsAt(call: () => unknown, path: string, code: ErrorCode = 'MQ_INVALID_ARGUMENT'): void {
  assert.throws(call, (error) => {
    assert.ok(isMqError(error, code), String(error));
    assert.equal(error.details.path, path);
    assert.ok(error.message.startsWith(path), error.message);
    return true;
  });
}

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (isMqError(error)) return error.message;
  }
  return assert.fail('it was not refused');
}

describe('names', () => {
  test('names of 1 to 249 UTF-8 bytes are legal, whatever script they are in', () => {
    const legal = ['a', 'a/b', 'con', '__proto__', '主题', '👩‍👩‍👧', ' ', 'a'.repeat(249), '主'.repeat(83), '...', '-'];
    for (const name of legal) assert.equal(checkName('topic', name, LIMITS), name.normalize('NFC'));
  });

  test('names that are empty, too long, unreadable or reserved are refused', () => {
    const illegal = [
      '',
      'a'.repeat(250),
      '主'.repeat(84),
      '.',
      '..',
      '$dead',
      'a\u0000',
      'a\nb',
      '\u009f',
      '\ud800',
      'x\udc00',
    ];
    for (const name of illegal) throwsAt(() => checkName('topic', name, LIMITS), 'topic');
    for (const name of [undefined, null, 5, {}, ['a']]) throwsAt(() => checkName('group', name, LIMITS), 'group');
  });

  test('a name comes back in NFC, and its length is counted after that', () => {
    assert.equal(checkName('topic', 'e\u0301', LIMITS), '\u00e9');
    assert.equal(checkName('topic', 'e\u0301'.repeat(124), LIMITS), '\u00e9'.repeat(124));
    throwsAt(() => checkName('topic', 'e\u0301'.repeat(125), LIMITS), 'topic');
  });

  test('whatever the text, the check gives a legal name in NFC or refuses it with its path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        try {
          const name = checkName('topic', text, LIMITS);
          assert.equal(name, text.normalize('NFC'));
          assert.equal(checkName('topic', name, LIMITS), name);
          assert.ok(Buffer.byteLength(name) >= 1 && Buffer.byteLength(name) <= LIMITS.nameBytesMax);
        } catch (error) {
          assert.ok(isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === 'topic');
        }
      }),
    );
  });
});

describe('options', () => {
  test('a whole number within its range is legal, nothing given is the fallback', () => {
    const range = { min: 1, max: 10, fallback: 5 };
    assert.deepEqual(
      [1, 10, undefined].map((value) => checkInteger('max', value, range)),
      [1, 10, 5],
    );
    for (const value of [0, 11, -1, 1.5, Number.NaN, Infinity, '5', null, 2 ** 53, 5n]) {
      throwsAt(() => checkInteger('max', value, range), 'max');
    }
  });

  test('a negative zero becomes a zero', () => {
    assert.ok(Object.is(checkInteger('offset', -0, { min: 0, max: 1, fallback: 1 }), 0));
  });

  test('one of the words is legal, nothing given is the fallback', () => {
    assert.equal(checkChoice('overflow', 'reject', ['wait', 'reject'], 'wait'), 'reject');
    assert.equal(checkChoice('overflow', undefined, ['wait', 'reject'], 'wait'), 'wait');
    for (const value of ['Reject', '', null, 0]) {
      throwsAt(() => checkChoice<string>('overflow', value, ['wait', 'reject'], 'wait'), 'overflow');
    }
  });

  test('a misspelt option is refused, and the message lists the right ones', () => {
    checkOptions('options', undefined, ['max']);
    checkOptions('options', { max: undefined }, ['max']);
    throwsAt(() => checkOptions('options', { maks: 1 }, ['max', 'group']), 'options.maks');
    assert.throws(() => checkOptions('options', { maks: 1 }, ['max', 'group']), /known: max, group/);
    for (const value of [null, 5, 'max', [], () => 1])
      throwsAt(() => checkOptions('options', value, ['max']), 'options');
  });
});

describe('messages', () => {
  const check = (message: Message) => checkMessage('message', message, LIMITS);

  test('a string body becomes its UTF-8 bytes, and bytes that fill their buffer stay the very same ones', () => {
    assert.deepEqual(check({ body: 'é' }).body, Uint8Array.of(0xc3, 0xa9));
    assert.deepEqual(check({ body: Uint8Array.of(0, 255, 128) }).body, Uint8Array.of(0, 255, 128));
    const body = new Uint8Array(10_000);
    assert.equal(check({ body }).body, body);
    assert.equal(check({ body: '' }).body.length, 0);
  });

  test('a Buffer becomes a plain Uint8Array of the same bytes', () => {
    const body = Buffer.from('tea').subarray(1);
    const checked = check({ body });
    assert.equal(checked.body.constructor, Uint8Array);
    assert.deepEqual([...checked.body], [...body]);
  });

  test('headers come back without a prototype, so that no name is special', () => {
    const { headers } = check({ body: '', headers: JSON.parse('{"__proto__": "1", "constructor": "2"}') });
    assert.equal(Object.getPrototypeOf(headers), null);
    assert.deepEqual(Object.entries(headers), [
      ['__proto__', '1'],
      ['constructor', '2'],
    ]);
    assert.ok(Object.isFrozen(headers));
    assert.deepEqual(Object.keys(check({ body: '' }).headers), []);
  });

  test('bytes counts body, key, id and headers', () => {
    assert.equal(check({ body: 'ab', key: 'é', id: 'xyz', headers: { h: 'vv' } }).bytes, 2 + 2 + 3 + 3);
  });

  test('heldBytes counts the objects around them as well: of the record, of its headers, of each header', () => {
    const { recordBytes, headersBytes, headerBytes } = OVERHEAD;
    assert.equal(check({ body: 'ab' }).heldBytes, 2 + recordBytes);
    assert.equal(check({ body: '', headers: {} }).heldBytes, recordBytes);
    const two = check({ body: '', headers: { a: '', b: '' } });
    assert.deepEqual([two.bytes, two.heldBytes], [2, 2 + recordBytes + headersBytes + 2 * headerBytes]);
  });

  test('every member is refused when it is of the wrong kind, with its path', () => {
    const cases: [string, unknown][] = [
      ['message', null],
      ['message', 'text'],
      ['message.body', {}],
      ['message.body', { body: 5 }],
      ['message.body', { body: '\ud800' }],
      ['message.body', { body: [1, 2] }],
      ['message.key', { body: '', key: 5 }],
      ['message.key', { body: '', key: '\udfff' }],
      ['message.id', { body: '', id: '' }],
      ['message.id', { body: '', id: null }],
      ['message.headers', { body: '', headers: 'a=b' }],
      ['message.headers', { body: '', headers: ['a'] }],
      ['message.headers', { body: '', headers: new Map([['a', 'b']]) }],
      ['message.headers', { body: '', headers: new Headers({ a: 'b' }) }],
      ['message.headers["h"]', { body: '', headers: { h: 1 } }],
      ['message.headers[""]', { body: '', headers: { '': 'x' } }],
      ['message.header', { body: '', header: {} }],
    ];
    for (const [path, message] of cases) throwsAt(() => check(wrong(message)), path);
  });

  test('each limit is legal, and one more is MQ_MESSAGE_TOO_LARGE with its path', () => {
    const limits = {
      ...LIMITS,
      bodyBytesMax: 4,
      keyBytesMax: 4,
      idBytesMax: 4,
      headersCountMax: 2,
      headersBytesMax: 8,
    };
    const cases: [string, Message, Message][] = [
      ['message.body', { body: 'éé' }, { body: 'ééx' }],
      ['message.key', { body: '', key: 'éé' }, { body: '', key: 'ééx' }],
      ['message.id', { body: '', id: 'éé' }, { body: '', id: 'ééx' }],
      ['message.headers', { body: '', headers: { a: '', b: '' } }, { body: '', headers: { a: '', b: '', c: '' } }],
      ['message.headers', { body: '', headers: { ab: 'ééx', c: '' } }, { body: '', headers: { ab: 'éééx', c: '' } }],
    ];
    for (const [path, legal, tooLarge] of cases) {
      checkMessage('message', legal, limits);
      throwsAt(() => checkMessage('message', tooLarge, limits), path, 'MQ_MESSAGE_TOO_LARGE');
    }
  });
});

describe('batches', () => {
  test('a batch is checked message by message, each with its place', () => {
    assert.equal(checkBatch('messages', [{ body: 'a' }, { body: 'b' }], LIMITS).length, 2);
    throwsAt(() => checkBatch('messages', [{ body: 'a' }, wrong({ body: 1 })], LIMITS), 'messages[1].body');
    for (const batch of [[], undefined, {}, 'ab'])
      throwsAt(() => checkBatch('messages', wrong(batch), LIMITS), 'messages');
  });

  test('an array with holes is refused at its first hole', () => {
    const sparse = [{ body: 'a' }];
    sparse.length = 3;
    throwsAt(() => checkBatch('messages', sparse, LIMITS), 'messages[1]');
  });

  test('its limits are legal, and one more message or byte is MQ_BATCH_TOO_LARGE', () => {
    const limits = { ...LIMITS, batchCountMax: 3, batchBytesMax: 5 };
    checkBatch('messages', [{ body: 'ab' }, { body: 'cd' }, { body: 'e' }], limits);
    const tooMany = Array.from({ length: 4 }, () => ({ body: '' }));
    throwsAt(() => checkBatch('messages', tooMany, limits), 'messages', 'MQ_BATCH_TOO_LARGE');
    throwsAt(() => checkBatch('messages', [{ body: 'abcdef' }], limits), 'messages', 'MQ_BATCH_TOO_LARGE');
  });
});

test('utf8Length is the number of bytes that encoding gives', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(utf8Length(text), Buffer.byteLength(text));
    }),
  );
});

test('what has the methods of a broker is one; anything else is told what it lacks', async () => {
  const broker: object = await createBroker();
  assert.equal(checkBroker('broker', broker), broker);
  const withoutAck = Object.assign(Object.create(broker), { ack: undefined });
  assert.equal(
    messageOf(() => checkBroker('broker', withoutAck)),
    'broker must be a Broker, and this has no ack()',
  );
  for (const none of [undefined, null, 'broker', {}, []]) throwsAt(() => checkBroker('broker', none), 'broker');
});

test('a value in an error message is short, on one line, and never a whole body', () => {
  assert.equal(describeValue('a\nb'), '"a\\nb"');
  assert.ok(describeValue('x'.repeat(1000)).length < 50);
  assert.equal(describeValue(new Uint8Array(9)), 'a value of type object');
  assert.equal(describeValue([1]), 'an array');
  assert.deepEqual([null, undefined, 5, true].map(describeValue), ['null', 'undefined', '5', 'true']);
});

test('whatever the caller wrote, an error message shows it short, on one line and without anything that moves a cursor', () => {
  assert.equal(describeValue('\u009b31m\u007f\u2028\u202e'), '"\\u{9b}31m\\u{7f}\\u{2028}\\u{202e}"');
  assert.equal(memberPath('options', 'waitMS'), 'options.waitMS');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      const messages = [
        () => checkOptions('options', { [text]: 1 }, []),
        () => checkName('topic', `${text}\u009b`, LIMITS),
        () => checkChoice<string>('overflow', `${text}?`, ['wait'], 'wait'),
        () => checkMessage('message', { body: '', headers: { [text]: wrong(1) } }, LIMITS),
      ].map(messageOf);
      for (const message of messages) {
        assert.doesNotMatch(message, /[\p{C}\p{Zl}\p{Zp}]/u);
        assert.ok(message.length < 500, `${message.length} characters`);
      }
    }),
  );
});

test('a preview is short and free of anything that could move the cursor', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
      const preview = previewOf(body);
      assert.ok(Array.from(preview).length <= 24);
      assert.doesNotMatch(preview, /[\p{C}\ufffd]/u);
    }),
  );
  assert.equal(previewOf(new TextEncoder().encode('a\u001b[2Jb\r\n')), 'a·[2Jb··');
});
