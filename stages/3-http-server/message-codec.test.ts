import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Message, StoredRecord } from '../../shared/contract/message.ts';
import { decodeMessages as decodeAtMost, decodeRecords, encodeMessages } from './message-codec.ts';

const text = (bytesMax: number) => fc.string({ unit: 'grapheme', maxLength: bytesMax });
const headers = fc
  .dictionary(text(5), text(20), { maxKeys: 4, noNullPrototype: false })
  .map((pairs) => Object.assign(Object.create(null), pairs) as Record<string, string>);
const message = fc.record(
  {
    body: fc.uint8Array({ maxLength: 60 }),
    key: text(12),
    id: text(12),
    headers,
    delayMs: fc.maxSafeNat(),
    deliverAt: fc.maxSafeNat(),
    ttlMs: fc.maxSafeNat(),
    priority: fc.nat({ max: 255 }),
  },
  { requiredKeys: ['body'] },
);

const decodeMessages = (bytes: Uint8Array): Message[] => decodeAtMost(bytes, { countMax: 0xffffffff });

/** A message without members that are undefined or empty headers, which the bytes do not tell apart from none. */
function plain(of: Message): Record<string, unknown> {
  const members = Object.entries(of).filter(([name, value]) => {
    return value !== undefined && !(name === 'headers' && Object.keys(value).length === 0);
  });
  return Object.fromEntries(members.map(([name, value]) => [name, name === 'headers' ? { ...value } : value]));
}

function refusal(bytes: Uint8Array): string {
  try {
    decodeMessages(bytes);
  } catch (error) {
    assert.ok(isMqError(error, 'MQ_INVALID_ARGUMENT'), String(error));
    return `${error.details.path}: ${/condition (\d)/.exec(error.message)?.[1]}`;
  }
  return 'accepted';
}

const bytesOf = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex');

test('what was encoded is decoded to equal messages', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
      const decoded = decodeMessages(encodeMessages(messages));
      assert.deepEqual(decoded.map(plain), messages.map(plain));
    }),
  );
});

test('a body is a plain Uint8Array, byte for byte, also for all 256 values', () => {
  const body = Uint8Array.from({ length: 256 }, (_, value) => value);
  const [decoded] = decodeMessages(encodeMessages([{ body }]));
  assert.equal(decoded?.body.constructor, Uint8Array);
  assert.deepEqual(decoded?.body, body);
});

test('a body given as text travels as UTF-8', () => {
  const [decoded] = decodeMessages(encodeMessages([{ body: '两杯咖啡' }]));
  assert.deepEqual(decoded?.body, new TextEncoder().encode('两杯咖啡'));
});

test('the example of the protocol page is these bytes', () => {
  const bytes = bytesOf('00000001 00000006 01 0001 6b 6869');
  assert.deepEqual(Buffer.from(encodeMessages([{ key: 'k', body: 'hi' }])), bytes);
  assert.deepEqual(plain(decodeMessages(bytes)[0] ?? { body: '' }), { key: 'k', body: Uint8Array.of(0x68, 0x69) });
});

test('records keep offset, timestamp, and an offset that does not exist', () => {
  const records: Omit<StoredRecord, 'topic' | 'partition'>[] = [
    { id: 'a', offset: 0, timestamp: 1, headers: {}, body: Uint8Array.of(1) },
    {
      id: 'b',
      offset: Number.MAX_SAFE_INTEGER,
      timestamp: 2 ** 40,
      key: 'k',
      headers: { h: 'v' },
      body: new Uint8Array(),
    },
    { id: 'c', offset: null, timestamp: 3, headers: {}, body: new Uint8Array() },
    { id: 'd', offset: 1, timestamp: 4, headers: {}, body: Uint8Array.of(2), priority: 9, expiresAt: 2 ** 41 },
    // It expired before it was stored, while it was delayed.
    { id: 'e', offset: 2, timestamp: 5, headers: {}, body: Uint8Array.of(2), expiresAt: 4 },
  ];
  const decoded = decodeRecords(encodeMessages(records), { topic: 't', partition: 0 });
  assert.deepEqual(
    decoded.map(({ headers: found, ...record }) => ({ ...record, headers: { ...found } })),
    records.map((record) => ({ topic: 't', partition: 0, ...record })),
  );
});

