/**
 * A queue as simple as can be, to compare brokers with: a list of messages, each available, in flight or finished.
 *
 *     command.run: the model and the broker do the same; whatever the broker answers must be what the model says
 *
 * Always true: the model knows one group of one topic, gives out what is available in offset order, and counts a
 * failure for each retry and each ended lease. Used by the property of receiving only.
 */
import fc from 'fast-check';
import type { Delivery } from '../../contract/message.ts';
import { equal, present } from '../check.ts';
import type { TestContext } from '../test-context.ts';
import { texts } from './steps.ts';

export const MODEL_LEASE_MS = 10_000;

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
  /** The latest delivery of each message, by its place in the model. */
  readonly held: Map<number, Delivery>;
}

type QueueCommand = fc.AsyncCommand<QueueModel, QueueUnderTest>;

/** The places of messages in flight, in order. */
function inFlight(model: QueueModel): number[] {
  return [...model.messages.keys()].filter((place) => model.messages[place]?.state === 'in-flight');
}

function messageAt(model: QueueModel, place: number): ModelMessage {
  return present(model.messages[place], `message ${place} of the model`);
}

/** The numbers of the description are those of the model; looked at after every command. */
async function compareCounts(model: QueueModel, real: QueueUnderTest): Promise<void> {
  const count = (state: ModelMessage['state']): number =>
    model.messages.filter((message) => message.state === state).length;
  const { availableCount, inFlightCount, logEndOffset, lag } = await real.context.describe(real.topic);
  const floor = model.messages.findIndex((message) => message.state !== 'finished');
  const expected = {
    availableCount: count('available'),
    inFlightCount: count('in-flight'),
    logEndOffset: model.messages.length,
    lag: floor === -1 ? 0 : model.messages.length - floor,
  };
  equal({ availableCount, inFlightCount, logEndOffset, lag }, expected, 'the counts of the topic');
}

class SendCommand implements QueueCommand {
  readonly count: number;

  constructor(count: number) {
    this.count = count;
  }

  check = (): boolean => true;

  async run(model: QueueModel, real: QueueUnderTest): Promise<void> {
    const bodies = Array.from({ length: this.count }, (_, index) => `m-${model.messages.length + index}`);
    const { broker } = real.context;
    const [first = ''] = bodies;
    if (this.count === 1) await broker.send(real.topic, { body: first });
    else
      await broker.sendBatch(
        real.topic,
        bodies.map((body) => ({ body })),
      );
    for (const body of bodies) model.messages.push({ body, state: 'available', failuresCount: 0, memberId: '' });
    await compareCounts(model, real);
  }

  toString = (): string => `send ${this.count}`;
}

class ReceiveCommand implements QueueCommand {
  readonly memberId: string;
  readonly max: number;

  constructor(memberId: string, max: number) {
    this.memberId = memberId;
    this.max = max;
  }

  check = (): boolean => true;

  async run(model: QueueModel, real: QueueUnderTest): Promise<void> {
    const { memberId, max } = this;
    model.hasGroup = true;
    const options = model.hasLeases ? { memberId, max, leaseMs: MODEL_LEASE_MS } : { memberId, max };
    const deliveries = await real.context.broker.receive(real.topic, options);
    const due = [...model.messages.keys()]
      .filter((place) => messageAt(model, place).state === 'available')
      .slice(0, max);
    equal(
      texts(deliveries),
      due.map((place) => messageAt(model, place).body),
      `a receive of up to ${max}`,
    );
    for (const [index, place] of due.entries()) {
      const message = messageAt(model, place);
      const delivery = present(deliveries[index], 'the delivery');
      equal(delivery.deliveryCount, message.failuresCount + 1, `deliveryCount of ${message.body}`);
      message.state = model.hasLeases ? 'in-flight' : 'finished';
      message.memberId = memberId;
      real.held.set(place, delivery);
    }
    await compareCounts(model, real);
  }

  toString = (): string => `receive ${this.max} as ${this.memberId}`;
}

type Settlement = 'ack' | 'cumulative' | 'retry' | 'return';

