/**
 * What one partition knows of the producers that number what they send: the last calls of each, to tell a repetition from
 * something new.
 *
 *     producer 7, epoch 2     | 3 4 5 | 6 | 7 8 | 9 | 10 |  next: 11        the last 5 calls, each with its first offset
 *
 *     next -> stored    3, 6, 7, 9, 10 -> the receipt of that call    below 3 -> too old    above 11 -> a gap
 *
 * Always true:
 *   - I2: it is asked before a batch takes its offset and told at once, so whoever repeats a call while that is still being
 *     written is known too; calls whose write fails are dropped again, and what came before them is still known
 *   - I3: an epoch that was seen fences the older ones for as long as its producer is remembered, whatever failed
 *   - at most `producersMax` are remembered; whoever was silent for longest goes first, never one in a transaction
 *   - I11: all of it follows from the heads of the batches, so `state` may be older than the log: `replay` makes up for it
 * Pure: no clock, no disk. The rules of a partition use it.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import { CALLS_REMEMBERED_COUNT } from '../../../shared/contract/producer.ts';
import { isLaterSequence, sequenceAfter } from './sequence.ts';

/** A call as its batch says it: who sends, the sequence of the first message, and how many there are. */
export interface ProducerCall {
  readonly producerId: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly count: number;
}

/** Where a call has its place. */
export interface CallPlace {
  readonly baseOffset: number;
  /** Epoch ms; never decreases. */
  readonly at: number;
}

/** A call that is remembered. */
export interface RememberedCall {
  readonly sequence: number;
  readonly count: number;
  readonly baseOffset: number;
  /** Settles when it is safe, or failed; undefined when it is known to be safe. */
  receipt: Promise<unknown> | undefined;
}

/** As snapshots keep it: producers from the one that was silent for longest, calls from the oldest. */
export type ProducerTableState = readonly (readonly [
  producerId: number,
  epoch: number,
  lastAt: number,
  calls: readonly (readonly [sequence: number, count: number, baseOffset: number])[],
])[];

export interface ProducerTableOptions {
  readonly producersMax: number;
  /** Whoever was silent for so long is forgotten. */
  readonly timeoutMs: number;
  /** True while the producer has a transaction open: it is never forgotten then. */
  readonly isInTransaction: (producerId: number) => boolean;
}

interface Producer {
  epoch: number;
  lastAt: number;
  /** Oldest first. More than are answered for while the newest may still fail: then these are the last again. */
  calls: RememberedCall[];
  /** So many calls are looked through for what is not needed any more: at each of them would take as long as all the rest. */
  trimAtCount: number;
}

const CALLS_BETWEEN_TRIMS_COUNT = 16;

export class ProducerTable {
  readonly #options: ProducerTableOptions;
  /** The one that was silent for longest first. */
  readonly #producers = new Map<number, Producer>();
  /** The last in the map: most calls come from the producer that sent the one before. */
  #youngestId = -1;
  /** No call is remembered from here on. */
  #endOffset = 0;

  constructor(options: ProducerTableOptions) {
    this.#options = options;
  }

  /** What `state` had, as far as the log still has it: it ends at `logEndOffset`. */
  static from(state: ProducerTableState, options: ProducerTableOptions, logEndOffset: number): ProducerTable {
    const table = new ProducerTable(options);
    for (const [producerId, epoch, lastAt, placed] of state) {
      const calls: RememberedCall[] = [];
      for (const [sequence, count, baseOffset] of placed) {
        if (baseOffset >= logEndOffset) break;
        calls.push({ sequence, count, baseOffset, receipt: undefined });
        table.#endOffset = Math.max(table.#endOffset, baseOffset + count);
      }
      table.#producers.set(producerId, { epoch, lastAt, calls, trimAtCount: 0 });
      table.#youngestId = producerId;
    }
    return table;
  }

  get size(): number {
    return this.#producers.size;
  }

