/**
 * A load of transactions of every shape, and what must be so of each of them at any moment afterwards: all of it or nothing,
 * as its caller was told.
 *
 * For tests only.
 */
import assert from 'node:assert/strict';
import type { VirtualClock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import type { Transaction } from '../../../../shared/contract/transaction.ts';
import type { VirtualLife } from '../../../4-persisted-log/testing/virtual-life.ts';
import { outcomeOf, read } from './virtual-robust.ts';

/** What one transaction does. */
interface Shape {
  readonly name: string;
  /** How many messages to which partition. */
  readonly writes: readonly (readonly [topic: string, partition: number, count: number])[];
  /** Offsets of `in` that it acks. */
  readonly acks: readonly number[];
  /** Where it puts the group that reads the log of `in`. */
  readonly position?: number;
  readonly end: 'commit' | 'abort' | 'none' | 'time-out';
}

const SHAPES: readonly Shape[] = [
  { name: 'one partition', writes: [['a', 0, 2]], acks: [], end: 'commit' },
  {
    name: 'all kinds',
    writes: [
      ['a', 0, 1],
      ['b', 0, 2],
      ['b', 1, 1],
    ],
    acks: [0, 1],
    position: 2,
    end: 'commit',
  },
  {
    name: 'aborted',
    writes: [
      ['a', 0, 1],
      ['b', 1, 2],
    ],
    acks: [2],
    end: 'abort',
  },
  { name: 'acks', writes: [], acks: [3, 5], end: 'commit' },
  {
    name: 'left',
    writes: [
      ['a', 0, 1],
      ['b', 0, 1],
    ],
    acks: [4],
    position: 7,
    end: 'none',
  },
  {
    name: 'two topics',
    writes: [
      ['b', 1, 1],
      ['a', 0, 3],
    ],
    acks: [],
    end: 'commit',
  },
  { name: 'one topic and acks', writes: [['b', 0, 1]], acks: [6], end: 'commit' },
  {
    name: 'timed out',
    writes: [
      ['a', 0, 1],
      ['b', 0, 1],
    ],
    acks: [7],
    end: 'time-out',
  },
  { name: 'position', writes: [], acks: [], position: 5, end: 'commit' },
  { name: 'one more partition', writes: [['b', 1, 2]], acks: [], end: 'commit' },
];

const PLACES = [
  ['a', 0],
  ['b', 0],
  ['b', 1],
] as const;
const IN_COUNT = 10;
const PATIENCE = 5;

/** One transaction as its caller knows it. */
export interface Deed {
  readonly shape: Shape;
  readonly id: string;
  /** Of its messages, by place. */
  readonly bodies: Map<string, string[]>;
  /** Offsets that were acked in it well. */
  readonly acked: number[];
  hasPosition: boolean;
  /** It was asked to commit. */
  isAsked: boolean;
  told: 'committed' | 'aborted' | undefined;
}

export function copyOfDeeds(deeds: readonly Deed[]): readonly Deed[] {
  return deeds.map((deed) => ({ ...deed, bodies: new Map(deed.bodies), acked: [...deed.acked] }));
}

/** The topics, and ten deliveries in flight. */
export async function prepare(broker: Broker): Promise<readonly Delivery[]> {
  await stubbornly(() => broker.createTopic('in'));
  await stubbornly(() => broker.createTopic('a'));
  await stubbornly(() => broker.createTopic('b', { partitionCount: 2 }));
  const messages = Array.from({ length: IN_COUNT }, (_, index) => ({ body: `in ${index}` }));
  await stubbornly(() => broker.sendBatch('in', messages));
  return await stubbornly(() => broker.receive('in', { group: 'g', max: IN_COUNT, leaseMs: 3_600_000 }));
}

/** Whatever the disk does, each call is answered; what was told stands in the deeds. */
export async function runScript({ broker, clock }: VirtualLife, deeds: Deed[]): Promise<void> {
  const deliveries = await prepare(broker);
  for (const [index, shape] of SHAPES.entries()) {
    const timeoutMs = shape.end === 'time-out' ? 1000 : 600_000;
    const transaction = await stubbornly(() => broker.begin({ timeoutMs }));
    const { id } = transaction;
    const deed: Deed = { shape, id, bodies: new Map(), acked: [], hasPosition: false, isAsked: false, told: undefined };
    deeds.push(deed);
    await write(transaction, deed);
    if (index % 3 === 0) await broker.send('a', { body: `plain ${index}` }).catch(onlyStorage);
    await settle(transaction, deed, deliveries);
    if (shape.end === 'commit') await commit(transaction, deed, clock);
    else if (shape.end === 'abort') await inTime(clock, transaction.abort());
    else if (shape.end === 'time-out') await clock.pass(1000);
    if (shape.end === 'abort' || shape.end === 'time-out') deed.told = 'aborted';
  }
}

async function write(transaction: Transaction, deed: Deed): Promise<void> {
  for (const [topic, partition, count] of deed.shape.writes) {
    for (let number = 0; number < count; number += 1) {
      const body = `${deed.shape.name} ${topic}/${partition} ${number}`;
      const place = `${topic}/${partition}`;
      try {
        await transaction.send(topic, { body }, { partition });
        deed.bodies.set(place, [...(deed.bodies.get(place) ?? []), body]);
      } catch (error) {
        onlyStorage(error);
      }
    }
  }
}

async function settle(transaction: Transaction, deed: Deed, deliveries: readonly Delivery[]): Promise<void> {
  for (const offset of deed.shape.acks) {
    const delivery = deliveries.find((one) => one.offset === offset);
    assert.ok(delivery);
    await transaction.ack([delivery]);
    deed.acked.push(offset);
  }
  const { position } = deed.shape;
  if (position === undefined) return;
  try {
    await transaction.commitOffset('in', { group: 'log', offset: position });
    deed.hasPosition = true;
  } catch (error) {
    onlyStorage(error);
  }
}

/** Again while it may be; what the disk lost of it ends it. */
async function commit(transaction: Transaction, deed: Deed, clock: VirtualClock): Promise<void> {
  deed.isAsked = true;
  for (let left = PATIENCE; left > 0; left -= 1) {
    try {
      await inTime(clock, transaction.commit());
      deed.told = 'committed';
      return;
    } catch (error) {
      if (isMqError(error, 'MQ_TRANSACTION_ENDED')) deed.told = error.details.outcome;
      if (deed.told !== undefined) return;
      onlyStorage(error);
    }
  }
  await inTime(clock, transaction.abort());
  deed.told = 'aborted';
}

/** What was decided waits for the disk, and is tried again now and then. */
async function inTime(clock: VirtualClock, ending: Promise<void>): Promise<void> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  ending.then(over, over);
  for (let turn = 0; turn < 100 && !isOver; turn += 1) await clock.pass(turn < 50 ? 0 : 100);
  await ending;
}

