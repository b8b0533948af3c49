/**
 * A queue as simple as can be, to compare brokers with: a list of messages, each available, in flight or finished.
 *
 *     each command: the model and the broker do the same; whatever the broker answers must be what the model says
 *
 * Always true: the model knows one group of one topic, gives out what is available in offset order, and counts a
 * failure for each retry and each ended lease. Used by the property of receiving only.
 */
import fc from 'fast-check';
import type { Delivery } from '../../contract/message.ts';
import { equal, present } from '../check.ts';
import type { TestContext } from '../test-context.ts';
import { commandOf, type ModelCommand } from './model-command.ts';
import { texts } from './steps.ts';

const LEASE_MS = 10_000;

interface ModelMessage {
  readonly body: string;
  state: 'available' | 'in-flight' | 'finished';
  failuresCount: number;
  /** In flight: who holds it. */
  memberId: string;
}

export interface QueueModel {
  readonly messages: ModelMessage[];
  readonly hasLeases: boolean;
  /** The group exists from its first receive on. */
  hasGroup: boolean;
}

export interface QueueUnderTest {
  readonly context: TestContext;
  readonly topic: string;
  /** The latest delivery of each message. */
  readonly held: Map<ModelMessage, Delivery>;
}

type QueueCommand = ModelCommand<QueueModel, QueueUnderTest>;
type Settlement = 'ack' | 'cumulative' | 'retry' | 'return';

/** The commands that the broker of `context` can be given. */
export function queueCommands(context: TestContext): fc.Arbitrary<QueueCommand>[] {
  const member = fc.constantFrom('one', 'two');
  const always = [
    fc.integer({ min: 1, max: 3 }).map(sendCommand),
    fc.tuple(member, fc.integer({ min: 1, max: 4 })).map(([memberId, max]) => receiveCommand(memberId, max)),
  ];
  if (!context.has('lease')) return always;
  const how = fc.constantFrom<Settlement>('ack', 'ack', 'cumulative', 'retry', 'return');
  const withLeases = [
    fc.tuple(how, fc.nat({ max: 7 })).map(([outcome, pick]) => settleCommand(outcome, pick)),
    fc.constant(ackAllCommand()),
    member.map(leaveCommand),
  ];
  return [...always, ...withLeases, ...(context.clock === 'virtual' ? [fc.constant(expireCommand())] : [])];
}

function sendCommand(count: number): QueueCommand {
  return commandOf(`send ${count}`, {
    run: async (model, real) => {
      const { broker } = real.context;
      const bodies = Array.from({ length: count }, (_, index) => `m-${model.messages.length + index}`);
      const batch = bodies.map((body) => ({ body }));
      const [first] = batch;
      if (count === 1 && first !== undefined) await broker.send(real.topic, first);
      else await broker.sendBatch(real.topic, batch);
      for (const body of bodies) model.messages.push({ body, state: 'available', failuresCount: 0, memberId: '' });
      await compareCounts(model, real);
    },
  });
}

function receiveCommand(memberId: string, max: number): QueueCommand {
  return commandOf(`receive ${max} as ${memberId}`, {
    run: async (model, real) => {
      model.hasGroup = true;
      const options = model.hasLeases ? { memberId, max, leaseMs: LEASE_MS } : { memberId, max };
      const deliveries = await real.context.broker.receive(real.topic, options);
      const due = inState(model, 'available').slice(0, max);
      const expected = due.map((message) => message.body);
      equal(texts(deliveries), expected, `a receive of up to ${max}`);
      for (const [index, message] of due.entries()) {
        const delivery = present(deliveries[index], 'the delivery');
        equal(delivery.deliveryCount, message.failuresCount + 1, `deliveryCount of ${message.body}`);
        message.state = model.hasLeases ? 'in-flight' : 'finished';
        message.memberId = memberId;
        real.held.set(message, delivery);
      }
      await compareCounts(model, real);
    },
  });
}

/** Something done to one of the messages in flight; `pick` chooses which. */
function settleCommand(how: Settlement, pick: number): QueueCommand {
  return commandOf(`${how} #${pick} in flight`, {
    check: hasInFlight,
    run: async (model, real) => {
      const inFlight = inState(model, 'in-flight');
      const place = pick % inFlight.length;
      const message = present(inFlight[place], 'a message in flight');
      const delivery = deliveryOf(real, message);
      const { broker } = real.context;
      if (how === 'retry' || how === 'return') await broker.nack(delivery, { outcome: how });
      else await broker.ack([delivery], { cumulative: how === 'cumulative' });
      if (how === 'retry') message.failuresCount += 1;
      message.state = how === 'retry' || how === 'return' ? 'available' : 'finished';
      for (const lower of how === 'cumulative' ? inFlight.slice(0, place) : []) {
        if (lower.memberId === message.memberId) lower.state = 'finished';
      }
      await compareCounts(model, real);
    },
  });
}

/** One ack with everything that is in flight, whoever holds it. */
function ackAllCommand(): QueueCommand {
  return commandOf('ack all in flight', {
    check: hasInFlight,
    run: async (model, real) => {
      const inFlight = inState(model, 'in-flight');
      await real.context.broker.ack(inFlight.map((message) => deliveryOf(real, message)));
      for (const message of inFlight) message.state = 'finished';
      await compareCounts(model, real);
    },
  });
}

function leaveCommand(memberId: string): QueueCommand {
  return commandOf(`${memberId} leaves`, {
    check: (model) => model.hasGroup,
    run: async (model, real) => {
      await real.context.broker.leave(real.topic, { memberId });
      for (const message of inState(model, 'in-flight')) {
        if (message.memberId === memberId) message.state = 'available';
      }
      await compareCounts(model, real);
    },
  });
}

function expireCommand(): QueueCommand {
  return commandOf('all leases end', {
    run: async (model, real) => {
      await real.context.pass(LEASE_MS);
      for (const message of inState(model, 'in-flight')) {
        message.state = 'available';
        message.failuresCount += 1;
      }
      await compareCounts(model, real);
    },
  });
}

function inState(model: Readonly<QueueModel>, state: ModelMessage['state']): ModelMessage[] {
  return model.messages.filter((message) => message.state === state);
}

function hasInFlight(model: Readonly<QueueModel>): boolean {
  return inState(model, 'in-flight').length > 0;
}

function deliveryOf({ held }: QueueUnderTest, message: ModelMessage): Delivery {
  return present(held.get(message), `the delivery of ${message.body}`);
}

/** The numbers of the description are those of the model; looked at after every command. */
async function compareCounts(model: QueueModel, { context, topic }: QueueUnderTest): Promise<void> {
  const { availableCount, inFlightCount, logEndOffset, lag } = await context.describe(topic);
  const floor = model.messages.findIndex((message) => message.state !== 'finished');
  const expected = {
    availableCount: inState(model, 'available').length,
    inFlightCount: inState(model, 'in-flight').length,
    logEndOffset: model.messages.length,
    lag: floor === -1 ? 0 : model.messages.length - floor,
  };
  equal({ availableCount, inFlightCount, logEndOffset, lag }, expected, 'the counts of the topic');
}
