/**
 * A log as simple as can be, to compare brokers with: a list of values and a position for each group.
 *
 * Always true: the model keeps the latest `capacity` values when it overwrites, else all. Used by the properties of
 * reading by offset only.
 */
import fc from 'fast-check';
import { equal, refused } from '../check.ts';
import type { TestContext } from '../test-context.ts';
import { texts } from './steps.ts';

export interface LogModel {
  readonly values: string[];
  /** Infinity when nothing is ever overwritten. */
  readonly capacity: number;
  readonly committed: Map<string, number>;
}

export interface LogUnderTest {
  readonly context: TestContext;
  readonly topic: string;
}

type LogCommand = fc.AsyncCommand<LogModel, LogUnderTest>;

function startOf({ values, capacity }: Readonly<LogModel>): number {
  return Math.max(0, values.length - capacity);
}

class AppendCommand implements LogCommand {
  readonly count: number;

  constructor(count: number) {
    this.count = count;
  }

  check = (model: Readonly<LogModel>): boolean => this.count <= model.capacity;

  async run(model: LogModel, real: LogUnderTest): Promise<void> {
    const bodies = Array.from({ length: this.count }, (_, index) => `v-${model.values.length + index}`);
    const { baseOffset } = await real.context.broker.sendBatch(
      real.topic,
      bodies.map((body) => ({ body })),
    );
    equal(baseOffset, model.values.length, 'baseOffset');
    model.values.push(...bodies);
  }

  toString = (): string => `send ${this.count}`;
}

/** Reads anywhere from below the start to above the end. `place` is a fraction of the offsets ever given, and beyond. */
class FetchCommand implements LogCommand {
  readonly place: number;
  readonly max: number;

  constructor(place: number, max: number) {
    this.place = place;
    this.max = max;
  }

  check = (): boolean => true;

  async run(model: LogModel, { context, topic }: LogUnderTest): Promise<void> {
    const [start, end] = [startOf(model), model.values.length];
    const offset = this.place % (end + 2);
    const call = context.broker.fetch(topic, { offset, max: this.max });
    if (offset < start || offset > end) {
      const { details } = await refused(call, 'MQ_OFFSET_OUT_OF_RANGE', `fetch at offset ${offset}`);
      equal([details.logStartOffset, details.logEndOffset], [start, end], 'the valid range');
      return;
    }
    const { records, nextOffset, logStartOffset } = await call;
    const expected = model.values.slice(offset, offset + this.max);
    equal(texts(records), expected, `fetch of up to ${this.max} at offset ${offset}`);
    equal(nextOffset, offset + expected.length, 'nextOffset');
    equal(logStartOffset, start, 'logStartOffset');
  }

  toString = (): string => `fetch ${this.max} at ${this.place}`;
}

/** Commits, then asks; never above the end, never back. */
class CommitCommand implements LogCommand {
  readonly group: string;
  readonly place: number;

  constructor(group: string, place: number) {
    this.group = group;
    this.place = place;
  }

  check = (model: Readonly<LogModel>): boolean => model.capacity === Number.POSITIVE_INFINITY;

  async run(model: LogModel, { context, topic }: LogUnderTest): Promise<void> {
    const { group } = this;
    const offset = this.place % (model.values.length + 1);
    const inForce = Math.max(model.committed.get(group) ?? 0, offset);
    equal(await context.broker.commit(topic, { group, offset }), inForce, `commit of ${offset} in group ${group}`);
    equal(await context.broker.committed(topic, { group }), inForce, `committed of group ${group}`);
    model.committed.set(group, inForce);
  }

  toString = (): string => `commit ${this.place} in ${this.group}`;
}

class SeekCommand implements LogCommand {
  readonly group: string;
  readonly place: number;

  constructor(group: string, place: number) {
    this.group = group;
    this.place = place;
  }

  check = (model: Readonly<LogModel>): boolean => model.committed.has(this.group);

  async run(model: LogModel, { context, topic }: LogUnderTest): Promise<void> {
    const { group } = this;
    const offset = this.place % (model.values.length + 1);
    equal(await context.broker.seek(topic, { group, to: { offset } }), offset, `seek of group ${group}`);
    equal(await context.broker.committed(topic, { group }), offset, `committed of group ${group} after the seek`);
    model.committed.set(group, offset);
  }

  toString = (): string => `seek ${this.place} in ${this.group}`;
}

/** The ends of the log, and the lag of its slowest group. */
class DescribeLogCommand implements LogCommand {
  check = (): boolean => true;

  async run(model: LogModel, { context, topic }: LogUnderTest): Promise<void> {
    const { logStartOffset, logEndOffset, groups } = await context.describe(topic);
    equal([logStartOffset, logEndOffset], [startOf(model), model.values.length], 'logStartOffset and logEndOffset');
    const lags = Object.fromEntries(groups.map(({ group, lag }) => [group, lag]));
    const expected = [...model.committed].map(([group, offset]) => [group, model.values.length - offset] as const);
    equal(lags, Object.fromEntries(expected), 'the lag of each group');
  }

  toString = (): string => 'describe';
}

export function logCommands(): fc.Arbitrary<LogCommand>[] {
  const group = fc.constantFrom('a', 'b');
  const place = fc.nat({ max: 60 });
  return [
    fc.integer({ min: 1, max: 4 }).map((count) => new AppendCommand(count)),
    fc.tuple(place, fc.integer({ min: 1, max: 5 })).map(([at, max]) => new FetchCommand(at, max)),
    fc.tuple(group, place).map(([name, at]) => new CommitCommand(name, at)),
    fc.tuple(group, place).map(([name, at]) => new SeekCommand(name, at)),
    fc.constant(new DescribeLogCommand()),
  ];
}
