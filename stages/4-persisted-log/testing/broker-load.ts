/**
 * Load on a broker that tells what it is about to do and what it was answered: senders, workers that ack, fail, reject, redrive
 * and forget, a reader that commits; all at once, until told to stop.
 *
 *     'sending' ids  ->  broker.send  ->  'sent' ids, offsets          a deed may have happened once it was begun, and
 *     'acking' ids   ->  broker.ack   ->  'acked' ids                  must have happened once it was answered
 *
 * Always true: a deed is plain JSON, so it can be told over a pipe by a process that is about to die; ids ascend per sender
 * and partition; the body follows from the id.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { deadLetterTopicOf, type Message } from '../../../shared/contract/message.ts';
import type { Random } from '../../../shared/random.ts';

/** Something that was begun or answered. */
export type Deed =
  | { readonly kind: 'sending'; readonly topic: string; readonly ids: readonly string[] }
  | { readonly kind: 'sent'; readonly topic: string; readonly ids: readonly string[]; readonly at: Place | null }
  | {
      readonly kind: 'acking' | 'acked' | 'rejecting' | 'rejected' | 'redriving' | 'redriven';
      readonly topic: string;
      readonly ids: readonly string[];
    }
  | { readonly kind: 'committing'; readonly topic: string; readonly at: Place }
  | { readonly kind: 'committed'; readonly topic: string; readonly at: Place };

/** Of the first record, or of a position. */
export interface Place {
  readonly partition: number;
  readonly offset: number;
}

export interface LoadOptions {
  readonly random: Random;
  readonly tell: (deed: Deed) => void;
  /** Part of every id, so that two loads on one folder have different ones. */
  readonly run: string;
  readonly senderCount: number;
  readonly workerCount: number;
  /** Asked before each operation. */
  readonly goesOn: () => boolean;
  /** How long a receive or fetch waits for something. */
  readonly waitMs: number;
  readonly leaseMs: number;
}

/** `kept` keeps every record; of `passing`, what all groups have finished goes at once. */
export const TOPICS = Object.freeze(['kept', 'passing'] as const);
export const PARTITION_COUNT = 2;
export const WORKERS = 'workers';
export const READERS = 'readers';
/** Of a delayed message. */
export const DELAY_MS_MAX = 200;
const BODY_BYTES_MAX = 400;
const BATCH_RECORDS_MAX = 6;

export async function prepare(broker: Broker): Promise<void> {
  for (const topic of TOPICS) {
    await broker.createTopic(topic, { partitionCount: PARTITION_COUNT, deleteFinished: topic === 'passing' });
    await broker.createGroup(topic, WORKERS, { deliveriesMax: 0 });
    await broker.createGroup(topic, READERS);
  }
}

/** Ends when every operation that was begun was answered. A refusal is an answer; `MQ_CLOSED` ends the load. */
export async function runLoad(broker: Broker, options: LoadOptions): Promise<void> {
  const actors: Promise<void>[] = [];
  for (const topic of TOPICS) {
    for (let number = 0; number < options.senderCount; number += 1) {
      const sender = new Sender(broker, topic, { ...options, run: `${options.run}-${number}` });
      actors.push(repeat(options, () => sender.step()));
    }
    for (let number = 0; number < options.workerCount; number += 1) {
      actors.push(repeat(options, () => work(broker, topic, options)));
    }
    actors.push(repeat(options, () => read(broker, topic, options)));
  }
  await Promise.all(actors);
}

async function repeat({ goesOn }: LoadOptions, step: () => Promise<void>): Promise<void> {
  while (goesOn()) {
    try {
      await step();
    } catch (error) {
      if (isMqError(error, 'MQ_CLOSED')) return;
      if (!isMqError(error)) throw error;
    }
  }
}

class Sender {
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #options: LoadOptions;
  #sentCount = 0;

  constructor(broker: Broker, topic: string, options: LoadOptions) {
    this.#broker = broker;
    this.#topic = topic;
    this.#options = options;
  }

  async step(): Promise<void> {
    const kind = this.#options.random.below(8);
    if (kind === 0) return await this.#sendDelayed();
    if (kind < 3) return await this.#sendBatch();
    await this.#sendOne();
  }

