/**
 * Stage 1's `BlockingQueue` against the queues people use in Node, in four patterns of use. Each has a floor: the least
 * any queue could do in that pattern, for nothing is faster than an array that never waits.
 *
 * Always true, in the two patterns that are compared with peers: peers drive the same async worker with concurrency 1,
 * which is what they are made for, and awaiting their push is awaiting it. A `BlockingQueue` has no worker: the loop that
 * awaits `take` is the consumer. It stands there twice, as it is, and with that loop awaiting the same worker too. The
 * floor awaits what a queue must be awaited for. Capacities are large enough that nobody is refused.
 */
import { BlockingQueue } from '../../stages/1-blocking-queue/blocking-queue.ts';
import { loadOptional } from '../optional-package.ts';
import type { Contestant, Scenario } from '../race.ts';
import { type NumberedMessage, type PassContestant, passContestant, type Racer, type Received } from './pass.ts';

/** Messages in one pass of the patterns that go one by one: so few that they stay in the processor's cache. */
const IN_TURN_COUNT = 1000;
/** Messages given at once. */
const AT_ONCE_COUNT = 100_000;
const SETTLED: Promise<void> = Promise.resolve();
/** Messages taken by one `drain`. */
const DRAIN_COUNT = 256;

export function queueScenarios(runMs: number): Scenario[] {
  const contestants = (passCount: number, list: readonly Omit<PassContestant, 'passCount' | 'runMs'>[]): Contestant[] =>
    list.map((contestant) => passContestant({ ...contestant, passCount, runMs }));
  return [
    {
      name: 'queue-in-turn',
      title: 'One by one',
      how: 'A message is put and taken before the next one is put, and every call is awaited; peers drive an async worker.',
      contestants: contestants(IN_TURN_COUNT, [
        { name: 'array push + shift', role: 'floor', start: arrayInTurn },
        { name: 'BlockingQueue put + take', role: 'stage', start: blockingInTurn },
        { name: 'the same + async worker', role: 'stage', start: blockingInTurnWithWorker },
        { name: 'fastq.promise', role: 'peer', start: fastqInTurn },
        { name: 'async.queue', role: 'peer', start: asyncInTurn },
        { name: 'p-queue', role: 'peer', start: pQueueInTurn },
      ]),
    },
    {
      name: 'queue-all-at-once',
      title: `${AT_ONCE_COUNT.toLocaleString('en')} at once`,
      how: 'All messages are put first, then worked off one by one, and every call is awaited; peers drive an async worker.',
      contestants: contestants(AT_ONCE_COUNT, [
        { name: 'array push + index', role: 'floor', start: arrayAtOnce },
        { name: 'BlockingQueue put + take', role: 'stage', start: blockingAtOnce },
        { name: 'the same + async worker', role: 'stage', start: blockingAtOnceWithWorker },
        { name: 'fastq.promise', role: 'peer', start: fastqAtOnce },
        { name: 'async.queue', role: 'peer', start: asyncAtOnce },
        { name: 'p-queue', role: 'peer', start: pQueueAtOnce },
      ]),
    },
    {
      name: 'queue-drain',
      title: `Drain, ${DRAIN_COUNT} at a time`,
      how: 'Nothing is awaited: messages are offered one by one and drained in batches; denque pushes and shifts.',
      contestants: contestants(IN_TURN_COUNT, [
        { name: 'denque', role: 'floor', start: denqueDrain },
        { name: 'BlockingQueue offer + drain', role: 'stage', start: blockingDrain },
      ]),
    },
    {
      name: 'queue-hand-off',
      title: 'The consumer waits first',
      how: 'A take waits in line, then a put hands it the message: what waiting costs, beside a bare promise.',
      contestants: contestants(IN_TURN_COUNT, [
        { name: 'promise made and resolved', role: 'floor', start: promiseHandOff },
        { name: 'BlockingQueue take + put', role: 'stage', start: blockingHandOff },
      ]),
    },
  ];
}

/** The work: as little as it can be, so that what is measured is the queue. */
function workerFor(received: Received): (message: NumberedMessage) => Promise<void> {
  return async (message) => received(message.body);
}

/** What a queue that answers with promises costs at least: one settled promise for all puts, a new one for each take. */
function arrayInTurn(received: Received): Racer {
  const array: NumberedMessage[] = [];
  const put = (message: NumberedMessage): Promise<void> => {
    array.push(message);
    return SETTLED;
  };
  const take = async (): Promise<NumberedMessage | undefined> => array.shift();
  return {
    async pass(messages) {
      for (const message of messages) {
        await put(message);
        const taken = await take();
        if (taken !== undefined) received(taken.body);
      }
    },
  };
}

