import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../../shared/contract/errors.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import { changed, hello, IDS, refuses, withBlock } from '../testing/crafted-batch.ts';
import { checkContent, faultOfContent, faultOfPlacement } from './batch-check.ts';
import { writeU16, writeU32 } from './big-endian.ts';
import type { Codec } from './compression.ts';
import type { EncodableMessage } from './record.ts';
import { AT, encodeBatch, placeBatch, SUMMARY, senderOf, signBatch } from './record-batch.ts';
import { StoredBatch } from './stored-batch.ts';
import { writeVarint } from './varint.ts';

function place(batch: Uint8Array, baseOffset = 0): StoredBatch {
  placeBatch(batch, { baseOffset, appendedAt: 1000, logId: 7, syncedPosition: 64 });
  return new StoredBatch(batch);
}

const text = (max: number): fc.Arbitrary<string> => fc.string({ unit: 'grapheme', maxLength: max });
const number = fc.oneof(fc.nat(300), fc.maxSafeNat());
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
const message: fc.Arbitrary<EncodableMessage> = fc
  .record({
    body: fc.uint8Array({ maxLength: 300 }),
    id: optional(text(20).filter((id) => id !== '')),
    key: optional(text(60)),
    headers: optional(
      fc.dictionary(
        text(9).filter((name) => name !== ''),
        text(70),
        { maxKeys: 4 },
      ),
    ),
    priority: optional(fc.nat(9)),
    ttlMs: optional(number),
    forGroup: optional(text(9)),
    movedFrom: optional(fc.record({ log: fc.constantFrom('delayed' as const, 'dead' as const), offset: number })),
    due: optional(fc.record({ deliverAt: number, targetPartition: fc.nat(300) })),
  })
  .map(({ due, ...rest }) => ({ ...rest, ...due }));

