/**
 * A group of one topic over time, as simple as can be: a list of messages, each with the moments at which something
 * becomes of it.
 *
 *     delayed --due--> available --receive--> in flight --ack--> over
 *                          ^                     |
 *                          +--- waits a while <--+-- failed, or its lease ended; too often, or rejected: dead
 *
 * Always true: what may go out goes by priority, then by offset; what has expired goes out no more, and where it stands
 * then nobody asks. Used by the properties of time, with a virtual clock only.
 */
import fc from 'fast-check';
import type { Delivery } from '../../contract/message.ts';
import { equal, present } from '../check.ts';
import type { TestContext } from '../test-context.ts';
import { commandOf, type ModelCommand } from './model-command.ts';
import { drain, readDeadLetters, texts } from './steps.ts';

const LEASE_MS = 5000;
const DELIVERIES_MAX = 3;
const RETRY_DELAYS = [500, 2000];
/** Of a group that only makes sure that everything before it is on the disk. */
const SYNCING_GROUP = 'syncing';
const GROUP = 'g';
const HOUR_MS = 3_600_000;

interface TimedMessage {
  readonly body: string;
  readonly priority: number;
  /** Infinity: never. */
  readonly expiresAt: number;
  /** While it is delayed: when it is due. */
  dueAt: number;
  /** Its place in the log; Infinity while it is delayed. */
  place: number;
  state: 'delayed' | 'available' | 'in-flight' | 'over' | 'dead';
  failuresCount: number;
  /** Available: from when on. In flight: when the lease ends. */
  at: number;
}

export interface TimedModel {
  readonly messages: TimedMessage[];
  placesCount: number;
  /** True after a start: what has to be fetched from the disk first may come with the next answer. */
  mayAnswerLess: boolean;
}

export interface TimedUnderTest {
  readonly context: TestContext;
  readonly topic: string;
  /** The latest delivery of each message. */
  readonly held: Map<TimedMessage, Delivery>;
}

type TimedCommand = ModelCommand<TimedModel, TimedUnderTest>;
type Settlement = 'ack' | 'retry' | 'return' | 'reject' | 'later';

/** A topic whose group the model knows. */
export async function newTimedTopic(context: TestContext): Promise<string> {
  const topic = await context.newTopic();
  await context.broker.createGroup(topic, GROUP, { deliveriesMax: DELIVERIES_MAX, retryDelays: RETRY_DELAYS });
  return topic;
}

export function timedCommands({ canRestart }: { readonly canRestart: boolean }): fc.Arbitrary<TimedCommand>[] {
  const delayMs = fc.constantFrom(0, 0, 0, 300, 1000, 7000);
  const ttlMs = fc.constantFrom(undefined, undefined, undefined, 400, 3000);
  const priority = fc.constantFrom(0, 0, 0, 4, 9);
  const how = fc.constantFrom<Settlement>('ack', 'ack', 'retry', 'retry', 'return', 'reject', 'later');
  return [
    fc.record({ delayMs, ttlMs, priority }).map(sendCommand),
    fc.integer({ min: 1, max: 4 }).map(receiveCommand),
    fc.tuple(how, fc.nat({ max: 7 })).map(([outcome, pick]) => settleCommand(outcome, pick)),
    fc.constantFrom(1, 300, 500, 1000, 5000).map(passCommand),
    ...(canRestart ? [fc.boolean().map(restartCommand)] : []),
  ];
}

/** Receives all that is left, a long time later, and compares it and the dead letters with the model. */
export async function compareEnd(model: TimedModel, real: TimedUnderTest): Promise<void> {
  const { context, topic } = real;
  await passTime(model, context, HOUR_MS);
  const rest = deliverable(model, context.now()).map(({ body }) => body);
  equal(texts(await drain(context, topic, { group: GROUP })), rest, 'what is left an hour later');
  const { groups } = await context.describe(topic);
  equal(groups.find(({ group }) => group === GROUP)?.lag, 0, 'lag of the group when all is finished');
  const lasting = model.messages.filter(({ expiresAt }) => expiresAt === Number.POSITIVE_INFINITY);
  const dead = lasting.filter(({ state }) => state === 'dead').map(({ body }) => body);
  const letters = texts(await readDeadLetters(context.broker, topic, GROUP));
  const known = new Set(lasting.map(({ body }) => body));
  equal(letters.filter((body) => known.has(body)).sort(), dead.sort(), 'the dead letters that could not expire');
}

