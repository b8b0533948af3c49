/** Requests, answers and handshakes, written and read again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import { LIMITS } from '../../../../shared/contract/limits.ts';
import * as answers from './answers.ts';
import { FRAME, HEAD_BYTES } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import { DOOR_LIMITS, readHello, readWelcome, writeHello, writeWelcome } from './handshake.ts';
import * as requests from './requests.ts';
import { framesOf, HELLO } from './testing/stranger.ts';
import * as ending from './transaction-frames.ts';
import { readError, writeError } from './wire-error.ts';

const contentOf = (write: (out: FrameWriter) => void): Buffer => framesOf(write).subarray(HEAD_BYTES);

const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((one) => one.isWellFormed());
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 2 });
const u64 = fc.maxSafeNat();
const bytes = fc.uint8Array({ maxLength: 5000 });
const pieces = fc.array(bytes, { maxLength: 3 });
const bool = fc.boolean();
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });

/**
 * Plain arrays in the place of bytes, so that views of any kind compare, and pieces are one; what is not there is left out.
 */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined && member !== false);
  const whole = (member: readonly Uint8Array[]): Uint8Array => Buffer.concat([...member]);
  return Object.fromEntries(members.map(([name, member]) => [name, plain(name === 'pieces' ? whole(member) : member)]));
}

function comesBack<T>(
  values: fc.Arbitrary<T>,
  write: (out: FrameWriter, value: T) => void,
  read: (content: Uint8Array) => unknown,
): void {
  fc.assert(
    fc.property(values, (value) => {
      assert.deepEqual(plain(read(contentOf((out) => write(out, value)))), plain(value));
    }),
  );
}

const refRun = fc.record({
  ...{ partition: u32, fromOffset: u64, leaseToken: text },
  count: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
});
const leaseRun = fc.record({
  ...{ fromOffset: nullable(u64), count: u32, deliveryCount: u32, leaseExpiresAt: nullable(u64) },
  ...{ leaseToken: nullable(text), redeliveryReason: fc.constantFrom(undefined, 'retry' as const, 'redrive' as const) },
});
const producer = fc.record({ producerId: u64, epoch: fc.nat(32_767), sequence: fc.nat(2 ** 31 - 1) });
const filter = fc.record({ selector: text, tags: fc.array(text, { minLength: 1 }) }, { requiredKeys: [] });
const block = fc.record({ partition: u32, runs: fc.array(leaseRun), form: fc.constantFrom(0, 1), pieces });

test('every request is read as it was written', () => {
  const flags = { isCancellable: bool, takesBatches: bool };
  const send = fc.record({
    ...{ topic: text, partition: optional(u32), timeoutMs: optional(u64), bytes },
    ...{ isCancellable: bool, isSingle: bool, isBatch: bool, wantsIds: bool },
    ...{ transaction: optional(text), producer: optional(producer) },
  });
  comesBack(send, (out, value) => requests.writeSend(out, 1, value), requests.readSend);
  const receive = fc.record({
    ...{ topic: text, group: optional(text), memberId: optional(text), max: u32, bytesMax: optional(u32) },
    ...{ waitMs: u32, leaseMs: optional(u32), ...flags, takesOnlyBatches: bool, filter: optional(filter) },
  });
  comesBack(receive, (out, value) => requests.writeReceive(out, 1, value), requests.readReceive);
  const ack = fc.record({
    ...{ topic: text, group: text, memberId: text, isCumulative: bool, transaction: optional(text) },
    runs: fc.array(refRun),
  });
  comesBack(ack, (out, value) => requests.writeAck(out, 1, value), requests.readAck);
  const fetch = fc.record({
    ...{ topic: text, partition: u32, offset: u64, max: u32, bytesMax: optional(u32), waitMs: u32 },
    ...{
      ...flags,
      takesOnlyBatches: bool,
      isolation: fc.constantFrom(undefined, 'read-committed' as const, 'read-uncommitted' as const),
    },
  });
  comesBack(fetch, (out, value) => requests.writeFetch(out, 1, value), requests.readFetch);
  comesBack(u32, (out, value) => requests.writeCredit(out, 1, value), requests.readCredit);
  const begin = fc.record({ timeoutMs: optional(u32), transactionalId: optional(text), isCancellable: bool });
  comesBack(begin, (out, value) => ending.writeBegin(out, 1, value), ending.readBegin);
  const outcome = fc.constantFrom('committed' as const, 'aborted' as const);
  const end = fc.record({ transaction: text, outcome });
  comesBack(end, (out, value) => ending.writeEnd(out, 1, value), ending.readEnd);
});