/** Something done to one of the messages in flight; `pick` chooses which. */
class SettleCommand implements QueueCommand {
  readonly how: Settlement;
  readonly pick: number;

  constructor(how: Settlement, pick: number) {
    this.how = how;
    this.pick = pick;
  }

  check = (model: Readonly<QueueModel>): boolean => inFlight(model).length > 0;

  async run(model: QueueModel, real: QueueUnderTest): Promise<void> {
    const places = inFlight(model);
    const place = present(places[this.pick % places.length], 'a message in flight');
    const message = messageAt(model, place);
    const delivery = present(real.held.get(place), 'its delivery');
    const { broker } = real.context;
    if (this.how === 'ack') await broker.ack([delivery]);
    else if (this.how === 'cumulative') await broker.ack([delivery], { cumulative: true });
    else await broker.nack(delivery, { outcome: this.how });
    if (this.how === 'retry') message.failuresCount += 1;
    message.state = this.how === 'ack' || this.how === 'cumulative' ? 'finished' : 'available';
    for (const lower of this.how === 'cumulative' ? places.filter((other) => other < place) : []) {
      const other = messageAt(model, lower);
      if (other.memberId === message.memberId) other.state = 'finished';
    }
    await compareCounts(model, real);
  }

  toString = (): string => `${this.how} #${this.pick} in flight`;
}

/** One ack with everything that is in flight, whoever holds it. */
class AckAllCommand implements QueueCommand {
  check = (model: Readonly<QueueModel>): boolean => inFlight(model).length > 0;

  async run(model: QueueModel, real: QueueUnderTest): Promise<void> {
    const places = inFlight(model);
    await real.context.broker.ack(places.map((place) => present(real.held.get(place), 'its delivery')));
    for (const place of places) messageAt(model, place).state = 'finished';
    await compareCounts(model, real);
  }

  toString = (): string => 'ack all in flight';
}

class LeaveCommand implements QueueCommand {
  readonly memberId: string;

  constructor(memberId: string) {
    this.memberId = memberId;
  }

  check = (model: Readonly<QueueModel>): boolean => model.hasGroup;

  async run(model: QueueModel, real: QueueUnderTest): Promise<void> {
    await real.context.broker.leave(real.topic, { memberId: this.memberId });
    for (const place of inFlight(model)) {
      const message = messageAt(model, place);
      if (message.memberId === this.memberId) message.state = 'available';
    }
    await compareCounts(model, real);
  }

  toString = (): string => `${this.memberId} leaves`;
}

/** All leases end at once. */
class ExpireCommand implements QueueCommand {
  check = (): boolean => true;

  async run(model: QueueModel, real: QueueUnderTest): Promise<void> {
    await real.context.pass(MODEL_LEASE_MS);
    for (const place of inFlight(model)) {
      const message = messageAt(model, place);
      message.state = 'available';
      message.failuresCount += 1;
    }
    await compareCounts(model, real);
  }

  toString = (): string => 'all leases end';
}

/** The commands that the broker of `context` can be given. */
export function queueCommands(context: TestContext): fc.Arbitrary<QueueCommand>[] {
  const member = fc.constantFrom('one', 'two');
  const pick = fc.nat({ max: 7 });
  const always: fc.Arbitrary<QueueCommand>[] = [
    fc.integer({ min: 1, max: 3 }).map((count) => new SendCommand(count)),
    fc.tuple(member, fc.integer({ min: 1, max: 4 })).map(([memberId, max]) => new ReceiveCommand(memberId, max)),
  ];
  if (!context.has('lease')) return always;
  const how = fc.constantFrom('ack', 'ack', 'cumulative', 'retry', 'return' as const);
  const withLeases: fc.Arbitrary<QueueCommand>[] = [
    fc.tuple(how, pick).map(([outcome, index]) => new SettleCommand(outcome, index)),
    member.map((memberId) => new LeaveCommand(memberId)),
    fc.constant(new AckAllCommand()),
  ];
  const withTime = context.clock === 'virtual' ? [fc.constant(new ExpireCommand())] : [];
  return [...always, ...withLeases, ...withTime];
}
