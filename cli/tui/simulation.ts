/**
 * One stage at work: its real broker, the producers and readers that use it, and what was seen of all of them.
 *
 *     producers --send--> broker (any stage)     --receive / fetch--> consumers, log readers
 *          \                  | inspect, describeTopics                   /
 *           \-- observer -----+---- sample() 20 times a second ----------/ --> SimulationView --> screen
 *
 * Always true: everything lives on one PausableClock, so a pause freezes all of it; a view is never changed, only
 * replaced; nothing in a view is made up: it is what the broker or an actor reported.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import type { Overflow, TopicDescription } from '../../shared/contract/description.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { HalfView, Inside } from '../../shared/contract/inside.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { leaseMsOf, type Observer, offsetsText, type Reader, type ReaderView } from './actor.ts';
import { AgainWatch } from './again-watch.ts';
import { Cast } from './cast.ts';
import { CrashWatch } from './crash-watch.ts';
import { EventLog, type EventTone, type ScreenEvent } from './event-log.ts';
import type { Killable, ProcessView } from './killable.ts';
import { LossWatch } from './loss-watch.ts';
import { Measurements, type MeasurementsView } from './measurements.ts';
import type { MessageKey, ValuesOf } from './messages.ts';
import { secondsText } from './numbers.ts';
import type { PausableClock } from './pausable-clock.ts';
import type { Producer, ProducerView } from './producer.ts';
import { LEDGER } from './producer-transaction.ts';
import { RoomWatch } from './room-watch.ts';
import { type PromisesView, Survival } from './survival.ts';
import { TransactionWatch } from './transaction-watch.ts';

export const TOPIC = 'orders';
/** Few enough that students see the queue fill and the ring wrap. */
const QUEUE_CAPACITY = 10;
const RING_SLOTS = 24;
/** Several files of the log, of which the first ones go while one looks on. */
const LOG_RECORDS = 240;
/** Held records, and as many that were overwritten. */
const CELLS_MAX = 2 * RING_SLOTS;
const OVERFLOWS: readonly Overflow[] = ['wait', 'reject', 'drop-oldest'];

/** What the screen is told 20 times a second. */
export interface SimulationView {
  readonly atMs: number;
  readonly isPaused: boolean;
  readonly overflow: Overflow;
  readonly hasLeases: boolean;
  readonly producers: readonly ProducerView[];
  readonly readers: readonly ReaderView[];
  /** Undefined until the first sample. */
  readonly inside: Inside | undefined;
  readonly description: TopicDescription | undefined;
  readonly events: readonly ScreenEvent[];
  readonly measurements: MeasurementsView;
  /** Where the broker is a process of its own. */
  readonly process: ProcessView | undefined;
  /** What was acknowledged, and what of it a kill left. */
  readonly promises: PromisesView;
}

export interface SimulationOptions {
  readonly broker: Broker;
  readonly clock: PausableClock;
  readonly overflow?: Overflow;
  /** Where the broker is a process of its own. */
  readonly child?: Killable;
}

export class Simulation implements Observer {
  readonly #broker: Broker;
  readonly #clock: PausableClock;
  readonly #overflow: Overflow;
  /** Who works at the broker. */
  readonly cast: Cast;
  readonly #log = new EventLog();
  readonly #watch = new CrashWatch();
  readonly #again = new AgainWatch();
  readonly #losses = new LossWatch();
  readonly #room = new RoomWatch();
  readonly #survival = new Survival();
  readonly #transactions = new TransactionWatch();
  readonly #child: Killable | undefined;
  readonly #startedAtMs: number;
  readonly #measurements: Measurements;
  #inside: Inside | undefined;
  #description: TopicDescription | undefined;

  constructor(options: SimulationOptions) {
    this.#broker = options.broker;
    this.#clock = options.clock;
    this.#overflow = options.overflow ?? 'wait';
    this.#child = options.child;
    this.cast = new Cast({ broker: options.broker, clock: options.clock, topic: TOPIC, observer: this });
    const nowMs = options.clock.monotonicMs();
    this.#startedAtMs = nowMs;
    this.#measurements = new Measurements(nowMs);
  }

  /** Creates the topic and sets the first actors to work. May be repeated when it was refused. */
  async start(): Promise<void> {
    const ringOrLog = this.hasLog ? LOG_RECORDS : RING_SLOTS;
    const messagesMax = this.hasGroups ? ringOrLog : QUEUE_CAPACITY;
    await this.#broker.createTopic(TOPIC, { messagesMax, overflow: this.#overflow });
    if (this.hasTransactions)
      await this.#broker.createTopic(LEDGER, { messagesMax: LOG_RECORDS, overflow: 'drop-oldest' });
    this.cast.enter();
  }

  /** What has to be there after a kill. */
  get survival(): Survival {
    return this.#survival;
  }

  get hasGroups(): boolean {
    return this.#broker.capabilities.has('groups');
  }

  get hasLog(): boolean {
    return this.#broker.capabilities.has('durable');
  }

  get hasTransactions(): boolean {
    return this.#broker.capabilities.has('transactions');
  }

  get producers(): readonly Producer[] {
    return this.cast.producers;
  }