test('every answer is read as it was written', () => {
  const durability = fc.constantFrom('memory' as const, 'written' as const, 'synced' as const);
  const sent = fc.record({
    ...{ partition: u32, baseOffset: nullable(u64), count: u32, durability },
    ...{ deliverAt: optional(u64), ids: fc.array(text), isDuplicate: bool },
  });
  comesBack(sent, (out, value) => answers.writeSent(out, 1, value), answers.readSent);
  const deliveries = fc.record({ group: text, memberId: text, blocks: fc.array(block, { maxLength: 4 }) });
  const write = (out: FrameWriter, value: answers.DeliveriesAnswer): void =>
    answers.writeDeliveries(out, FRAME.push, 1, value);
  comesBack(deliveries, write, answers.readDeliveries);
  const pushed = fc.record({ topic: text, answer: deliveries });
  const push = (out: FrameWriter, { topic, answer }: { topic: string; answer: answers.DeliveriesAnswer }): void =>
    answers.writePushFrom(out, 1, topic, answer);
  comesBack(pushed, push, answers.readPushFrom);
  comesBack(text, (out, value) => ending.writeBegun(out, 1, value), ending.readBegun);
  const records = fc.record({
    ...{ form: fc.constantFrom(0, 1), nextOffset: u64, logStartOffset: u64, highWatermark: u64, pieces },
    lastStableOffset: optional(u64),
  });
  comesBack(records, (out, value) => answers.writeRecords(out, 1, value), answers.readRecords);
});

test('a handshake is read as it was written, and a later version may say more', () => {
  const hello = fc.record({
    ...{ versionMin: fc.nat(65_535), versionMax: fc.nat(65_535), heartbeatMs: u32, frameBytesMax: u32 },
    ...{ token: nullable(text), name: text },
  });
  comesBack(
    fc.tuple(hello, nullable(text), nullable(text)).map(([said, user, password]) => {
      return said.versionMax > 1 ? { ...said, user, password } : said;
    }),
    writeHello,
    readHello,
  );
  const more = contentOf((out) =>
    out
      .begin(1, 0)
      .bytesOf(contentOf((inner) => writeHello(inner, HELLO)))
      .u64(9)
      .end(),
  );
  assert.deepEqual(readHello(more), HELLO);
  const introduction = {
    ...{ name: 'n', version: '1', protocolVersion: 1, capabilities: ['send', 'telepathy'] },
    limits: { ...LIMITS, bodyBytesMax: 5, thoughtsMax: 3 },
    door: { ...DOOR_LIMITS, requestsCountMax: 7 },
  };
  const welcome = readWelcome(contentOf((out) => writeWelcome(out, { version: 1, heartbeatMs: 5, introduction })));
  assert.deepEqual([...welcome.capabilities], ['send']);
  assert.deepEqual(welcome.limits, { ...LIMITS, bodyBytesMax: 5 });
  assert.equal(welcome.door.requestsCountMax, 7);
});

test('an error keeps its code, message and details, and one of unknown code says what it said', () => {
  const failed = [{ topic: 't', partition: 0, offset: 3, leaseToken: 'x' }];
  const error = new MqError('MQ_LEASE_EXPIRED', 'ended 终', { details: { failed } });
  const { code, message, details } = readError(contentOf((out) => writeError(out, FRAME.failed, 1, error)));
  assert.deepEqual([code, message, details], ['MQ_LEASE_EXPIRED', 'ended 终', { failed }]);
  const strange = readError(contentOf((out) => out.begin(1, 1).text('MQ_NEW').text('no').end()));
  assert.deepEqual([strange.code, strange.message], ['MQ_PROTOCOL', 'the other side says MQ_NEW: no']);
});

test('a frame that ends within its fields, or goes on behind them, is MQ_PROTOCOL and never anything else', () => {
  const ack = { topic: 't', group: 'g', memberId: 'm', isCumulative: false };
  const run = { partition: 1, fromOffset: 2, count: 3, leaseToken: 'x' };
  const whole = contentOf((out) => requests.writeAck(out, 1, { ...ack, runs: [run, run] }));
  for (let length = 0; length < whole.length; length += 1) {
    assert.throws(
      () => requests.readAck(whole.subarray(0, length)),
      (error) => isMqError(error, 'MQ_PROTOCOL'),
    );
  }
  assert.throws(() => requests.readAck(Buffer.concat([whole, Buffer.of(0)])), /longer than its fields/);
  const readers = [
    ending.readBegin,
    ending.readEnd,
    ending.readBegun,
    requests.readSend,
    requests.readReceive,
    requests.readAck,
    requests.readFetch,
    requests.readCredit,
  ];
  const more = [
    answers.readPushFrom,
    answers.readSent,
    answers.readDeliveries,
    answers.readRecords,
    readHello,
    readWelcome,
    readError,
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (rubbish) => {
      for (const read of [...readers, ...more]) {
        try {
          read(rubbish);
        } catch (error) {
          assert.ok(isMqError(error, 'MQ_PROTOCOL'), String(error));
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test('a number of runs that is a lie reserves nothing', () => {
  const lie = contentOf((out) =>
    out
      .begin(1, 1)
      .u8(0)
      .text('t')
      .text('g')
      .text('m')
      .u32(2 ** 32 - 2)
      .end(),
  );
  assert.throws(
    () => requests.readAck(lie),
    (error) => isMqError(error, 'MQ_PROTOCOL'),
  );
});
