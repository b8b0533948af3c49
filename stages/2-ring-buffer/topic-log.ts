/**
 * One topic of stage 2: the ring, the desks of the groups that read it, and those who wait for room or for records.
 *
 *     sends wait here       [ ring of records ]        fetches wait here (at the end of the log)
 *     for room        -->      |    |    |
 *                           desk  desk  desk           one per group; receives wait there
 *
 * Always true (the README explains each):
 *   I3   timestamps never decrease with the offset, also when the wall clock is set back
 *   I13  a send waits only while the first send of the line does not fit, and nobody overtakes it
 *   I14  a fetch waits only at logEndOffset
 * Only the spine uses it.
 */
import type { FetchResult } from '../../shared/contract/broker.ts';
import type { GroupOptions, SeekTarget, TopicOptions } from '../../shared/contract/description.ts';
import { MqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { type CheckedMessage, quote } from '../../shared/contract/validation.ts';
import { WaiterLine, waitersError } from '../1-blocking-queue/waiter-line.ts';
import { packBodies } from './body-pack.ts';
import { GroupDesk, type HeldRecord, type ReceiveWant, type TopicSettings, type WaitForRecords } from './group-desk.ts';
import { type IncomingBatch, weightOf } from './incoming-batch.ts';
import { GROUP_DEFAULTS, isSameGroupOptions } from './reading-options.ts';
import { outOfRangeError } from './refusals.ts';
import { RingBuffer, type RoomRequest } from './ring-buffer.ts';
import { RoomMaker } from './room-maker.ts';

/** Options of a topic whose creator does not say. */
export const TOPIC_DEFAULTS = Object.freeze({
  messagesMax: 65_536,
  bytesMax: 64 * 1024 * 1024,
  overflow: 'wait',
} as const satisfies TopicOptions);

type Writable<T> = { -readonly [Member in keyof T]: T[Member] };

export interface FetchWant {
  readonly offset: number;
  readonly max: number;
  readonly bytesMax: number;
}

export interface WaitForRoomOptions {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

export interface TopicLogOptions {
  readonly name: string;
  /** As `checkTopicOptions` made them. */
  readonly options: TopicOptions;
  readonly settings: TopicSettings;
}

export class TopicLog {
  readonly name: string;
  readonly options: TopicOptions;
  readonly ring: RingBuffer<HeldRecord>;
  readonly desks = new Map<string, GroupDesk>();
  /** I13 */
  readonly sends: WaiterLine<IncomingBatch, number>;
  /** I14 */
  readonly fetches: WaiterLine<FetchWant, FetchResult>;
  /** I15 */
  readonly room: RoomMaker;
  readonly #settings: TopicSettings;
  /** I3 */
  #lastTimestamp = 0;

  constructor({ name, options, settings }: TopicLogOptions) {
    this.#settings = settings;
    this.name = name;
    this.options = options;
    this.ring = new RingBuffer({
      slotCount: options.messagesMax ?? TOPIC_DEFAULTS.messagesMax,
      bytesMax: options.bytesMax ?? TOPIC_DEFAULTS.bytesMax,
    });
    this.room = new RoomMaker({ ring: this.ring, desks: this.desks, overflow: options.overflow });
    const { clock, limits } = settings;
    this.sends = new WaiterLine({ clock, limits, calls: 'sends' });
    this.fetches = new WaiterLine({ clock, limits, calls: 'fetches' });
  }

  /** Receives and fetches that wait. */
  get waitingReaderCount(): number {
    let count = this.fetches.size;
    for (const { line } of this.desks.values()) count += line.size;
    return count;
  }

  /** Refuses with `code` what could never enter. */
  checkFits(batch: RoomRequest, code: 'MQ_MESSAGE_TOO_LARGE' | 'MQ_BATCH_TOO_LARGE'): void {
    if (!this.ring.canEverHold(batch))
      throw new MqError(code, `topic ${quote(this.name)} can never hold it: ${this.#bound}`);
  }

  /** Resolves to the offset of the first message when all have entered; `checkFits` comes first. */
  send(batch: IncomingBatch, { signal, timeoutMs }: WaitForRoomOptions): Promise<number> {
    // I13: whoever waits was here first.
    if (this.sends.size === 0 && this.room.makeFor(batch)) return Promise.resolve(this.#append(batch));
    if (this.options.overflow === 'reject' || timeoutMs === 0) return Promise.reject(this.#fullError());
    const onTimeout = (): never => {
      throw this.#fullError();
    };
    // A large batch that gives up was perhaps all that kept a smaller one out.
    return this.sends.wait(batch, {
      signal,
      timeoutMs,
      onTimeout,
      onLeave: () => this.#admitWaiting(),
      weight: batch.heldBytes,
    });
  }

  /** The first receive of a group makes it, unless it would have to wait and may not: what is refused leaves nothing. */
  receive(group: string, want: ReceiveWant, wait: WaitForRecords): Promise<readonly Delivery[]> {
    const isEmpty = this.ring.logStartOffset === this.ring.logEndOffset;
    if (isEmpty && wait.waitMs > 0 && !this.desks.has(group)) this.#checkMayWait();
    return this.openDesk(group).receive(want, wait);
  }

  /** What is held from `offset` on, at least one record; at the end of the log it waits for one. */
  async fetch(want: FetchWant, { waitMs, signal }: WaitForRecords): Promise<FetchResult> {
    const { logStartOffset, logEndOffset } = this.ring;
    if (want.offset < logStartOffset || want.offset > logEndOffset) throw outOfRangeError(want.offset, this.ring);
    if (want.offset < logEndOffset || waitMs === 0) return this.read(want);
    this.#checkMayWait();
    return this.fetches.wait(want, { signal, timeoutMs: waitMs, onTimeout: () => this.read(want) });
  }

  /** The records a fetch gets now. */
  read({ offset, max, bytesMax }: FetchWant): FetchResult {
    const records: HeldRecord[] = [];
    let bytes = 0;
    for (let next = offset; records.length < max; next += 1) {
      const record = this.ring.at(next);
      if (record === undefined) break;
      bytes += this.ring.contentBytesAt(next);
      if (bytes > bytesMax && records.length > 0) break;
      records.push(record);
    }
    const { logStartOffset, logEndOffset } = this.ring;
    return { records, nextOffset: offset + records.length, logStartOffset, highWatermark: logEndOffset };
  }

  /** The offset a target means now. */
  offsetOf(target: SeekTarget): number {
    const { logStartOffset, logEndOffset } = this.ring;
    if (target === 'earliest') return logStartOffset;
    if (target === 'latest' || 'timestamp' in target) return logEndOffset;
    if (target.offset < logStartOffset || target.offset > logEndOffset) throw outOfRangeError(target.offset, this.ring);
    return target.offset;
  }

  createGroup(name: string, options: Required<GroupOptions>): void {
    const existing = this.desks.get(name);
    if (existing === undefined) this.#addDesk(name, options);
    else if (!isSameGroupOptions(existing.options, options)) {
      throw new MqError(
        'MQ_GROUP_EXISTS',
        `group ${quote(name)} of topic ${quote(this.name)} exists with other options`,
      );
    }
  }

  deleteGroup(name: string): void {
    const desk = this.existingDesk(name);
    this.#removeDesk(
      desk,
      new MqError('MQ_UNKNOWN_GROUP', `group ${quote(name)} of topic ${quote(this.name)} was deleted`),
    );
  }

  existingDesk(name: string): GroupDesk {
    const desk = this.desks.get(name);
    if (desk === undefined)
      throw new MqError('MQ_UNKNOWN_GROUP', `topic ${quote(this.name)} has no group ${quote(name)}`);
    return desk;
  }

  /** The log group's position; the first commit makes the group. */
  commit(name: string, offset: number): number {
    if (offset > this.ring.logEndOffset) throw outOfRangeError(offset, this.ring);
    return this.openDesk(name).commit(offset);
  }

  /** Moves either kind of group to what `target` means now. */
  seek(name: string, target: SeekTarget): number {
    const desk = this.existingDesk(name);
    return desk.seek(this.offsetOf(target));
  }

  /** For receive and commit, which create what does not exist. */
  openDesk(name: string): GroupDesk {
    return this.desks.get(name) ?? this.#addDesk(name, GROUP_DEFAULTS);
  }

  /** Waiting sends reject with `error`; waiting receives and fetches too, or, when it is MQ_CLOSED, are answered empty. */
  close(error: MqError): void {
    const readerError = error.code === 'MQ_CLOSED' ? undefined : error;
    this.sends.settleAll((send) => send.fail(error));
    for (const desk of this.desks.values()) desk.close(readerError);
    this.fetches.settleAll((fetch) => {
      if (readerError === undefined) fetch.serve(this.read(fetch.want));
      else fetch.fail(readerError);
    });
  }

  /** The one way in; there is room. Wakes one receive of each group, and all fetches: they take nothing away. */
  #append(batch: IncomingBatch): number {
    const baseOffset = this.ring.logEndOffset;
    this.#lastTimestamp = Math.max(this.#lastTimestamp, this.#settings.clock.now());
    const pack = packBodies(batch, { topic: this.name, baseOffset, timestamp: this.#lastTimestamp });
    for (let index = 0; index < batch.count; index += 1) {
      const content = batch.contents[index] as CheckedMessage;
      const id = batch.messageIds[index] as string;
      this.ring.append(pack ?? this.#recordOf(content, id), weightOf(content, id));
    }
    for (const desk of this.desks.values()) desk.serve();
    this.fetches.settleAll((fetch) => fetch.serve(this.read(fetch.want)));
    return baseOffset;
  }

  /** The record that is appended next. */
  #recordOf({ body, key, headers }: CheckedMessage, id: string): HeldRecord {
    const offset = this.ring.logEndOffset;
    const timestamp = this.#lastTimestamp;
    // Written out in one piece, like deliveries: this is done for every message.
    const record: Writable<HeldRecord> = { topic: this.name, partition: 0, offset, timestamp, id, headers, body };
    if (key !== undefined) record.key = key;
    return record;
  }

  /** Lets waiting sends in, first come first served, as long as the first one fits. */
  #admitWaiting(): void {
    for (let send = this.sends.first; send !== undefined; send = this.sends.first) {
      if (!this.room.makeFor(send.want)) return;
      try {
        send.serve(this.#append(send.want));
      } catch (error) {
        send.fail(error); // it is for the one that waited, not for whoever made the room
      }
    }
  }

  #addDesk(name: string, options: Required<GroupOptions>): GroupDesk {
    const { groupsCountMax } = this.#settings.limits;
    if (this.desks.size >= groupsCountMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `the topic has ${groupsCountMax} groups, which is the limit`);
    }
    const desk: GroupDesk = new GroupDesk({
      ...this.#settings,
      name,
      options,
      startOffset: this.offsetOf(options.start),
      ring: this.ring,
      checkMayWait: () => this.#checkMayWait(),
      onProgress: () => this.#admitWaiting(),
      onEmpty: () => {
        if (options.isEphemeral) this.#removeDesk(desk);
      },
    });
    this.desks.set(name, desk);
    this.#admitWaiting(); // it may begin behind records that nobody was there to finish
    return desk;
  }

  #removeDesk(desk: GroupDesk, error?: MqError): void {
    this.desks.delete(desk.name);
    desk.close(error);
    this.#admitWaiting(); // perhaps it was the slowest
  }

  #checkMayWait(): void {
    const { waitersCountMax } = this.#settings.limits;
    if (this.waitingReaderCount >= waitersCountMax) throw waitersError('receives and fetches', waitersCountMax);
  }

  #fullError(): MqError {
    return new MqError('MQ_QUEUE_FULL', `topic ${quote(this.name)} is full: ${this.#bound}`);
  }

  get #bound(): string {
    return `it has ${this.ring.slotCount} slots and ${this.ring.bytesMax} bytes`;
  }
}
