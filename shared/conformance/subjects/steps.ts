/**
 * The steps tests are made of: send some, receive some, read bodies as text. Small on purpose, so that a test reads as
 * the story it tells. Used by the subjects only.
 */

import type { Broker, FetchOptions, ReceiveOptions } from '../../contract/broker.ts';
import type { GroupOptions } from '../../contract/description.ts';
import { isMqError } from '../../contract/errors.ts';
import { type Delivery, deadLetterTopicOf, type Receipt, type StoredRecord } from '../../contract/message.ts';
import { eventually, holds, present } from '../check.ts';
import type { TestContext } from '../test-context.ts';

/** Far more than any call takes. */
const STEPS_MAX = 100_000;
/** About twice what a commit takes that writes to two topics. */
const WHILE_STEPS_MAX = 400;
const REAL_WHILE_MS_MAX = 8;

/** `prefix-0`, `prefix-1`, ... */
export function bodies(count: number, prefix = 'm'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

/** Sends one after the other. */
export async function sendAll(broker: Broker, topic: string, texts: readonly string[]): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (const body of texts) receipts.push(await broker.send(topic, { body }));
  return receipts;
}

export function textOf(record: Pick<StoredRecord, 'body'>): string {
  return new TextDecoder().decode(record.body);
}

export function texts(records: readonly Pick<StoredRecord, 'body'>[]): string[] {
  return records.map(textOf);
}

/** A topic with one message and a group `g` of these options. */
export async function newTopicWith(context: TestContext, options: GroupOptions): Promise<string> {
  const topic = await context.newTopic();
  await context.broker.createGroup(topic, 'g', options);
  await sendAll(context.broker, topic, bodies(1));
  return topic;
}

/** Receives exactly one message. */
export async function receiveOne(broker: Broker, topic: string, options: ReceiveOptions = {}): Promise<Delivery> {
  const deliveries = await broker.receive(topic, { max: 1, ...options });
  holds(deliveries.length === 1, 'one delivery', texts(deliveries));
  return present(deliveries[0], 'the delivery');
}

/** Receives and finishes until nothing is left; everything in the order in which it came. */
export async function drain(context: TestContext, topic: string, options: ReceiveOptions = {}): Promise<Delivery[]> {
  const all: Delivery[] = [];
  for (;;) {
    const deliveries = await context.broker.receive(topic, { max: 100, ...options });
    if (deliveries.length === 0) return all;
    await context.finish(deliveries);
    all.push(...deliveries);
  }
}

/** Receives and finishes until `count` messages came, also when some of them are let in only meanwhile. */
export async function collect(
  context: TestContext,
  topic: string,
  options: ReceiveOptions & { readonly count: number },
): Promise<Delivery[]> {
  const { count, ...receiveOptions } = options;
  const all: Delivery[] = [];
  await eventually(async () => {
    const deliveries = await context.broker.receive(topic, receiveOptions);
    await context.finish(deliveries);
    all.push(...deliveries);
    return all.length >= count;
  }, `${count} messages to arrive`);
  return all;
}

/** Fetches from `offset` to the end, always going on at `nextOffset`. */
export async function readLog(broker: Broker, topic: string, options: FetchOptions = {}): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  let offset = options.offset ?? 0;
  for (;;) {
    const { records, nextOffset } = await broker.fetch(topic, { max: 100, ...options, offset });
    if (records.length === 0 && nextOffset === offset) return all;
    holds(nextOffset > offset, `a nextOffset above ${offset}, as ${records.length} records came`, nextOffset);
    all.push(...records);
    offset = nextOffset;
  }
}

/** All dead letters of a group, oldest first; none where there never was one. */
export async function readDeadLetters(broker: Broker, topic: string, group: string): Promise<StoredRecord[]> {
  try {
    return await readLog(broker, deadLetterTopicOf(topic, group));
  } catch (error) {
    if (isMqError(error, 'MQ_UNKNOWN_TOPIC')) return [];
    throw error;
  }
}

/** The offset of a receipt on a broker that has offsets. */
export function offsetOf(record: { readonly offset: number | null }): number {
  return present(record.offset, 'the offset');
}

/**
 * Lets calls that are under way go on until `isEnough`, or for a while, and comes back in the middle of them: on a virtual
 * clock as soon as it is so, since there everything that is ready would be done within one turn of the event loop.
 */
export async function underWay(context: TestContext, isEnough: () => boolean): Promise<void> {
  if (context.clock === 'virtual') {
    for (let step = 0; step < STEPS_MAX && !isEnough(); step += 1) await Promise.resolve();
    for (let step = context.random.below(30); step > 0; step -= 1) await Promise.resolve();
    return;
  }
  for (let turn = 0; turn < 50 && !isEnough(); turn += 1) await context.pass(5);
}

/** Rounds with a restart in each: a real process takes its time to start. */
export function roundsOf({ clock }: TestContext, roundsCount: number): number {
  return clock === 'virtual' ? roundsCount : 4;
}

/** Lets a call that is under way go on for a while, each time for another, and comes back in the middle of it or behind it. */
export async function forAWhile(context: TestContext): Promise<void> {
  if (context.clock === 'real') return context.pass(context.random.below(REAL_WHILE_MS_MAX));
  for (let step = context.random.below(WHILE_STEPS_MAX); step > 0; step -= 1) await Promise.resolve();
}

/** A signal that is aborted by hand. */
export function abortable(): { readonly signal: AbortSignal; abort(reason?: unknown): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}

/** The values in ascending code unit order. */
export function sorted(values: readonly string[]): string[] {
  return [...values].sort();
}

/**
 * Does `step`, which must be done within `budgetMs` to mean anything (a lease is running). Where a real clock was too
 * slow, it is done again, at most twice: a slow machine is no broken promise.
 */
export async function punctually(context: TestContext, budgetMs: number, step: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const startedMs = performance.now();
    try {
      return await step();
    } catch (error) {
      const wasLate = context.clock === 'real' && performance.now() - startedMs >= budgetMs;
      if (!wasLate || attempt === 3) throw error;
    }
  }
}
