/**
 * Which lane a send of one topic goes into: those that must stay in order share one, and a batch has one partition.
 *
 *     1 partition       everything                        lane of the topic
 *     n partitions      a key                             lane of the partition crc32c(key) % n, which is then asked for
 *                       no key                            lane of the topic; the broker takes partitions in turn
 *                       no key, and calls are numbered    lanes of the partitions in turn, a batch in each
 *     any               a partition the caller chose      lane of that partition
 *
 * Always true: sends that share a lane, and those with one key, leave in the order in which they came, also those that had
 * to wait until the number of partitions was known. It is asked for once a topic, and again after the broker refused
 * what was made of it. Owned by Producer.
 */

import type { Broker } from '../contract/broker.ts';
import { type ErrorCode, isMqError } from '../contract/errors.ts';
import { crc32cOfText } from '../crc32c.ts';
import type { NumberedCalls } from './numbered-calls.ts';
import { type LaneOptions, SendLane } from './send-lane.ts';

/** What decides about the lane. */
export interface Place {
  readonly key: string | undefined;
  /** What the caller chose. */
  readonly partition: number | undefined;
}

export interface TopicLanesOptions {
  readonly topic: string;
  readonly broker: Broker;
  readonly lane: LaneOptions;
  readonly retry: <T>(call: () => Promise<T>) => Promise<T>;
  /** Numbers the calls of a lane; undefined: they are not. */
  readonly newNumbers: (() => NumberedCalls) | undefined;
}

/** A send whose lane is not known yet. */
interface Unsorted {
  readonly place: Place;
  readonly enter: (lane: SendLane) => void;
  readonly refuse: (error: unknown) => void;
  /** Settles when it has been at the broker. */
  readonly whenOver: () => Promise<unknown>;
}

/** The topic does not exist, or has not the partitions it had. */
const OUTDATED: ReadonlySet<ErrorCode> = new Set(['MQ_UNKNOWN_TOPIC', 'MQ_INVALID_ARGUMENT']);

export class TopicLanes {
  readonly #options: TopicLanesOptions;
  readonly #lanes = new Map<number | undefined, SendLane>();
  /** They outlive their lanes, which are forgotten when they are empty. */
  readonly #numbers = new Map<number | undefined, NumberedCalls>();
  /** The partition whose turn it is to get what has no key. */
  #turn = 0;
  /** undefined: not known. */
  #partitionCount: number | undefined;
  /** Oldest first; non-empty only while the number of partitions is asked for. */
  readonly #unsorted: Unsorted[] = [];
  #isAsking = false;
  /** What waits to be sorted shall not wait in its lane. */
  #isHurried = false;

  constructor(options: TopicLanesOptions) {
    this.#options = options;
    if (!options.broker.capabilities.has('partitions')) this.#partitionCount = 1;
  }

  get isEmpty(): boolean {
    return this.#lanes.size === 0 && this.#unsorted.length === 0;
  }

  /** The lane of a send, unless it has to be found out. */
  laneOf({ key, partition }: Place): SendLane | undefined {
    if (this.#unsorted.length > 0) return undefined;
    const count = this.#partitionCount;
    if (partition !== undefined) return this.#lane(count === 1 && partition === 0 ? undefined : partition);
    if (count === 1) return this.#lane(undefined);
    if (typeof key === 'string') return count === undefined ? undefined : this.#lane(crc32cOfText(key) % count);
    if (this.#options.newNumbers === undefined) return this.#lane(undefined);
    return count === undefined ? undefined : this.#laneInTurn(count);
  }

  /** Brings the send into its lane when that is known. */
  sort(unsorted: Unsorted): void {
    this.#unsorted.push(unsorted);
    if (this.#isAsking) return;
    this.#isAsking = true;
    void this.#ask();
  }

  /** The broker answered this to a departure. */
  onRefused(error: unknown): void {
    const isChosenHere = this.#options.broker.capabilities.has('partitions');
    if (isChosenHere && isMqError(error) && OUTDATED.has(error.code)) this.#partitionCount = undefined;
  }

  /** Every batch that is open waits no longer. */
  hurry(): void {
    this.#isHurried = this.#unsorted.length > 0;
    for (const lane of this.#lanes.values()) lane.hurry();
  }

  forget(lane: SendLane): void {
    this.#lanes.delete(lane.partition);
  }

  /** Every lane; what has none yet is refused with `error`. */
  giveUp(error: unknown): Iterable<SendLane> {
    for (const { refuse } of this.#unsorted.splice(0)) refuse(error);
    return this.#lanes.values();
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    while (this.#unsorted.length > 0) {
      try {
        this.#partitionCount = await this.#describedCount();
        // There is no such topic: sent alone, the first one makes it, or is told so.
        if (this.#partitionCount === undefined) await this.#sendFirst();
        else this.#sortAll();
      } catch (error) {
        for (const { refuse } of this.#unsorted.splice(0)) refuse(error);
      }
    }
    this.#isAsking = false;
  }

  async #sendFirst(): Promise<void> {
    const first = this.#unsorted.shift();
    if (first === undefined) return;
    const lane = this.#lane(undefined);
    first.enter(lane);
    lane.hurry();
    await first.whenOver();
  }

  #sortAll(): void {
    for (const { place, enter } of this.#unsorted.splice(0)) enter(this.laneOf(place) ?? this.#lane(undefined));
    if (this.#isHurried) this.hurry();
    this.#isHurried = false;
  }

  /** undefined: there is no such topic. */
  async #describedCount(): Promise<number | undefined> {
    const { broker, topic, retry } = this.#options;
    try {
      const [description] = await retry(() => broker.describeTopics({ topic }));
      return description?.partitionCount ?? 1;
    } catch (error) {
      if (isMqError(error, 'MQ_UNKNOWN_TOPIC')) return undefined;
      // A batch over several partitions is refused for what is in it, and taken apart: that always comes to an end.
      if (isMqError(error) && !error.isRetriable && error.code !== 'MQ_ABORTED') return 1;
      throw error;
    }
  }

  #laneInTurn(count: number): SendLane {
    if (this.#lanes.get(this.#turn)?.isGathering !== true) this.#turn = (this.#turn + 1) % count;
    return this.#lane(this.#turn);
  }

  #lane(partition: number | undefined): SendLane {
    const known = this.#lanes.get(partition);
    if (known !== undefined) return known;
    const numbers = this.#numbersOf(partition);
    const lane = new SendLane({ topic: this.#options.topic, partition, numbers }, this.#options.lane);
    this.#lanes.set(partition, lane);
    return lane;
  }

  #numbersOf(partition: number | undefined): NumberedCalls | undefined {
    const numbers = this.#numbers.get(partition) ?? this.#options.newNumbers?.();
    if (numbers !== undefined) this.#numbers.set(partition, numbers);
    return numbers;
  }
}
