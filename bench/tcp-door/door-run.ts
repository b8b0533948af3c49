/**
 * One run against a server behind TCP: a fresh topic, a certain number of messages, everything counted, and what the
 * server's process spent on it.
 *
 *     createTopic -> | usage | work: first message leaves ... last one is there | usage | -> counts -> deleteTopic
 *
 * Always true: only the work is timed; a message that has not come when nothing has come for `IDLE_MS_MAX` is lost.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import type { TopicOptions } from '../../shared/contract/description.ts';
import type { Latency, Run } from '../race.ts';
import type { Door } from '../servers/server-process.ts';
import { type Counts, numberIn, Tally } from '../tally.ts';
import { createRemote } from '../targets.ts';

/** Without a message for so long, what is missing is taken as lost. */
export const IDLE_MS_MAX = 5000;
/** Of one fetch: as many batches as fit. */
export const FETCH_BYTES_MAX = 1024 * 1024;

/** What a piece of work has at hand. */
export interface Place {
  /** Sends. */
  readonly sender: Broker;
  /** Reads, over a connection of its own: the two are seldom the same program. */
  readonly reader: Broker;
  readonly topic: string;
  readonly tally: Tally;
  /** Messages to be sent, numbered from 0. */
  readonly count: number;
}

/** What `work` measured itself. */
export interface Worked {
  /** Where not all of the time counts. */
  readonly messagesPerSecond?: number;
  readonly latency?: Latency;
}

export interface DoorRunOptions {
  readonly door: Door;
  readonly count: number;
  readonly topicOptions?: TopicOptions;
  /** What is timed. */
  readonly work: (place: Place) => Promise<Worked | undefined>;
  /** Then, untimed: counting what has come. */
  readonly after?: (place: Place) => Promise<void>;
}

let topicCount = 0;

/** A name that no topic of this machine has. */
export function freshTopic(): string {
  topicCount += 1;
  return `bench-${process.pid}-${topicCount}`;
}

export async function runAtDoor({ door, count, topicOptions, work, after }: DoorRunOptions): Promise<Run> {
  await using closing = new AsyncDisposableStack();
  const connect = async (): Promise<Broker> => {
    const broker = await createRemote(door.url);
    closing.defer(() => broker.close({ timeoutMs: 1000 }));
    return broker;
  };
  const [sender, reader] = [await connect(), await connect()];
  const topic = freshTopic();
  await sender.createTopic(topic, topicOptions);
  closing.defer(() => sender.deleteTopic(topic));
  const tally = new Tally(count);
  // A message may be back before its send is answered.
  for (let number = 0; number < count; number += 1) tally.attempt(number);
  const place = { sender, reader, topic, tally, count };
  return await timed(door, { count, counts: () => tally.counts, work: () => work(place), after: () => after?.(place) });
}

export interface TimedOptions {
  readonly count: number;
  readonly counts: () => Counts;
  readonly work: () => Promise<Worked | undefined>;
  readonly after?: () => Promise<void> | undefined;
}

/** The rate of `work`, and what it cost the process behind `door`. */
export async function timed(door: Door, { count, counts, work, after }: TimedOptions): Promise<Run> {
  const begin = await door.usage?.();
  const startedMs = performance.now();
  const { latency, ...worked } = (await work()) ?? {};
  const elapsedMs = performance.now() - startedMs;
  const end = await door.usage?.();
  await after?.();
  const counted = counts();
  const messagesPerSecond = worked.messagesPerSecond ?? (counted.received / elapsedMs) * 1000;
  const run = { messagesPerSecond, counts: counted, ...(latency === undefined ? {} : { latency }) };
  if (begin === undefined || end === undefined) return run;
  const cpuUs = end.cpuUs - begin.cpuUs;
  return { ...run, serverCpuUsPerMessage: cpuUs / count, serverBusyShare: cpuUs / (end.wallUs - begin.wallUs) };
}

/** Fetches `count` messages, and counts them. */
export async function readAll({ reader, topic, tally, count }: Place): Promise<void> {
  let next = 0;
  for (let receivedCount = 0; receivedCount < count; ) {
    const { records, nextOffset } = await reader.fetch(topic, {
      offset: next,
      max: 1024,
      bytesMax: FETCH_BYTES_MAX,
      waitMs: 100,
    });
    if (nextOffset === next) return;
    for (const { body } of records) tally.received(numberIn(body));
    receivedCount += records.length;
    next = nextOffset;
  }
}
