/**
 * A producer that is ten times as fast as its consumer, through a socket: many connections send as fast as they are
 * answered, and one message is taken for every ten that were sent, so the topic is full almost at once.
 *
 *     32 connections --> POST, timeoutMs 5 --> [ topic, bounded ] --> receive 1 and ack, at every tenth answer
 *                    <-- 200, or 429 ---
 *
 * The pace is counted, not timed: it is the same on a slow machine. For `pressure.test.ts` and `pressure.long.ts`.
 */
import assert from 'node:assert/strict';
import { ask, type OpenDoor } from './doors.ts';

export const CONNECTIONS_COUNT = 32;
const SENDS_PER_RECEIVE = 10;
/** How long a send waits for room: long enough to wait, too short for its turn to come. */
const SEND_TIMEOUT_MS = 5;
const TOPIC = 'pressed';
const DRAIN_COUNT = 100;

export interface PressureOptions {
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly bodyBytes: number;
  /** Asked before each send, with the number of those before it. */
  readonly goesOn: (attemptedCount: number) => boolean;
  /** Called at every hundredth answer. */
  readonly onHundred?: () => void;
}

export interface PressureReport {
  readonly attemptedCount: number;
  /** Numbers of the messages that were answered 200. */
  readonly accepted: ReadonlySet<number>;
  /** Answers of each other kind, such as `429 MQ_QUEUE_FULL`. */
  readonly refusals: ReadonlyMap<string, number>;
  /** How many 429 said when to come back. */
  readonly retryAfterCount: number;
  /** Received under load and in the drain afterwards, in the order of the topic. */
  readonly received: readonly number[];
  /** Received before the load ended. */
  readonly receivedUnderLoadCount: number;
  /** The most the topic ever held, as far as it was asked, at every hundredth answer. */
  readonly heldCountMax: number;
  readonly heldBytesMax: number;
  readonly waiterCountMax: number;
}

export async function press(door: OpenDoor, options: PressureOptions): Promise<PressureReport> {
  const { messagesMax, bytesMax } = options;
  await door.broker.createTopic(TOPIC, { messagesMax, bytesMax });
  await door.broker.createGroup(TOPIC, 'default');
  const pressure = new Pressure(door, options);
  await Promise.all(Array.from({ length: CONNECTIONS_COUNT }, () => pressure.sendAll()));
  return pressure.end();
}

class Pressure {
  readonly #door: OpenDoor;
  readonly #options: PressureOptions;
  readonly #filling: string;
  readonly #accepted = new Set<number>();
  readonly #refusals = new Map<string, number>();
  readonly #received: { readonly offset: number; readonly number: number }[] = [];
  #attemptedCount = 0;
  #answeredCount = 0;
  #retryAfterCount = 0;
  #heldCountMax = 0;
  #heldBytesMax = 0;
  #waiterCountMax = 0;

  constructor(door: OpenDoor, options: PressureOptions) {
    this.#door = door;
    this.#options = options;
    this.#filling = '.'.repeat(options.bodyBytes);
  }

  /** One connection. */
  async sendAll(): Promise<void> {
    while (this.#options.goesOn(this.#attemptedCount)) {
      const number = this.#attemptedCount;
      this.#attemptedCount += 1;
      await this.#send(number);
      this.#answeredCount += 1;
      if (this.#answeredCount % SENDS_PER_RECEIVE === 0) await this.#receive(1);
      if (this.#answeredCount % 100 === 0) await this.#look();
    }
  }

  async end(): Promise<PressureReport> {
    const receivedUnderLoadCount = this.#received.length;
    while ((await this.#receive(DRAIN_COUNT)) > 0);
    return {
      attemptedCount: this.#attemptedCount,
      accepted: this.#accepted,
      refusals: this.#refusals,
      retryAfterCount: this.#retryAfterCount,
      received: this.#received.toSorted((a, b) => a.offset - b.offset).map(({ number }) => number),
      receivedUnderLoadCount,
      heldCountMax: this.#heldCountMax,
      heldBytesMax: this.#heldBytesMax,
      waiterCountMax: this.#waiterCountMax,
    };
  }

  async #send(number: number): Promise<void> {
    const url = `${this.#door.url}/topics/${TOPIC}/messages?timeoutMs=${SEND_TIMEOUT_MS}`;
    const { status, headers, body } = await ask(url, { body: { body: `${number} ${this.#filling}` } });
    if (status === 200) {
      this.#accepted.add(number);
      return;
    }
    const kind = `${status} ${body.code}`;
    this.#refusals.set(kind, (this.#refusals.get(kind) ?? 0) + 1);
    if (headers['retry-after'] !== undefined) this.#retryAfterCount += 1;
  }

  /** Through the socket too; how many came. */
  async #receive(max: number): Promise<number> {
    const deliveriesUrl = `${this.#door.url}/topics/${TOPIC}/deliveries`;
    const { body } = await ask(deliveriesUrl, { body: { max, bytesMax: this.#options.bytesMax } });
    const deliveries = body.deliveries as { offset: number; memberId: string; leaseToken: string; body: string }[];
    for (const delivery of deliveries) {
      this.#received.push({ offset: delivery.offset, number: Number.parseInt(delivery.body, 10) });
    }
    const refs = deliveries.map(({ offset, memberId, leaseToken }) => ({ offset, memberId, leaseToken }));
    const acked = await ask(`${deliveriesUrl}/ack`, { body: { deliveries: refs } });
    assert.equal(acked.status, 204);
    return deliveries.length;
  }

  async #look(): Promise<void> {
    const [topic] = await this.#door.broker.describeTopics({ topic: TOPIC });
    assert.ok(topic !== undefined);
    const heldCount = (topic.logEndOffset ?? 0) - (topic.logStartOffset ?? 0);
    this.#heldCountMax = Math.max(this.#heldCountMax, heldCount);
    this.#heldBytesMax = Math.max(this.#heldBytesMax, topic.bytes);
    this.#waiterCountMax = Math.max(this.#waiterCountMax, topic.waiterCount);
    this.#options.onHundred?.();
  }
}
