/**
 * The table against a model that keeps every call for ever and looks through all of them each time; with writes that fail,
 * and restarts from snapshots of any age.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../../shared/contract/errors.ts';
import { SEQUENCE_MAX } from '../../../shared/contract/producer.ts';
import { type CallPlace, type ProducerCall, ProducerTable, type ProducerTableState } from './producer-table.ts';

const ROUND = SEQUENCE_MAX + 1;

type Step =
  | {
      readonly kind: 'send';
      readonly producerId: number;
      readonly epoch: number;
      readonly ahead: number;
      readonly count: number;
    }
  | { readonly kind: 'sync' | 'fail' | 'snapshot' | 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      producerId: fc.integer({ min: 1, max: 4 }),
      epoch: fc.constantFrom(0, 0, 0, 0, 1),
      ahead: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -1, -2, -3, -5, -9),
      count: fc.constantFrom(1, 1, 2, 3),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('sync' as const, 'sync', 'fail', 'snapshot', 'restart') }),
  },
);

type PlacedCall = ProducerCall & CallPlace;

/** Every call that is in the log, of those who are not forgotten, and the epochs of who is remembered, the one that was silent for longest first. */
class Model {
  calls: PlacedCall[] = [];
  epochs = new Map<number, number>();
  readonly producersMax: number;

  constructor(producersMax: number) {
    this.producersMax = producersMax;
  }

  ofLastEpoch(producerId: number): PlacedCall[] {
    const last = this.epochs.get(producerId);
    return this.calls.filter((call) => call.producerId === producerId && call.epoch === last);
  }

  next(producerId: number): number {
    const last = this.ofLastEpoch(producerId).at(-1);
    return last === undefined ? 0 : (last.sequence + last.count) % ROUND;
  }

  /** The offset of the call it repeats, `stored`, or the code of a refusal. */
  answer(call: ProducerCall): number | string {
    const epoch = this.epochs.get(call.producerId);
    if (epoch === undefined) return call.sequence === 0 ? 'stored' : 'MQ_UNKNOWN_PRODUCER';
    if (call.epoch < epoch) return 'MQ_PRODUCER_FENCED';
    if (call.epoch > epoch) return call.sequence === 0 ? 'stored' : 'MQ_SEQUENCE_GAP';
    const next = this.next(call.producerId);
    if (call.sequence === next) return 'stored';
    const repeated = this.ofLastEpoch(call.producerId)
      .slice(-5)
      .find(({ sequence }) => sequence === call.sequence);
    if (repeated !== undefined) return repeated.count === call.count ? repeated.baseOffset : 'MQ_INVALID_ARGUMENT';
    const cameRound = this.ofLastEpoch(call.producerId)
      .slice(-5)
      .some(({ sequence }) => sequence >= next);
    const isAhead = cameRound ? (call.sequence - next + ROUND) % ROUND < ROUND / 2 : call.sequence > next;
    return isAhead ? 'MQ_SEQUENCE_GAP' : 'MQ_SEQUENCE_TOO_OLD';
  }

  store(call: PlacedCall): void {
    this.calls.push(call);
    this.epochs.delete(call.producerId);
    this.epochs.set(call.producerId, call.epoch);
    for (const producerId of [...this.epochs.keys()].slice(0, -this.producersMax)) {
      this.epochs.delete(producerId);
      this.calls = this.calls.filter((each) => each.producerId !== producerId); // its sequences begin again
    }
  }

  /** What is known of epochs is what was known then, and what the log says. */
  restart(epochsThen: ReadonlyMap<number, number>): void {
    this.epochs = new Map(epochsThen);
    for (const { producerId, epoch } of this.calls) {
      this.epochs.set(producerId, Math.max(epoch, this.epochs.get(producerId) ?? 0));
    }
  }
}

/** Both of them, and a log that only counts. */
class Pair {
  readonly model: Model;
  readonly #options: { producersMax: number; timeoutMs: number; isInTransaction: () => boolean };
  #table: ProducerTable;
  #snapshot: ProducerTableState = [];
  #snapshotEpochs: ReadonlyMap<number, number> = new Map();
  /** What the snapshot knows all of. */
  #snapshotOffset = 0;
  #endOffset = 0;
  #safeOffset = 0;

  constructor(producersMax: number) {
    this.model = new Model(producersMax);
    this.#options = { producersMax, timeoutMs: 1000, isInTransaction: () => false };
    this.#table = new ProducerTable(this.#options);
  }

  do(step: Step): void {
    if (step.kind === 'send') this.#send(step);
    else if (step.kind === 'sync') this.#safeOffset = this.#endOffset;
    else if (step.kind === 'fail') this.#lose();
    else if (step.kind === 'snapshot') {
      this.#snapshot = JSON.parse(JSON.stringify(this.#table.state(0, this.#safeOffset)));
      this.#snapshotEpochs = new Map(this.model.epochs);
      this.#snapshotOffset = this.#safeOffset;
    } else this.#restart();
  }

  #send({ producerId, epoch, ahead, count }: Extract<Step, { kind: 'send' }>): void {
    const sequence = (this.model.next(producerId) + ahead + ROUND) % ROUND;
    const call = { producerId, epoch, sequence, count };
    const expected = this.model.answer(call);
    assert.equal(this.#answer(call), expected, JSON.stringify(call));
    if (expected !== 'stored') return;
    const placed = { ...call, baseOffset: this.#endOffset, at: 0 };
    this.model.store(placed);
    this.#table.note(call, { baseOffset: placed.baseOffset, at: 0, safeOffset: () => this.#safeOffset });
    this.#endOffset += count;
    assert.ok(this.#table.size <= this.model.producersMax);
  }

  #answer(call: ProducerCall): number | string {
    try {
      const repeated = this.#table.repeated(call, () => 0);
      if (repeated === undefined) this.#table.check(call, 0);
      return repeated?.baseOffset ?? 'stored';
    } catch (error) {
      return isMqError(error) ? error.code : String(error);
    }
  }

  /** What was not safe is lost; told as the table is told, by the next offset that is given. */
  #lose(): void {
    this.#endOffset = this.#safeOffset;
    this.model.calls = this.model.calls.filter(({ baseOffset }) => baseOffset < this.#safeOffset);
    this.#table.dropFrom(this.#endOffset);
  }

  /** The power fails: the snapshot, however old, and what the log has from anywhere before it. */
  #restart(): void {
    this.#lose();
    this.#table = ProducerTable.from(this.#snapshot, this.#options, this.#endOffset);
    const from = Math.max(Math.min(this.#snapshotOffset, this.#endOffset) - 4, 0);
    for (const call of this.model.calls) if (call.baseOffset >= from) this.#table.replay(call, call);
    this.model.restart(this.#snapshotEpochs);
  }
}

test('the table answers what a look through all calls would, whatever fails and from whatever snapshot', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const pair = new Pair(10);
      for (const one of steps) pair.do(one);
    }),
    { numRuns: 400 },
  );
});

/** It comes back after it was forgotten, and repeats a sequence with another count than the first time. */
const comesBack: Step[] = [2, 1, 3, 2, 2].map((producerId, index) => {
  const ahead = index === 4 ? -3 : 0;
  return { kind: 'send', producerId, epoch: 0, ahead, count: index === 3 ? 3 : 1 };
});

test('of more producers than it may remember it knows the last ones, as long as nothing fails', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const pair = new Pair(2);
      for (const one of steps) if (one.kind === 'send' || one.kind === 'sync') pair.do(one);
    }),
    { numRuns: 200, examples: [[comesBack]] },
  );
});
