import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../../shared/contract/errors.ts';
import { GROUP_DEFAULTS } from '../../2-ring-buffer/reading-options.ts';
import { decodeEvents, EventWriter } from './event-bytes.ts';
import type { JournalEvent } from './group-events.ts';

const number = fc.oneof(fc.nat({ max: 200 }), fc.maxSafeNat());
const place = { group: number, partition: fc.nat(), offset: number };
const run = { group: number, partition: fc.nat(), fromOffset: fc.nat(), count: fc.integer({ min: 1, max: 100_000 }) };
const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const maybeText = fc.option(text, { nil: undefined });
const kind = <Kind extends JournalEvent['kind']>(name: Kind): fc.Arbitrary<Kind> => fc.constant(name);
const retryDelays = fc.constantFrom([], [1, 2], 'classic' as const, {
  firstMs: 1,
  factor: 2,
  delayMsMax: 9,
  jitter: 0.5,
});
const options = retryDelays.map((delays) => ({ ...GROUP_DEFAULTS, retryDelays: delays, start: { offset: 7 } }));

function encodeEvent(event: JournalEvent): Uint8Array {
  const writer = new EventWriter();
  writer.append(event);
  return writer.take();
}

/** One of each kind, with anything in it. */
const event: fc.Arbitrary<JournalEvent> = fc.oneof(
  fc.record({ kind: kind('created'), group: number, name: text, options, starts: fc.array(number) }),
  fc.record({ kind: kind('deleted'), group: number }),
  fc.record({ kind: kind('used'), group: number, as: fc.constantFrom('queue' as const, 'log' as const) }),
  fc.record({ kind: kind('prefix'), group: number, prefix: text }),
  fc.record({
    ...{ kind: kind('leased'), ...run, place: number, serial: number, memberId: text, at: number, deadlineAt: number },
    ...{ isRedrive: fc.boolean(), key: maybeText },
  }),
  fc.record({ kind: kind('acked'), ...run, place: number, isCumulative: fc.boolean() }),
  fc.record({ kind: kind('ack-repeated'), ...place, memberId: text, token: text }),
  fc.record({
    ...{ kind: kind('given-back'), ...run, place: number, availableAt: number, error: maybeText },
    reason: fc.constantFrom('lease-expired' as const, 'retry' as const, 'return' as const, 'member-left' as const),
  }),
  fc.record({
    ...{ kind: kind('dying'), ...run, place: number, at: number, error: maybeText },
    why: fc.constantFrom('rejected' as const, 'deliveries' as const, 'expired' as const),
  }),
  fc.record({
    kind: kind('finished'),
    ...run,
    how: fc.constantFrom('expired' as const, 'dead' as const, 'gone' as const),
  }),
  fc.record({ kind: kind('extended'), ...place, place: number, deadlineAt: number }),
  fc.record({ kind: kind('committed'), ...place }),
  fc.record({ kind: kind('sought'), ...place, logStartOffset: number }),
  fc.record({
    kind: kind('fell-behind'),
    group: number,
    partition: fc.nat(),
    logStartOffset: number,
    logEndOffset: number,
  }),
  fc.record({ kind: kind('cut-back'), group: number, partition: fc.nat(), logEndOffset: number }),
  fc.record({ kind: kind('paused'), group: number, isPaused: fc.boolean() }),
  fc.record({ kind: kind('topic-paused'), isPaused: fc.boolean() }),
  fc.record({ kind: kind('log-start'), partition: fc.nat(), offset: number }),
);

test('what is decoded is what was encoded, one after the other', () => {
  const writer = new EventWriter();
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), (events) => {
      for (const one of events) writer.append(one);
      const bytes = writer.take();
      assert.deepEqual(decodeEvents(bytes).map(plain), events.map(plain));
      assert.equal(writer.length, 0);
    }),
    { numRuns: 500 },
  );
});

test('events that are cut off are refused at every byte', () => {
  fc.assert(
    fc.property(event, (one) => {
      const bytes = encodeEvent(one);
      for (let end = 1; end < bytes.length; end += 1)
        assert.throws(() => decodeEvents(bytes.subarray(0, end)), isCorrupt);
    }),
  );
});

test('changed bytes are other events or are refused, and never anything else', () => {
  fc.assert(
    fc.property(event, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, at, change) => {
      const bytes = encodeEvent(one);
      const index = at % bytes.length;
      bytes[index] = (bytes[index] ?? 0) ^ change;
      try {
        const decoded = decodeEvents(bytes);
        assert.deepEqual(decoded.map(plain), decoded.flatMap((event) => decodeEvents(encodeEvent(event))).map(plain));
      } catch (error) {
        assert.ok(isCorrupt(error), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('an event about no offset, an unknown kind and a list of impossible length are refused', () => {
  const acked = {
    kind: 'acked',
    group: 1,
    partition: 0,
    fromOffset: 3,
    count: 1,
    place: 1,
    isCumulative: false,
  } as const;
  assert.throws(() => decodeEvents(encodeEvent({ ...acked, count: 0 })), isCorrupt);
  assert.throws(() => decodeEvents(Uint8Array.of(0)), isCorrupt);
  assert.throws(() => decodeEvents(Uint8Array.of(99, 1)), isCorrupt);
  const created = encodeEvent({ kind: 'created', group: 1, name: 'g', options: GROUP_DEFAULTS, starts: [] });
  const endless = Uint8Array.of(...created.subarray(0, -1), 0xff, 0xff, 0xff, 0x7f);
  assert.throws(() => decodeEvents(endless), isCorrupt);
});

test('a lease of a thousand records takes no more than a hundred bytes, and their acks take twelve', () => {
  const run = { group: 3, partition: 0, fromOffset: 1_000_000, count: 1000, place: 17 };
  const times = { at: Date.UTC(2026, 0, 1), deadlineAt: Date.UTC(2026, 0, 2) };
  const memberId = 'member-0123456789abcdef';
  assert.ok(encodeEvent({ kind: 'leased', ...run, ...times, serial: 12_345, memberId, isRedrive: false }).length < 100);
  assert.ok(encodeEvent({ kind: 'acked', ...run, isCumulative: false }).length <= 12);
});

function isCorrupt(error: unknown): boolean {
  return isMqError(error, 'MQ_CORRUPT');
}

/** Without what is undefined, and without the prototypes of fast-check. */
function plain(event: JournalEvent): unknown {
  return JSON.parse(JSON.stringify(event));
}