  async #sendOne(): Promise<void> {
    const partition = this.#options.random.below(PARTITION_COUNT);
    const id = this.#begin();
    const receipt = await this.#broker.send(this.#topic, messageOf(id), { partition });
    this.#end([id], { partition: receipt.partition, offset: receipt.offset ?? -1 });
  }

  async #sendBatch(): Promise<void> {
    const partition = this.#options.random.below(PARTITION_COUNT);
    const ids = Array.from({ length: 1 + this.#options.random.below(BATCH_RECORDS_MAX) }, () => this.#begin());
    const receipt = await this.#broker.sendBatch(this.#topic, ids.map(messageOf), { partition });
    this.#end(ids, { partition: receipt.partition, offset: receipt.baseOffset ?? -1 });
  }

  /** Its place among others is the one of when it is due, so its id is of another row. */
  async #sendDelayed(): Promise<void> {
    const id = this.#begin('delayed');
    await this.#broker.send(this.#topic, { ...messageOf(id), delayMs: 1 + this.#options.random.below(DELAY_MS_MAX) });
    this.#end([id], null);
  }

  #begin(row = 'now'): string {
    this.#sentCount += 1;
    const id = `${row}/${this.#options.run}/${String(this.#sentCount).padStart(8, '0')}`;
    this.#options.tell({ kind: 'sending', topic: this.#topic, ids: [id] });
    return id;
  }

  #end(ids: readonly string[], at: Place | null): void {
    this.#options.tell({ kind: 'sent', topic: this.#topic, ids, at });
  }
}

async function work(broker: Broker, topic: string, options: LoadOptions): Promise<void> {
  const { random, waitMs, leaseMs, tell } = options;
  const deliveries = await broker.receive(topic, { group: WORKERS, max: 8, waitMs, leaseMs });
  const [first] = deliveries;
  const kind = random.below(8);
  if (kind === 7) await redriveSome(broker, topic, options);
  if (first === undefined) return;
  if (kind === 0) await broker.nack(first, { outcome: 'retry', delayMs: random.below(3) });
  else if (kind === 1) await broker.nack(first, { outcome: 'return' });
  else if (kind < 4) {
    tell({ kind: 'rejecting', topic, ids: [first.id] });
    await broker.nack(first, { outcome: 'reject', reason: 'no good' });
    tell({ kind: 'rejected', topic, ids: [first.id] });
  }
  // Of the rest some are forgotten: their leases end by themselves.
  const done = deliveries.filter((delivery) => delivery !== first || kind > 3).filter(() => random.below(8) > 0);
  const ids = done.map((delivery) => delivery.id);
  if (ids.length === 0) return;
  tell({ kind: 'acking', topic, ids });
  await broker.ack(done);
  tell({ kind: 'acked', topic, ids });
}

/** Dead letters go back to the group, two at a time. */
async function redriveSome(broker: Broker, topic: string, { tell }: LoadOptions): Promise<void> {
  const dead = deadLetterTopicOf(topic, WORKERS);
  const [description] = (await broker.describeTopics()).filter((each) => each.topic === dead);
  if (description === undefined) return;
  const { records } = await broker.fetch(dead, { offset: description.logStartOffset, max: 2 });
  const ids = records.map((record) => record.id);
  if (ids.length === 0) return;
  tell({ kind: 'redriving', topic, ids });
  await broker.redrive(topic, { group: WORKERS, ids });
  tell({ kind: 'redriven', topic, ids });
}

async function read(broker: Broker, topic: string, options: LoadOptions): Promise<void> {
  const partition = options.random.below(PARTITION_COUNT);
  const offset = await broker.committed(topic, { group: READERS, partition });
  const { nextOffset } = await broker.fetch(topic, { partition, offset, max: 20, waitMs: options.waitMs });
  const at = { partition, offset: nextOffset };
  options.tell({ kind: 'committing', topic, at });
  await broker.commit(topic, { group: READERS, partition, offset: nextOffset });
  options.tell({ kind: 'committed', topic, at });
}

function messageOf(id: string): Message {
  return { id, body: bodyOf(id) };
}

/** Bytes that follow from the id. */
export function bodyOf(id: string): Buffer {
  return Buffer.alloc((Number(id.slice(-8)) * 7919) % BODY_BYTES_MAX, `${id}.`);
}
