/**
 * The sends that must stay in order, on their way to the broker: of one topic, and of one partition where it has several.
 *
 *     add --> [ open batch ] --full, due, or nothing under way--> [ closed ] --take--> at the broker
 *     sends of their own, behind what came before them ----------^
 *
 * Always true: what is taken leaves in the order in which it was added. A batch that is not full waits, with `lingerMs` 0,
 * until nothing of the lane is under way, so that a lonely message goes at once and a busy lane fills its batches by
 * itself; else until `lingerMs` after its first message. Owned by TopicLanes, taken from by SendDesk.
 */
import type { Clock, Timer } from '../clock.ts';
import type { Receipt } from '../contract/message.ts';
import { MessageBatch } from './message-batch.ts';
import type { NumberedCalls } from './numbered-calls.ts';
import type { SentCopy } from './sent-copy.ts';
import type { Round } from './tally.ts';

/** A send of its own, not to be put into a batch with others: what it is told when its turn has come. */
export interface OwnTurn {
  readonly count: number;
  readonly bytes: number;
  /** Resolves when the turn is over; never rejects. */
  readonly begin: (lane: SendLane) => Promise<void>;
  /** The turn will never come. */
  readonly refuse: (error: unknown) => void;
}

/** What goes to the broker in one call. */
export type Departure = MessageBatch | OwnTurn;

/** Bounds of a batch, and how long it waits for more. */
export interface LaneOptions {
  readonly clock: Clock;
  readonly lingerMs: number;
  readonly batchCountMax: number;
  readonly batchBytesMax: number;
  /** Departures that may be under way at a time. */
  readonly underWayMax: number;
  /** Something may be taken that could not before, and not because of `add`. */
  readonly onReady: (lane: SendLane) => void;
}

/** What a lane is for. */
export interface LanePlace {
  readonly topic: string;
  /** undefined: the broker chooses. */
  readonly partition: number | undefined;
  /** undefined: calls are not numbered. */
  readonly numbers: NumberedCalls | undefined;
}

export class SendLane implements LanePlace {
  readonly topic: string;
  readonly partition: number | undefined;
  readonly numbers: NumberedCalls | undefined;
  readonly #options: LaneOptions;
  /** Oldest first; all of them before the open one. */
  readonly #closed = new Set<Departure>();
  #open: MessageBatch | undefined;
  /** The open batch waits for nothing more. */
  #isDue = false;
  #linger: Timer | undefined;
  #underWayCount = 0;

  constructor({ topic, partition, numbers }: LanePlace, options: LaneOptions) {
    this.topic = topic;
    this.partition = partition;
    this.numbers = numbers;
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#closed.size === 0 && this.#open === undefined && this.#underWayCount === 0;
  }

  get isReady(): boolean {
    return !this.#isBusy && (this.#closed.size > 0 || (this.#open !== undefined && this.#mayGo));
  }

  /** A message more would share a batch with others. */
  get isGathering(): boolean {
    return this.#open !== undefined;
  }

  /** Batches and sends of their own that gather no more. */
  get closedCount(): number {
    return this.#closed.size;
  }

  /** Into the open batch, which that may close. */
  add(message: SentCopy, how: { readonly round: Round; readonly bytes: number }): Promise<Receipt> {
    const { batchCountMax, batchBytesMax } = this.#options;
    const { bytes } = how;
    if (this.#open !== undefined && this.#open.bytes + bytes > batchBytesMax) this.#closeOpen();
    this.#open ??= this.#begin();
    const receipt = this.#open.add(message, how);
    if (this.#open.count >= batchCountMax || this.#open.bytes >= batchBytesMax) this.#closeOpen();
    return receipt;
  }

  /** Behind all that was added before. */
  addOwn(turn: OwnTurn): void {
    if (this.#open !== undefined) this.#closeOpen();
    this.#closed.add(turn);
  }

  /** Its caller has gone. False when the turn has come already. */
  remove(turn: OwnTurn): boolean {
    return this.#closed.delete(turn);
  }

  /** The open batch waits no longer. */
  hurry(): void {
    if (this.#open === undefined) return;
    this.#isDue = true;
    this.#options.onReady(this);
  }

  /** What may go now, which is under way from now on. */
  take(): Departure | undefined {
    if (this.#isBusy) return undefined;
    if (this.#closed.size === 0 && this.#open !== undefined && this.#mayGo) this.#closeOpen();
    const [departure] = this.#closed;
    if (departure === undefined) return undefined;
    this.#closed.delete(departure);
    this.#underWayCount += 1;
    return departure;
  }

  /** What was taken is not under way any more. */
  arrived(): void {
    this.#underWayCount -= 1;
  }

  /** Everything that was not taken. */
  empty(): Departure[] {
    if (this.#open !== undefined) this.#closeOpen();
    const left = [...this.#closed];
    this.#closed.clear();
    return left;
  }

  get #isBusy(): boolean {
    return this.#underWayCount >= this.#options.underWayMax;
  }

  get #mayGo(): boolean {
    return this.#isDue || (this.#options.lingerMs === 0 && this.#underWayCount === 0);
  }

  #begin(): MessageBatch {
    const { clock, lingerMs } = this.#options;
    if (lingerMs > 0) {
      this.#linger = clock.setTimer(() => {
        this.#linger = undefined;
        this.hurry();
      }, lingerMs);
    }
    return new MessageBatch();
  }

  #closeOpen(): void {
    if (this.#open !== undefined) this.#closed.add(this.#open);
    this.#open = undefined;
    this.#isDue = false;
    this.#linger?.cancel();
    this.#linger = undefined;
  }
}