test('a record that is sent on lives as long as it was meant to, and at least a millisecond', () => {
  const record = { id: 'd', offset: 1, timestamp: 1000, headers: {}, body: Uint8Array.of(2), priority: 3 };
  const lives = [1500, 1000, 10, undefined].map((expiresAt) => {
    const [{ ttlMs, priority } = { ttlMs: -1, priority: -1 }] = decodeMessages(
      encodeMessages([expiresAt === undefined ? record : { ...record, expiresAt }]),
    );
    return [ttlMs, priority];
  });
  assert.deepEqual(lives, [
    [500, 3],
    [1, 3],
    [1, 3],
    [undefined, 3],
  ]);
});

test('an answer whose entries are no records is MQ_PROTOCOL', () => {
  const bytes = encodeMessages([{ body: 'x', id: 'a' }]);
  assert.throws(
    () => decodeRecords(bytes, { topic: 't', partition: 0 }),
    (error) => isMqError(error, 'MQ_PROTOCOL'),
  );
});

test('every broken condition is refused by its number', () => {
  assert.equal(refusal(bytesOf('000000')), 'body: 1');
  assert.equal(refusal(bytesOf('00000001')), 'messages[0]: 2');
  assert.equal(refusal(bytesOf('00000001 00000000')), 'messages[0]: 2');
  assert.equal(refusal(bytesOf('00000001 00000002 00')), 'messages[0]: 3');
  assert.equal(refusal(bytesOf('00000001 00000001 01')), 'messages[0]: 4');
  assert.equal(refusal(bytesOf('00000001 00000004 01 0002 61')), 'messages[0]: 4');
  assert.equal(refusal(bytesOf('00000001 00000004 01 0001 ff')), 'messages[0].key: 5');
  assert.equal(
    refusal(bytesOf('00000001 0000000b 04 0002 000161 0000 000161 0000'.replace('0b', '0d'))),
    'messages[0].headers: 6',
  );
  assert.equal(refusal(bytesOf('00000001 00000009 08 00200000 00000000')), 'messages[0].delayMs: 7');
  assert.equal(refusal(bytesOf('00000001 00000001 00 00')), 'body: 8');
});

test('a count of four thousand million in four bytes is refused at once', () => {
  assert.equal(refusal(bytesOf('ffffffff')), 'messages[0]: 2');
});

test('a batch of too many messages is refused before the first of them is looked at', () => {
  const isTooLarge = (error: unknown): boolean => isMqError(error, 'MQ_BATCH_TOO_LARGE');
  assert.throws(() => decodeAtMost(bytesOf('00000003 ffffffff'), { countMax: 2 }), isTooLarge);
  assert.equal(decodeAtMost(encodeMessages([{ body: '' }, { body: '' }]), { countMax: 2 }).length, 2);
});

test('a header named __proto__ is an ordinary header', () => {
  const named = JSON.parse('{"__proto__": "x"}') as Record<string, string>;
  const [decoded] = decodeMessages(encodeMessages([{ body: '', headers: named }]));
  assert.deepEqual(Object.keys(decoded?.headers ?? {}), ['__proto__']);
  assert.equal(Object.getPrototypeOf(decoded?.headers), null);
});

test('a text beyond what a u16 counts is refused when encoding', () => {
  assert.throws(
    () => encodeMessages([{ body: '', key: 'x'.repeat(65_536) }]),
    (error) => isMqError(error, 'MQ_MESSAGE_TOO_LARGE'),
  );
});

test('bytes cut short at any place are refused, never misread', () => {
  const whole = encodeMessages([
    { body: 'abc', key: 'k', id: 'i', headers: { a: 'b' }, delayMs: 7, priority: 2 },
    { body: '' },
  ]);
  for (let length = 0; length < whole.length; length += 1)
    assert.notEqual(refusal(whole.subarray(0, length)), 'accepted');
});

test('random bytes either decode or are refused as an invalid argument', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      refusal(bytes);
    }),
    { numRuns: 2000 },
  );
});

test('random damage to valid bytes either decodes to what encodes to the same bytes, or is refused', () => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      fc.nat({ max: 255 }),
      (messages, at, value) => {
        const bytes = encodeMessages(messages);
        bytes[at % bytes.length] = value;
        if (refusal(bytes) !== 'accepted') return;
        const decoded = decodeMessages(bytes);
        assert.deepEqual(decodeMessages(encodeMessages(decoded)).map(plain), decoded.map(plain));
      },
    ),
  );
});