  /** The call that this one repeats. `now` is asked only when there may be one: a clock takes longer than all the rest. */
  repeated(call: ProducerCall, now: () => number): RememberedCall | undefined {
    const producer = this.#producers.get(call.producerId);
    if (producer === undefined || producer.epoch !== call.epoch || call.sequence === nextOf(producer)) return undefined;
    if (this.#isForgotten(call.producerId, producer, now())) return undefined;
    const repeated = callFrom(call.sequence, producer);
    return repeated?.count === call.count ? repeated : undefined;
  }

  /**
   * Throws when a call that repeats none may not be stored now. `MQ_PRODUCER_FENCED`, `MQ_UNKNOWN_PRODUCER`,
   * `MQ_SEQUENCE_GAP`, `MQ_SEQUENCE_TOO_OLD`; `MQ_INVALID_ARGUMENT` for a repetition that is cut in another way;
   * `MQ_LIMIT_EXCEEDED` when all that are remembered have a transaction open.
   */
  check(call: ProducerCall, now: number): void {
    const producer = this.#known(call.producerId, now);
    if (producer === undefined) {
      if (call.sequence !== 0) throw unknownError(call);
      if (!this.#makeRoomFor(1)) throw crowdedError(this.#options.producersMax);
      return;
    }
    if (call.epoch < producer.epoch) throw fencedError(call, producer.epoch);
    const isNewEpoch = call.epoch > producer.epoch;
    const next = isNewEpoch ? 0 : nextOf(producer);
    if (call.sequence === next) return;
    if (isNewEpoch || isAhead(call.sequence, next, producer)) throw gapError(call, next);
    const repeated = callFrom(call.sequence, producer);
    throw repeated === undefined ? tooOldError(call, next) : otherCountError(call, repeated.count);
  }

  /** A call that was checked has its place, for good when `receipt` says so. Those below `safeOffset` cannot fail any more. */
  note(
    { producerId, epoch, sequence, count }: ProducerCall,
    {
      baseOffset,
      at,
      safeOffset,
      receipt,
    }: CallPlace & { readonly safeOffset: () => number; readonly receipt?: Promise<unknown> },
  ): void {
    this.dropFrom(baseOffset);
    const producer = this.#youngest(producerId, epoch);
    producer.lastAt = at;
    if (producer.epoch !== epoch) producer.calls = [];
    producer.epoch = epoch;
    producer.calls.push({ sequence, count, baseOffset, receipt });
    if (producer.calls.length >= producer.trimAtCount) trim(producer, safeOffset());
    this.#endOffset = baseOffset + count;
  }

  /** A batch that was found in the log at a start; all of them in their order, from any offset that `state` knows. */
  replay(call: ProducerCall, { baseOffset, at }: CallPlace): void {
    this.note(call, { baseOffset, at, safeOffset: () => baseOffset });
    this.#makeRoomFor(0);
  }

  /** The log has nothing from `offset` on: what was to come there failed, or was lost. */
  dropFrom(offset: number): void {
    if (offset >= this.#endOffset) return;
    this.#endOffset = offset;
    for (const producer of this.#producers.values()) {
      while ((producer.calls.at(-1)?.baseOffset ?? -1) >= offset) producer.calls.pop();
    }
  }

  /** Of calls below `belowOffset`, without producers that are forgotten by now. */
  state(now: number, belowOffset = Number.POSITIVE_INFINITY): ProducerTableState {
    const state: ProducerTableState[number][] = [];
    for (const [producerId, producer] of this.#producers) {
      const { epoch, lastAt, calls } = producer;
      if (this.#isForgotten(producerId, producer, now)) continue;
      const safe = calls.filter(({ baseOffset }) => baseOffset < belowOffset).slice(-CALLS_REMEMBERED_COUNT);
      const placed = safe.map(({ sequence, count, baseOffset }) => [sequence, count, baseOffset] as const);
      state.push([producerId, epoch, lastAt, placed]);
    }
    return state;
  }

  /** Taken out and put back: whoever was silent for longest stays first. */
  #youngest(producerId: number, epoch: number): Producer {
    const known = this.#producers.get(producerId);
    if (known !== undefined && producerId === this.#youngestId) return known;
    const producer = known ?? { epoch, lastAt: 0, calls: [], trimAtCount: 0 };
    this.#producers.delete(producerId);
    this.#producers.set(producerId, producer);
    this.#youngestId = producerId;
    return producer;
  }

  #known(producerId: number, now: number): Producer | undefined {
    const producer = this.#producers.get(producerId);
    if (producer === undefined || !this.#isForgotten(producerId, producer, now)) return producer;
    this.#producers.delete(producerId);
    return undefined;
  }

  #isForgotten(producerId: number, { lastAt }: Producer, now: number): boolean {
    return now - lastAt >= this.#options.timeoutMs && !this.#options.isInTransaction(producerId);
  }

  /** False: not even then, since all the others have a transaction open. */
  #makeRoomFor(count: number): boolean {
    const { producersMax, isInTransaction } = this.#options;
    for (const producerId of this.#producers.keys()) {
      if (this.#producers.size + count <= producersMax) break;
      if (!isInTransaction(producerId)) this.#producers.delete(producerId);
    }
    return this.#producers.size + count <= producersMax;
  }
}

function nextOf({ calls }: Producer): number {
  const last = calls.at(-1);
  return last === undefined ? 0 : sequenceAfter(last.sequence, last.count);
}

/** Leaves what is answered for, and what would be if all that can fail failed. */
function trim(producer: Producer, safeOffset: number): void {
  const { calls } = producer;
  let count = 0;
  while ((calls[count + CALLS_REMEMBERED_COUNT]?.baseOffset ?? safeOffset) < safeOffset) count += 1;
  if (count > 0) calls.splice(0, count);
  producer.trimAtCount = calls.length + CALLS_BETWEEN_TRIMS_COUNT;
  for (let index = 0; index < CALLS_REMEMBERED_COUNT; index += 1) {
    const call = calls[index];
    if (call === undefined || call.baseOffset >= safeOffset) return;
    call.receipt = undefined;
  }
}

/** The last ones: those that are answered for. */
function lastCalls({ calls }: Producer): readonly RememberedCall[] {
  return calls.length > CALLS_REMEMBERED_COUNT ? calls.slice(-CALLS_REMEMBERED_COUNT) : calls;
}

function callFrom(sequence: number, producer: Producer): RememberedCall | undefined {
  return lastCalls(producer).find((call) => call.sequence === sequence);
}

/** Sequences begin with 0: a larger one lies behind only when they have come round lately. */
function isAhead(sequence: number, next: number, producer: Producer): boolean {
  const cameRound = lastCalls(producer).some((call) => call.sequence >= next);
  return cameRound ? isLaterSequence(sequence, next) : sequence > next;
}

function nameOf({ producerId, sequence }: ProducerCall): string {
  return `sequence ${sequence} of producer ${producerId}`;
}

function crowdedError(producersMax: number): MqError {
  const text = `the partition remembers ${producersMax} producers, and each has a transaction open`;
  return new MqError('MQ_LIMIT_EXCEEDED', text);
}

function unknownError(call: ProducerCall): MqError {
  return new MqError('MQ_UNKNOWN_PRODUCER', `${nameOf(call)}: this partition knows no producer ${call.producerId}`);
}

function fencedError(call: ProducerCall, epoch: number): MqError {
  const text = `producer ${call.producerId} has epoch ${epoch} by now; ${call.epoch} is over`;
  return new MqError('MQ_PRODUCER_FENCED', text);
}

function gapError(call: ProducerCall, next: number): MqError {
  return new MqError('MQ_SEQUENCE_GAP', `${nameOf(call)} came when ${next} was next; what is between never came`);
}

function otherCountError(call: ProducerCall, count: number): MqError {
  const text = `${nameOf(call)} had ${count} messages, and is repeated with ${call.count}; repeat a call as it was`;
  return new MqError('MQ_INVALID_ARGUMENT', text, { details: { path: 'options.producer.sequence' } });
}

function tooOldError(call: ProducerCall, next: number): MqError {
  const text = `${nameOf(call)} came when ${next} was next, and is none of its last ${CALLS_REMEMBERED_COUNT} calls`;
  return new MqError('MQ_SEQUENCE_TOO_OLD', text);
}