  get readers(): readonly Reader[] {
    return this.cast.readers;
  }

  get nextOverflow(): Overflow {
    return OVERFLOWS[(OVERFLOWS.indexOf(this.#overflow) + 1) % OVERFLOWS.length] ?? 'wait';
  }

  /** The half message that is asked about next. */
  get nextHalf(): HalfView | undefined {
    return this.#inside?.kind === 'log' ? this.#inside.halves?.[0] : undefined;
  }

  onSent(sent: Parameters<Observer['onSent']>[0]): void {
    this.#measurements.sent({ ...sent, nowMs: this.#clock.monotonicMs() });
    this.#survival.acknowledged(sent.receipt);
  }

  onUnanswered(id: string): void {
    this.#survival.unanswered(id);
  }

  onAborted(ids: readonly string[]): void {
    for (const id of ids) this.#survival.aborted(id);
  }

  onDelivered(delivery: Delivery, by: string): void {
    const nowMs = this.#clock.monotonicMs();
    this.#measurements.received(nowMs);
    this.#again.delivered({ delivery, by, back: this.#watch.delivered(delivery, nowMs) });
    this.#survival.delivered(delivery);
    const offset = delivery.offset ?? '?';
    if (this.#survival.isAborted(delivery.id)) this.tell('bad', 'event.abortedSeen', { offset, who: by });
    if (!this.#survival.isFinished(delivery.group, delivery.id)) return;
    this.tell('bad', 'event.ackForgotten', { offset, group: delivery.group });
  }

  onFinished({ id, group }: Parameters<Observer['onFinished']>[0]): void {
    this.#measurements.finished(id, this.#clock.monotonicMs());
    if (group !== undefined) this.#survival.finished(group, id);
  }

  onCrashed(by: string, held: readonly Delivery[]): void {
    if (held.length === 0) this.tell('bad', 'event.crashedIdle', { who: by });
    else this.tell('bad', 'event.crashed', { who: by, offsets: offsetsText(held) });
    this.#watch.crashed(by, held, this.#clock.monotonicMs());
  }

  tell<Key extends MessageKey>(tone: EventTone, key: Key, values: ValuesOf<Key>): void {
    this.#log.add({ atMs: this.#clock.monotonicMs() - this.#startedAtMs, tone, key, values });
  }

  /** Brings back what died for the group of `reader`. */
  async redrive({ group }: Reader): Promise<void> {
    const count = await this.#broker.redrive(TOPIC, { group });
    this.tell('plain', 'event.redriven', { count, group });
  }

  /** Looks into the broker. Resolves when the next `view` is up to date; of a broker that is gone the last is kept. */
  async sample(): Promise<void> {
    if (!this.#isThere) return;
    try {
      await this.#look();
    } catch (error) {
      // It went while we looked.
      if (this.#isThere || !isMqError(error, 'MQ_CONNECTION_LOST')) throw error;
    }
  }

  async #look(): Promise<void> {
    const [inside, [description]] = await Promise.all([
      this.#broker.inspect?.(TOPIC, { max: CELLS_MAX }),
      this.#broker.describeTopics({ topic: TOPIC }),
    ]);
    const nowMs = this.#clock.monotonicMs();
    this.#inside = inside;
    this.#description = description;
    this.#measurements.sample(description, nowMs);
    this.#again.tellTo(this);
    this.#losses.tellTo(this, { description, nowMs });
    if (inside === undefined) return;
    if (inside.kind === 'log') this.#transactions.sample(this, inside);
    this.#room.sample(this, { waitingSendsCount: inside.waitingSendsCount, nowMs });
    // A little longer than the lease, so that a message on its way back is not called gone.
    for (const { holder, offsets, afterMs } of this.#watch.gone(inside, {
      nowMs,
      afterMs: leaseMsOf(this.#broker) + 500,
    })) {
      this.tell('bad', 'event.gone', { offsets: offsetsText(offsets), holder, after: secondsText(afterMs) });
    }
  }

  get view(): SimulationView {
    const nowMs = this.#clock.monotonicMs();
    return {
      atMs: nowMs - this.#startedAtMs,
      isPaused: this.#clock.isPaused,
      overflow: this.#overflow,
      hasLeases: this.#broker.capabilities.has('lease'),
      producers: this.producers.map(({ view }) => view),
      readers: this.readers.map(({ view }) => view),
      inside: this.#inside,
      description: this.#description,
      events: this.#log.events,
      measurements: this.#measurements.view(nowMs),
      process: this.#child?.view,
      promises: this.#survival.view,
    };
  }

  /** All actors stop and the topics are deleted: the next simulation may begin. May be repeated. */
  async abandon(): Promise<void> {
    this.close();
    for (const topic of this.hasTransactions ? [TOPIC, LEDGER] : [TOPIC]) {
      try {
        await this.#broker.deleteTopic(topic);
      } catch (error) {
        if (!isMqError(error, 'MQ_UNKNOWN_TOPIC')) throw error;
      }
    }
  }

  /** All actors stop; the broker is its owner's to close. */
  close(): void {
    this.cast.close();
  }

  get #isThere(): boolean {
    return (this.#child?.view.state ?? 'running') === 'running';
  }
}
