/**
 * A log as simple as can be, to compare brokers with: a list of values and a position for each group.
 *
 * Always true: the model keeps the latest `capacity` values when it overwrites, else all. Used by the properties of
 * reading by offset only.
 */
import fc from 'fast-check';
import { equal, refused } from '../check.ts';
import type { TestContext } from '../test-context.ts';
import { commandOf, type ModelCommand } from './model-command.ts';
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

type LogCommand = ModelCommand<LogModel, LogUnderTest>;

/** A `place` becomes an offset of the log as it is then: some below its start, some above its end. */
export function logCommands(): fc.Arbitrary<LogCommand>[] {
  const group = fc.constantFrom('a', 'b');
  const place = fc.nat({ max: 60 });
  return [
    fc.integer({ min: 1, max: 4 }).map(appendCommand),
    fc.tuple(place, fc.integer({ min: 1, max: 5 })).map(([at, max]) => fetchCommand(at, max)),
    fc.tuple(group, place).map(([name, at]) => commitCommand(name, at)),
    fc.tuple(group, place).map(([name, at]) => seekCommand(name, at)),
    fc.constant(describeCommand()),
  ];
}

function startOf({ values, capacity }: Readonly<LogModel>): number {
  return Math.max(0, values.length - capacity);
}

function appendCommand(count: number): LogCommand {
  return commandOf(`send ${count}`, {
    check: (model) => count <= model.capacity,
    run: async (model, { context, topic }) => {
      const values = Array.from({ length: count }, (_, index) => `v-${model.values.length + index}`);
      const batch = values.map((body) => ({ body }));
      const { baseOffset } = await context.broker.sendBatch(topic, batch);
      equal(baseOffset, model.values.length, 'baseOffset');
      model.values.push(...values);
    },
  });
}

function fetchCommand(place: number, max: number): LogCommand {
  return commandOf(`fetch ${max} at ${place}`, {
    run: async (model, { context, topic }) => {
      const [start, end] = [startOf(model), model.values.length];
      const offset = place % (end + 2);
      const call = context.broker.fetch(topic, { offset, max });
      if (offset < start || offset > end) {
        const { details } = await refused(call, 'MQ_OFFSET_OUT_OF_RANGE', `fetch at offset ${offset}`);
        equal([details.logStartOffset, details.logEndOffset], [start, end], 'the valid range');
        return;
      }
      const { records, nextOffset, logStartOffset } = await call;
      const expected = model.values.slice(offset, offset + max);
      equal(texts(records), expected, `fetch of up to ${max} at offset ${offset}`);
      equal(nextOffset, offset + expected.length, 'nextOffset');
      equal(logStartOffset, start, 'logStartOffset');
    },
  });
}

/** Commits, then asks; never above the end, never back. */
function commitCommand(group: string, place: number): LogCommand {
  return commandOf(`commit ${place} in ${group}`, {
    check: (model) => model.capacity === Number.POSITIVE_INFINITY,
    run: async (model, { context, topic }) => {
      const offset = place % (model.values.length + 1);
      const inForce = Math.max(model.committed.get(group) ?? 0, offset);
      equal(await context.broker.commit(topic, { group, offset }), inForce, `commit of ${offset} in group ${group}`);
      equal(await context.broker.committed(topic, { group }), inForce, `committed of group ${group}`);
      model.committed.set(group, inForce);
    },
  });
}

function seekCommand(group: string, place: number): LogCommand {
  return commandOf(`seek ${place} in ${group}`, {
    check: (model) => model.committed.has(group),
    run: async (model, { context, topic }) => {
      const offset = place % (model.values.length + 1);
      equal(await context.broker.seek(topic, { group, to: { offset } }), offset, `seek of group ${group}`);
      equal(await context.broker.committed(topic, { group }), offset, `committed of group ${group} after the seek`);
      model.committed.set(group, offset);
    },
  });
}

/** The ends of the log, and the lag of each group. */
function describeCommand(): LogCommand {
  return commandOf('describe', {
    run: async (model, { context, topic }) => {
      const { logStartOffset, logEndOffset, groups } = await context.describe(topic);
      equal([logStartOffset, logEndOffset], [startOf(model), model.values.length], 'logStartOffset and logEndOffset');
      const lags = Object.fromEntries(groups.map(({ group, lag }) => [group, lag]));
      const expected = [...model.committed].map(([group, offset]) => [group, model.values.length - offset] as const);
      equal(lags, Object.fromEntries(expected), 'the lag of each group');
    },
  });
}