/** All or nothing, and as was told. */
export async function checkDeeds(broker: Broker, deeds: readonly Deed[]): Promise<void> {
  const seen = await seenBy(broker);
  const unfinished = await unfinishedOf(broker);
  let position = 0;
  for (const deed of deeds) {
    const { shape, told, isAsked } = deed;
    const said = await outcomeOf(broker, deed);
    const parts: boolean[] = [];
    for (const [place, bodies] of deed.bodies) {
      for (const body of bodies) parts.push(seen.get(place)?.includes(body) ?? false);
    }
    for (const offset of deed.acked) parts.push(!unfinished.has(offset));
    const isThere = parts[0] ?? said === 'committed';
    const story = `${shape.name}: told ${told}, said ${said}, there ${parts}`;
    assert.ok(
      parts.every((part) => part === isThere),
      `all or nothing: ${story}`,
    );
    if (told === 'committed') assert.ok(isThere, `what was committed stays: ${story}`);
    if (told === 'aborted' || !isAsked) assert.ok(!isThere, `nothing of it is there: ${story}`);
    if (parts.length > 0 && isThere) assert.equal(said, 'committed', story);
    if (parts.length > 0 && !isThere) assert.notEqual(said, 'committed', story);
    if (isThere && deed.hasPosition) position = Math.max(position, shape.position ?? 0);
  }
  await checkPosition(broker, position);
  await checkEnds(broker);
}

async function seenBy(broker: Broker): Promise<ReadonlyMap<string, readonly string[]>> {
  const topics = new Set((await broker.describeTopics()).map(({ topic }) => topic));
  const seen = new Map<string, readonly string[]>();
  for (const [topic, partition] of PLACES) {
    if (!topics.has(topic)) continue;
    const bodies = await read(broker, topic, { partition });
    assert.equal(new Set(bodies).size, bodies.length, `${topic}/${partition} has nothing twice: ${bodies}`);
    seen.set(`${topic}/${partition}`, bodies);
  }
  return seen;
}

/** Offsets of `in` that the group has not finished; all, while there is no such group. */
async function unfinishedOf(broker: Broker): Promise<ReadonlySet<number | null>> {
  const all = Array.from({ length: IN_COUNT }, (_, offset) => offset);
  try {
    const browsed = await broker.browse('in', { group: 'g', max: 100 });
    return new Set(browsed.map(({ offset }) => offset));
  } catch (error) {
    if (isMqError(error, 'MQ_UNKNOWN_GROUP') || isMqError(error, 'MQ_UNKNOWN_TOPIC')) return new Set(all);
    throw error;
  }
}

async function checkPosition(broker: Broker, position: number): Promise<void> {
  try {
    assert.equal(await broker.committed('in', { group: 'log' }), position);
  } catch (error) {
    if (position > 0 || !isMqError(error)) throw error;
  }
}

/** No reader is kept waiting by a transaction that is over. */
async function checkEnds(broker: Broker): Promise<void> {
  for (const { topic, openTransactionCount, lastStableOffset, logEndOffset } of await broker.describeTopics()) {
    if (openTransactionCount === 0) assert.equal(lastStableOffset, logEndOffset, `${topic} is settled`);
  }
}

async function stubbornly<T>(call: () => Promise<T>): Promise<T> {
  for (let left = PATIENCE; ; left -= 1) {
    try {
      return await call();
    } catch (error) {
      if (left === 0) throw error;
      onlyStorage(error);
    }
  }
}

function onlyStorage(error: unknown): void {
  if (!isMqError(error, 'MQ_STORAGE_FAILED') && !isMqError(error, 'MQ_STORAGE_FULL')) throw error;
}