function sendCommand(asked: {
  readonly delayMs: number;
  readonly ttlMs: number | undefined;
  readonly priority: number;
}): TimedCommand {
  const { delayMs, ttlMs, priority } = asked;
  const label = `send priority ${priority}, delay ${delayMs}${ttlMs === undefined ? '' : `, ttl ${ttlMs}`}`;
  return commandOf(label, {
    run: async (model, { context, topic }) => {
      const body = `m-${model.messages.length}`;
      const options = { priority, delayMs, ...(ttlMs === undefined ? {} : { ttlMs }) };
      await context.broker.send(topic, { body, ...options });
      const now = context.now();
      const isDelayed = delayMs > 0;
      model.messages.push({
        body,
        priority,
        expiresAt: ttlMs === undefined ? Number.POSITIVE_INFINITY : now + ttlMs,
        dueAt: now + delayMs,
        place: isDelayed ? Number.POSITIVE_INFINITY : model.placesCount,
        state: isDelayed ? 'delayed' : 'available',
        failuresCount: 0,
        at: now,
      });
      if (!isDelayed) model.placesCount += 1;
    },
  });
}

function receiveCommand(max: number): TimedCommand {
  return commandOf(`receive ${max}`, {
    run: async (model, { context, topic, held }) => {
      const deliveries = await context.broker.receive(topic, { group: GROUP, max, leaseMs: LEASE_MS });
      const all = deliverable(model, context.now()).slice(0, max);
      const due = model.mayAnswerLess ? all.slice(0, Math.max(deliveries.length, 1)) : all;
      const expected = due.map(({ body }) => body);
      equal(texts(deliveries), expected, `a receive of up to ${max}`);
      for (const [index, message] of due.entries()) {
        const delivery = present(deliveries[index], 'the delivery');
        equal(delivery.deliveryCount, message.failuresCount + 1, `deliveryCount of ${message.body}`);
        message.state = 'in-flight';
        message.at = context.now() + LEASE_MS;
        held.set(message, delivery);
      }
    },
  });
}

/** Something done to one of the messages in flight; `pick` chooses which. */
function settleCommand(how: Settlement, pick: number): TimedCommand {
  return commandOf(`${how} #${pick} in flight`, {
    check: (model) => inFlight(model).length > 0,
    run: async (model, { context, held }) => {
      const all = inFlight(model);
      const message = present(all[pick % all.length], 'a message in flight');
      const delivery = present(held.get(message), `the delivery of ${message.body}`);
      const { broker } = context;
      if (how === 'ack') await broker.ack([delivery]);
      else if (how === 'later') await broker.nack(delivery, { delayMs: 1000 });
      else await broker.nack(delivery, { outcome: how });
      if (how === 'ack') message.state = 'over';
      else if (how === 'reject') message.state = 'dead';
      else if (how === 'return') release(message, context.now());
      else fail(message, context.now(), how === 'later' ? 1000 : undefined);
    },
  });
}

function passCommand(ms: number): TimedCommand {
  return commandOf(`${ms} ms pass`, { run: (model, { context }) => passTime(model, context, ms) });
}

/** Everything is on the disk when it happens, well closed or not; so nothing may be different afterwards. */
function restartCommand(isClosedFirst: boolean): TimedCommand {
  return commandOf(isClosedFirst ? 'close and start' : 'crash', {
    run: async (model, { context, topic }) => {
      model.mayAnswerLess = true;
      await context.broker.createGroup(topic, SYNCING_GROUP);
      await context.broker.seek(topic, { group: SYNCING_GROUP, to: 'earliest' });
      await context.restart({ isClosedFirst });
    },
  });
}

async function passTime(model: TimedModel, context: TestContext, ms: number): Promise<void> {
  await context.pass(ms);
  const now = context.now();
  const due = model.messages.filter(({ state, dueAt }) => state === 'delayed' && dueAt <= now);
  for (const message of due.sort((a, b) => a.dueAt - b.dueAt)) {
    message.state = 'available';
    message.at = message.dueAt;
    message.place = model.placesCount;
    model.placesCount += 1;
  }
  for (const message of inFlight(model)) if (message.at <= now) fail(message, message.at);
}

function release(message: TimedMessage, at: number): void {
  message.state = 'available';
  message.at = at;
}

/** One failure more, at `at`. */
function fail(message: TimedMessage, at: number, delayMs?: number): void {
  message.failuresCount += 1;
  if (message.failuresCount >= DELIVERIES_MAX) {
    message.state = 'dead';
    return;
  }
  release(message, at + (delayMs ?? RETRY_DELAYS[message.failuresCount - 1] ?? 0));
}

function inFlight(model: Readonly<TimedModel>): TimedMessage[] {
  return model.messages.filter(({ state }) => state === 'in-flight');
}

/** What a receive may hand out now, in the order in which it must. */
function deliverable(model: TimedModel, now: number): TimedMessage[] {
  return model.messages
    .filter(({ state, at, expiresAt }) => state === 'available' && at <= now && expiresAt >= now)
    .sort((a, b) => b.priority - a.priority || a.place - b.place);
}