function blockingInTurn(received: Received): Racer {
  const queue = new BlockingQueue<NumberedMessage>();
  return {
    async pass(messages) {
      for (const message of messages) {
        await queue.put(message);
        received((await queue.take()).body);
      }
    },
  };
}

function blockingInTurnWithWorker(received: Received): Racer {
  const queue = new BlockingQueue<NumberedMessage>();
  const work = workerFor(received);
  return {
    async pass(messages) {
      for (const message of messages) {
        await queue.put(message);
        await work(await queue.take());
      }
    },
  };
}

async function fastqInTurn(received: Received): Promise<Racer> {
  const { default: fastq } = await loadOptional('fastq');
  const queue = fastq.promise(workerFor(received), 1);
  return {
    async pass(messages) {
      for (const message of messages) await queue.push(message);
    },
  };
}

async function asyncInTurn(received: Received): Promise<Racer> {
  const { queue: makeQueue } = await loadOptional('async');
  const queue = makeQueue(workerFor(received), 1);
  return {
    async pass(messages) {
      for (const message of messages) await queue.pushAsync(message);
    },
  };
}

async function pQueueInTurn(received: Received): Promise<Racer> {
  const { default: PQueue } = await loadOptional('p-queue');
  const queue = new PQueue({ concurrency: 1 });
  const work = workerFor(received);
  return {
    async pass(messages) {
      for (const message of messages) await queue.add(() => work(message));
    },
  };
}

/** Not `shift`: on an array of this length it moves all elements, and the floor would be the slowest of all. */
function arrayAtOnce(received: Received): Racer {
  const take = async (message: NumberedMessage): Promise<NumberedMessage> => message;
  return {
    async pass(messages) {
      const array: NumberedMessage[] = [];
      for (const message of messages) {
        array.push(message);
        await SETTLED;
      }
      for (const message of array) received((await take(message)).body);
    },
  };
}

function blockingAtOnce(received: Received): Racer {
  const queue = new BlockingQueue<NumberedMessage>({ capacity: AT_ONCE_COUNT });
  return {
    async pass(messages) {
      for (const message of messages) await queue.put(message);
      for (let count = 0; count < messages.length; count += 1) received((await queue.take()).body);
    },
  };
}

function blockingAtOnceWithWorker(received: Received): Racer {
  const queue = new BlockingQueue<NumberedMessage>({ capacity: AT_ONCE_COUNT });
  const work = workerFor(received);
  return {
    async pass(messages) {
      for (const message of messages) await queue.put(message);
      for (let count = 0; count < messages.length; count += 1) await work(await queue.take());
    },
  };
}

async function fastqAtOnce(received: Received): Promise<Racer> {
  const { default: fastq } = await loadOptional('fastq');
  const queue = fastq.promise(workerFor(received), 1);
  return {
    async pass(messages) {
      for (const message of messages) void queue.push(message);
      await queue.drained();
    },
  };
}

async function asyncAtOnce(received: Received): Promise<Racer> {
  const { queue: makeQueue } = await loadOptional('async');
  const queue = makeQueue(workerFor(received), 1);
  return {
    async pass(messages) {
      for (const message of messages) void queue.push(message);
      await queue.drain();
    },
  };
}

async function pQueueAtOnce(received: Received): Promise<Racer> {
  const { default: PQueue } = await loadOptional('p-queue');
  const queue = new PQueue({ concurrency: 1 });
  const work = workerFor(received);
  return {
    async pass(messages) {
      for (const message of messages) void queue.add(() => work(message));
      await queue.onIdle();
    },
  };
}

async function denqueDrain(received: Received): Promise<Racer> {
  const { default: Denque } = await loadOptional('denque');
  const queue = new Denque<NumberedMessage>();
  return {
    async pass(messages) {
      for (const message of messages) queue.push(message);
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) received(message.body);
    },
  };
}

function blockingDrain(received: Received): Racer {
  const queue = new BlockingQueue<NumberedMessage>({ capacity: IN_TURN_COUNT });
  return {
    async pass(messages) {
      for (const message of messages) queue.offer(message);
      for (let drained = queue.drain(DRAIN_COUNT); drained.length > 0; drained = queue.drain(DRAIN_COUNT)) {
        for (const message of drained) received(message.body);
      }
    },
  };
}

function promiseHandOff(received: Received): Racer {
  return {
    async pass(messages) {
      for (const message of messages) {
        const { promise, resolve } = Promise.withResolvers<NumberedMessage>();
        resolve(message);
        received((await promise).body);
      }
    },
  };
}

function blockingHandOff(received: Received): Racer {
  const queue = new BlockingQueue<NumberedMessage>();
  return {
    async pass(messages) {
      for (const message of messages) {
        const taken = queue.take();
        await queue.put(message);
        received((await taken).body);
      }
    },
  };
}
