/**
 * The stages as brokers, called in this process: send one by one, receive in batches, and acknowledge where the broker
 * has leases. Stage 3 is reached by its client over loopback, so its row is the price of the wire, not of a broker; stage
 * 4 answers when a message is on the disk.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import type { Scenario } from '../race.ts';
import { type NumberedMessage, type PassContestant, passContestant, type Racer, type Received } from './pass.ts';

/** Messages sent before one receive takes them. */
const BATCH_COUNT = 256;
/** Sends open at once where a send waits for a wire or a disk; in memory each is awaited before the next. */
const SENDS_COUNT = 32;

/** A broker to measure, made anew for every run. */
export interface BrokerContestant {
  readonly name: string;
  /** A send waits for a wire or a disk, which several can share. */
  readonly sendsTogether: boolean;
  readonly create: () => Promise<Broker>;
}

export function brokerScenario(brokers: readonly BrokerContestant[], runMs: number): Scenario {
  const floor: PassContestant = {
    name: 'array push + splice',
    role: 'floor',
    passCount: BATCH_COUNT * 32,
    runMs,
    start: arrayInBatches,
  };
  const stages = brokers.map(
    (contestant): PassContestant => ({
      name: contestant.name,
      role: 'stage',
      passCount: contestant.sendsTogether ? BATCH_COUNT : BATCH_COUNT * 32,
      runMs,
      start: (received) => brokerRacer(contestant, received),
    }),
  );
  return {
    name: 'broker',
    title: 'The stages as brokers',
    how:
      `${BATCH_COUNT} sends, then receive(${BATCH_COUNT}), then one cumulative ack where there are leases. ` +
      `In memory each send is awaited before the next; over a wire, and onto a disk, ${SENDS_COUNT} are open at once.`,
    contestants: [floor, ...stages].map(passContestant),
  };
}

function arrayInBatches(received: Received): Racer {
  const array: NumberedMessage[] = [];
  return {
    async pass(messages) {
      for (let first = 0; first < messages.length; first += BATCH_COUNT) {
        for (const message of messages.slice(first, first + BATCH_COUNT)) await array.push(message);
        for (const { body } of array.splice(0)) received(body);
      }
    },
  };
}

async function brokerRacer({ sendsTogether, create }: BrokerContestant, received: Received): Promise<Racer> {
  const broker = await create();
  const topic = `bench-in-process-${process.pid}`;
  const sendAll = sendsTogether ? sendConcurrently : sendInTurn;
  return {
    async pass(messages) {
      for (let first = 0; first < messages.length; first += BATCH_COUNT) {
        const batch = messages.slice(first, first + BATCH_COUNT);
        await sendAll({ broker, topic }, batch);
        await receiveAll({ broker, topic }, received, batch.length);
      }
    },
    // The server of a url outlives the run; the topic must not.
    close: async () => {
      await broker.deleteTopic(topic);
      await broker.close({ timeoutMs: 1000 });
    },
  };
}

/** Where a pass goes. */
interface Place {
  readonly broker: Broker;
  readonly topic: string;
}

async function sendInTurn({ broker, topic }: Place, messages: readonly NumberedMessage[]): Promise<void> {
  for (const message of messages) await broker.send(topic, message);
}

async function sendConcurrently({ broker, topic }: Place, messages: readonly NumberedMessage[]): Promise<void> {
  const rest = messages.values();
  const sendRest = async (): Promise<void> => {
    for (const message of rest) await broker.send(topic, message);
  };
  await Promise.all(Array.from({ length: SENDS_COUNT }, sendRest));
}

/** Ends at an empty answer too: what did not come is counted as lost, not waited for. */
async function receiveAll({ broker, topic }: Place, received: Received, count: number): Promise<void> {
  const hasLease = broker.capabilities.has('lease');
  for (let open = count; open > 0; ) {
    const deliveries = await broker.receive(topic, { max: BATCH_COUNT });
    const last = deliveries.at(-1);
    if (last === undefined) return;
    for (const { body } of deliveries) received(body);
    if (hasLease) await broker.ack([last], { cumulative: true });
    open -= deliveries.length;
  }
}