test('whatever is encoded is checked, stored and read as it was, with every codec', () => {
  const codecs = fc.constantFrom<Codec>('none', 'gzip', 'zstd');
  const batches = fc.array(message, { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(batches, codecs, text(9), number, (messages, codec, idPrefix, firstIdNumber) => {
      fc.pre(Number.isSafeInteger(firstIdNumber + messages.length));
      const batch = encodeBatch(messages, { codec, idPrefix, firstIdNumber });
      const { count, flags } = checkContent(batch, LIMITS, { isOurs: true });
      assert.equal(count, messages.length);
      assert.equal(
        (flags & SUMMARY.priority) !== 0,
        messages.some(({ priority = 0 }) => priority > 0),
      );
      const stored = place(batch, 50);
      assert.equal(faultOfPlacement(batch, { logId: 7, offsetMin: 50, appendedAtMin: 1000, position: 64 }), undefined);
      assert.equal(faultOfContent(batch), undefined);
      assert.deepEqual(
        stored.priorities(),
        messages.map(({ priority = 0 }) => priority),
      );
      for (const [index, expected] of messages.entries()) {
        const record = stored.recordAt(50 + index);
        const movedFrom = expected.movedFrom === undefined ? undefined : { ...expected.movedFrom };
        assert.deepEqual(Buffer.from(record.body), Buffer.from(expected.body));
        assert.deepEqual({ ...record.headers }, { ...expected.headers });
        assert.equal(Object.getPrototypeOf(record.headers), null);
        assert.deepEqual(
          [record.id, record.key, record.priority, record.expiresAt, record.forGroup, record.movedFrom],
          [
            ...[expected.id ?? `${idPrefix}${firstIdNumber + index}`, expected.key, expected.priority ?? 0],
            ...[expected.ttlMs === undefined ? undefined : 1000 + expected.ttlMs, expected.forGroup, movedFrom],
          ],
        );
        assert.deepEqual([record.deliverAt, record.targetPartition], [expected.deliverAt, expected.targetPartition]);
      }
      const contentBytes = messages.map((_, index) => stored.contentBytesAt(50 + index)).reduce((a, b) => a + b, 0);
      assert.equal(checkContent(batch, LIMITS, { isOurs: true }).contentBytes, contentBytes);
    }),
    { numRuns: 300 },
  );
});

test('a plain message costs two bytes besides its body, and its id nothing', () => {
  const one = encodeBatch([hello], IDS).length;
  assert.equal(encodeBatch([hello, hello], IDS).length - one, hello.body.length + 2);
});

describe('a batch that comes encoded', () => {
  test('cut at any byte, or with any bit flipped, is refused', () => {
    const good = encodeBatch([{ ...hello, key: 'k', headers: { a: 'b' }, ttlMs: 5 }, hello], IDS);
    for (let length = 0; length < good.length; length += 1) {
      assert.throws(
        () => checkContent(good.subarray(0, length), LIMITS),
        (error) => isMqError(error),
      );
    }
    for (let bit = 8 * AT.contentCrc; bit < 8 * good.length; bit += 1) {
      const flipped = good.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(
        () => checkContent(flipped, LIMITS),
        (error) => isMqError(error, 'MQ_CORRUPT'),
        `bit ${bit}`,
      );
    }
  });

  test('with any bit of its content flipped under a checksum that is right is refused or well-formed, never anything else', () => {
    const good = encodeBatch([{ ...hello, key: 'ké', headers: { a: 'b' }, ttlMs: 500, id: 'x' }, hello], IDS);
    for (let bit = 8 * AT.format; bit < 8 * good.length; bit += 1) {
      const bytes = changed(good, (each) => {
        each[bit >> 3] = (each[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      });
      try {
        const { count } = checkContent(bytes, LIMITS, { isOurs: true });
        const stored = place(bytes);
        for (let index = 0; index < count; index += 1) stored.recordAt(index);
      } catch (error) {
        assert.ok(isMqError(error), `bit ${bit}: ${error}`);
      }
    }
  });

  test('that says something else than it has is refused, with the condition that does not hold', () => {
    const good = encodeBatch([hello], IDS);
    refuses(good.subarray(0, 10), 'V6');
    refuses(Buffer.concat([good, new Uint8Array(1)]), 'V6');
    refuses(
      changed(good, (bytes) => bytes.fill(2, AT.format, AT.format + 1)),
      'V13',
    );
    refuses(
      changed(good, (bytes) => bytes.fill(3, AT.codec, AT.codec + 1)),
      'V14',
    );
    refuses(
      changed(good, (bytes) => writeU32(bytes, AT.recordCount, 0)),
      'V15',
    );
    refuses(
      changed(good, (bytes) => writeU32(bytes, AT.recordsBytes, 5)),
      'V16',
    );
    refuses(
      changed(good, (bytes) => writeU32(bytes, AT.recordCount, 2)),
      'V18',
    );
    refuses(
      changed(encodeBatch([hello, hello], IDS), (bytes) => writeU32(bytes, AT.recordCount, 1)),
      'V18',
    );
    refuses(
      changed(good, (bytes) => writeU16(bytes, AT.flags, SUMMARY.priority)),
      'V20',
    );
    refuses(
      changed(encodeBatch([{ ...hello, priority: 1 }], IDS), (bytes) => writeU16(bytes, AT.flags, 0)),
      'V20',
    );
    refuses(
      changed(good, (bytes) => writeU16(bytes, AT.reserved, 1)),
      'V21',
    );
  });

  test('with a field that is none is refused', () => {
    const prologue = [0, 0];
    refuses(withBlock(Uint8Array.from([0, ...Array(7).fill(0xff), 0x7f, 1, 0])), 'V19'); // a number above 2^53 - 1
    const largest = new Uint8Array(8);
    writeVarint(largest, 0, Number.MAX_SAFE_INTEGER);
    refuses(withBlock(Uint8Array.from([0, ...largest, 1, 0, 1, 0]), { count: 2 }), 'V17');
    refuses(withBlock(Uint8Array.from([...prologue, 0])), 'V18'); // a record of length 0
    refuses(withBlock(Uint8Array.from([...prologue, 0x81, 0x00, 0])), 'V18'); // not the shortest
    refuses(withBlock(Uint8Array.from([...prologue, 2, 2, 5])), 'V19'); // a key longer than its record
    refuses(withBlock(Uint8Array.from([...prologue, 3, 2, 1, 0xff])), 'V19'); // a key that is no UTF-8
    refuses(withBlock(Uint8Array.from([...prologue, 2, 1, 0])), 'V19'); // an empty id
    refuses(withBlock(Uint8Array.from([...prologue, 2, 4, 0])), 'V19'); // headers without a header
    refuses(withBlock(Uint8Array.from([...prologue, 4, 4, 1, 0, 0])), 'V19'); // a header without a name
    refuses(withBlock(Uint8Array.from([...prologue, 2, 8, 0]), { flags: SUMMARY.priority }), 'V19');
    refuses(withBlock(Uint8Array.from([...prologue, 2, 8, 10]), { flags: SUMMARY.priority }), 'V19');
    refuses(withBlock(Uint8Array.from([...prologue, 1, 8]), { flags: SUMMARY.priority }), 'V19');
    refuses(withBlock(Uint8Array.from([...prologue, 3, 64, 3, 0]), { flags: SUMMARY.movedFrom }), 'V19');
  });

  test('may not set what only the broker sets', () => {
    const ours = [{ forGroup: 'g' }, { movedFrom: { log: 'dead', offset: 0 } as const }, { deliverAt: 5 }];
    for (const own of ours) {
      const batch = encodeBatch([{ ...hello, ...own }], IDS);
      assert.throws(
        () => checkContent(batch, LIMITS),
        (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'),
      );
      assert.equal(checkContent(batch, LIMITS, { isOurs: true }).count, 1);
    }
  });

  test('may say who sends it and which of its messages that is, and nothing of a transaction', () => {
    const numbered = encodeBatch([hello], { ...IDS, sender: { producerId: 7, epoch: 1, sequence: 2 } });
    assert.equal(checkContent(numbered, LIMITS).count, 1);
    const { transactional, marker } = SUMMARY;
    for (const flags of [transactional, transactional | marker]) {
      const batch = encodeBatch([hello], { ...IDS, sender: { producerId: 7, epoch: 1, flags } });
      assert.throws(
        () => checkContent(batch, LIMITS),
        (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'),
      );
      assert.equal(checkContent(batch, LIMITS, { isOurs: true }).flags, flags);
    }
    refuses(encodeBatch([hello], { ...IDS, sender: { producerId: 7, epoch: 1, sequence: 2, flags: marker } }), 'V20');
    refuses(encodeBatch([hello], { ...IDS, sender: { producerId: 7, epoch: 1 } }), 'V21'); // without a sequence
    refuses(
      encodeBatch([hello], { ...IDS, sender: { producerId: 7, epoch: 1, sequence: 2, flags: transactional } }),
      'V21',
    );
    refuses(encodeBatch([hello], { ...IDS, sender: { producerId: 7, epoch: 32_768, sequence: 2 } }), 'V21');
    refuses(
      changed(encodeBatch([hello], IDS), (bytes) => bytes.fill(0, AT.producerId, AT.baseSequence)),
      'V21', // an id without an epoch
    );
  });

  test('signed later it is as if it had been so from the start', () => {
    const sender = { producerId: 2 ** 53 - 1, epoch: 32_767, sequence: 2 ** 31 - 1 };
    const signed = encodeBatch([hello], IDS);
    signBatch(signed, sender);
    assert.deepEqual(signed, encodeBatch([hello], { ...IDS, sender }));
    assert.deepEqual(senderOf(signed), { ...sender, flags: 0 });
    assert.equal(senderOf(encodeBatch([hello], IDS)), undefined);
  });

  test('is held to every limit, and accepted at it', () => {
    const limits = {
      ...{ bodyBytesMax: 9, keyBytesMax: 5, idBytesMax: 6, headersCountMax: 2, headersBytesMax: 8, nameBytesMax: 4 },
      ...{ batchCountMax: 3, batchBytesMax: 40 },
    };
    const x = (count: number): string => 'x'.repeat(count);
    const body = (count: number): EncodableMessage => ({ body: new Uint8Array(count) });
    const check = (messages: readonly EncodableMessage[], idPrefix = ''): number =>
      checkContent(encodeBatch(messages, { idPrefix, firstIdNumber: 9 }), limits, { isOurs: true }).count;
    const tooLarge = (
      code: 'MQ_MESSAGE_TOO_LARGE' | 'MQ_BATCH_TOO_LARGE',
      messages: readonly EncodableMessage[],
      idPrefix = '',
    ): void =>
      assert.throws(
        () => check(messages, idPrefix),
        (error) => isMqError(error, code),
      );
    assert.equal(
      check([body(9), { ...body(0), key: x(5), id: x(6), headers: { a: x(3), b: x(3) }, forGroup: x(4) }]),
      2,
    );
    tooLarge('MQ_MESSAGE_TOO_LARGE', [body(10)]);
    tooLarge('MQ_MESSAGE_TOO_LARGE', [{ ...body(0), key: x(6) }]);
    tooLarge('MQ_MESSAGE_TOO_LARGE', [{ ...body(0), id: x(7) }]);
    tooLarge('MQ_MESSAGE_TOO_LARGE', [{ ...body(0), headers: { a: '', b: '', c: '' } }]);
    tooLarge('MQ_MESSAGE_TOO_LARGE', [{ ...body(0), headers: { a: x(8) } }]);
    tooLarge('MQ_MESSAGE_TOO_LARGE', [{ ...body(0), forGroup: x(5) }]);
    assert.equal(check([body(1), body(1)], x(4)), 2);
    tooLarge('MQ_MESSAGE_TOO_LARGE', [body(1), body(1)], x(5)); // the last of them would be xxxxx10
    tooLarge('MQ_BATCH_TOO_LARGE', [body(1), body(1), body(1), body(1)]);
    const wide = { ...body(9), key: x(5) };
    assert.equal(check([wide, wide, { ...body(9), key: x(3) }]), 3);
    tooLarge('MQ_BATCH_TOO_LARGE', [wide, wide, wide]);
  });
});
