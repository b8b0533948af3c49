/** Subject: what holds for every sequence and every interleaving of calls, compared with simple models. */
import fc from 'fast-check';
import { atOnce, awaitedLater, equal } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { holdsAlways, oneTry } from '../property.ts';
import type { TestContext } from '../test-context.ts';
import { BOUNDED_CAPACITY, type BoundedModel, type BoundedUnderTest, boundedCommands } from './bounded-model.ts';
import { type LogModel, logCommands } from './log-model.ts';
import { type QueueModel, type QueueUnderTest, queueCommands } from './queue-model.ts';
import { bodies, drain, sorted, texts } from './steps.ts';
import { compareEnd, newTimedTopic, type TimedModel, type TimedUnderTest, timedCommands } from './timed-model.ts';

/** The seed of the run replays a property, so a path of its own is not printed. */
const COMMANDS = { size: '+1', disableReplayLog: true } as const;

export const properties: readonly ConformanceTest[] = [
  {
    name: 'whatever is sent, received, acknowledged and given back, a topic behaves like a simple queue',
    capability: 'receive',
    uses: ['batch'],
    run: (context) => {
      const property = fc.asyncProperty(fc.commands(queueCommands(context), COMMANDS), (commands) =>
        oneTry(context, async () => {
          const topic = await context.newTopic();
          await fc.asyncModelRun(() => {
            const model: QueueModel = { messages: [], hasLeases: context.has('lease'), hasGroup: false };
            const real: QueueUnderTest = { context, topic, held: new Map() };
            return { model, real };
          }, commands);
        }),
      );
      return holdsAlways(context, property, { runsCount: runsCountOf(context, 60) });
    },
  },
  {
    name: 'whatever is sent, fetched, committed and sought, a topic behaves like a simple log',
    capability: 'offsets',
    uses: ['batch'],
    run: (context) => compareLogs(context, Number.POSITIVE_INFINITY),
  },
  {
    name: 'whatever is sent and fetched, a topic that overwrites holds exactly its latest messages',
    capability: 'offsets',
    uses: ['batch'],
    run: (context) => compareLogs(context, 5),
  },
  {
    name: 'whoever sends, receives and gives up, a full topic lets senders in exactly in their order',
    capability: 'batch',
    uses: ['receive'],
    needs: ['virtual-clock'],
    run: (context) => {
      const property = fc.asyncProperty(fc.commands(boundedCommands(), COMMANDS), (commands) =>
        oneTry(context, async () => {
          const topic = await context.newTopic({ messagesMax: BOUNDED_CAPACITY, overflow: 'wait' });
          const real: BoundedUnderTest = { context, topic, pending: new Map() };
          const model: BoundedModel = { held: [], line: [], sentCount: 0 };
          await fc.asyncModelRun(() => ({ model, real }), commands);
          for (const { abort } of real.pending.values()) abort();
        }),
      );
      return holdsAlways(context, property, { runsCount: 40 });
    },
  },
  {
    name: 'whatever is delayed, expires, fails, dies and goes first, a group gets what a simple model of time says',
    capability: 'delay',
    uses: ['ttl', 'priority', 'dead-letter', 'lease'],
    needs: ['virtual-clock'],
    run: (context) => compareTimes(context, { canRestart: false, runsCount: 60 }),
  },
  {
    name: 'whatever happens in time, restarts in between change nothing of it',
    capability: 'durable',
    uses: ['delay', 'ttl', 'priority', 'dead-letter', 'lease'],
    needs: ['virtual-clock', 'restart'],
    run: (context) => compareTimes(context, { canRestart: true, runsCount: 25 }),
  },
  {
    name: 'in whatever order concurrent sends and receives are served, every message arrives once',
    capability: 'receive',
    needs: ['virtual-clock'],
    run: (context) => {
      const property = fc.asyncProperty(fc.scheduler(), (scheduler) =>
        oneTry(context, () => interleave(context, scheduler)),
      );
      return holdsAlways(context, property, { runsCount: 60 });
    },
  },
];

/** Calls over a wire cost more, and a property is no load test. */
const WIRE_RUNS_COUNT = 6;

function runsCountOf(context: TestContext, virtualCount: number): number {
  return context.clock === 'virtual' ? virtualCount : WIRE_RUNS_COUNT;
}

function compareLogs(context: TestContext, capacity: number): Promise<void> {
  const options =
    capacity === Number.POSITIVE_INFINITY ? {} : ({ messagesMax: capacity, overflow: 'drop-oldest' } as const);
  const property = fc.asyncProperty(fc.commands(logCommands(), COMMANDS), (commands) =>
    oneTry(context, async () => {
      const topic = await context.newTopic(options);
      const model: LogModel = { values: [], capacity, committed: new Map() };
      await fc.asyncModelRun(() => ({ model, real: { context, topic } }), commands);
    }),
  );
  return holdsAlways(context, property, { runsCount: runsCountOf(context, 60) });
}

function compareTimes(
  context: TestContext,
  { canRestart, runsCount }: { readonly canRestart: boolean; readonly runsCount: number },
): Promise<void> {
  const property = fc.asyncProperty(fc.commands(timedCommands({ canRestart }), COMMANDS), (commands) =>
    oneTry(context, async () => {
      const real: TimedUnderTest = { context, topic: await newTimedTopic(context), held: new Map() };
      const model: TimedModel = { messages: [], placesCount: 0, mayAnswerLess: false };
      await fc.asyncModelRun(() => ({ model, real }), commands);
      await compareEnd(model, real);
      // A restart takes longer with each topic that there is.
      await context.broker.deleteTopic(real.topic);
    }),
  );
  return holdsAlways(context, property, { runsCount });
}

/** Producers, waiting consumers and one consumer that goes away; the scheduler decides who is served when. */
async function interleave(context: TestContext, scheduler: fc.Scheduler): Promise<void> {
  const topic = await context.newTopic({ messagesMax: 3, overflow: 'wait' });
  const sent = bodies(6);
  const received: string[] = [];
  const goesAway = new AbortController();
  const turn = (label: string): Promise<string> => scheduler.schedule(Promise.resolve(label), label);
  const produce = async (body: string): Promise<void> => {
    await turn(`send ${body}`);
    await context.as(`producer of ${body}`).send(topic, { body });
  };
  const consume = async (name: string, signal?: AbortSignal): Promise<void> => {
    await turn(`${name} receives`);
    const call = context.as(name).receive(topic, { max: 2, waitMs: 10_000, signal });
    const deliveries = signal === undefined ? await call : await call.catch(() => []);
    await turn(`${name} finishes`);
    await context.finish(deliveries, context.as(name));
    received.push(...texts(deliveries));
  };
  const leaving = turn('consumer-3 goes away').then(() => goesAway.abort());
  const sends = awaitedLater(Promise.all(sent.map(produce)));
  const receives = [consume('consumer-1'), consume('consumer-2'), consume('consumer-3', goesAway.signal), leaving];
  const consumers = awaitedLater(Promise.all(receives));
  await scheduler.waitIdle();
  await context.pass(10_000);
  await scheduler.waitIdle();
  await atOnce(consumers, 'all receives, after their waiting time');
  received.push(...texts(await drain(context, topic)));
  await atOnce(sends, 'all sends, after everything was received');
  received.push(...texts(await drain(context, topic)));
  equal(sorted(received), sent, 'every message once');
  context.checkHistory({ drained: [{ topic, group: 'default' }] });
}
