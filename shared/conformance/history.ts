/**
 * The record of every call made to a broker, with the order of its beginnings and ends.
 *
 *     step   1      2      3      4
 *     a      |-- send x ---|             endedAt 3
 *     b             |-- receive -|       startedAt 2: these two overlap, so neither is "before" the other
 *
 * Always true: steps are unique and ascend; a call is before another exactly when its end has a lower step than the
 * other's start. Bounded: at most `callsMax` calls are kept, `CALLS_MAX` if not told otherwise; older ones are dropped and `isWhole` becomes false, and
 * the checker refuses such a history. Written by the recorder, read by the checker and by failure stories.
 */
import type { TransactionOutcome } from '../contract/transaction.ts';

/** One record or delivery as a reader saw it. */
export interface ReadRecord {
  readonly partition: number;
  readonly offset: number | null;
  /** Stands for the body; workloads for the checker send every value once. */
  readonly value: string;
  /** Deliveries only. */
  readonly leaseToken?: string | null;
  readonly deliveryCount?: number;
  /** Why it comes again; left out of a first delivery. */
  readonly reason?: string;
}

/** What a lease belongs to. */
export interface LeaseRef {
  readonly topic: string;
  readonly group: string;
  readonly partition: number;
  readonly offset: number | null;
  readonly leaseToken: string | null;
}

/** A call about the position of a group. */
interface PositionFacts<Kind extends string> {
  readonly kind: Kind;
  readonly topic: string;
  readonly group: string;
  readonly partition: number;
  /** The position the broker answered; until then the one that a commit wants. */
  readonly offset: number;
}

/** What the checker needs to know of a call; asked and answered facts together. */
export type CallFacts =
  | {
      readonly kind: 'send';
      readonly topic: string;
      readonly partition: number;
      readonly values: readonly string[];
      /** null until answered, and on brokers without offsets. */
      readonly baseOffset: number | null;
      /** The transaction it was sent in. */
      readonly transaction?: string;
      /** True when the broker knew it again, so that it stands where it stood. */
      readonly isDuplicate?: boolean;
    }
  | {
      readonly kind: 'fetch';
      readonly topic: string;
      readonly partition: number;
      readonly offset: number;
      readonly records: readonly ReadRecord[];
      readonly nextOffset: number;
      readonly logStartOffset: number;
      /** True when it asked for what is not committed too. */
      readonly isUncommitted?: boolean;
      /** Where reading what is committed ended; left out by brokers without transactions. */
      readonly lastStableOffset?: number;
    }
  | {
      readonly kind: 'receive';
      readonly topic: string;
      readonly group: string;
      readonly memberId: string;
      readonly leaseMs: number;
      readonly records: readonly ReadRecord[];
    }
  | {
      readonly kind: 'ack';
      readonly refs: readonly LeaseRef[];
      readonly isCumulative: boolean;
      /** The transaction it takes effect with. */
      readonly transaction?: string;
    }
  | { readonly kind: 'nack'; readonly refs: readonly LeaseRef[] }
  | { readonly kind: 'extendLease'; readonly refs: readonly LeaseRef[]; readonly leaseMs: number }
  | { readonly kind: 'leave'; readonly topic: string; readonly group: string; readonly memberId: string }
  | PositionFacts<'commit'>
  | PositionFacts<'committed'>
  | PositionFacts<'seek'>
  /** `transaction` is empty until answered. */
  | { readonly kind: 'begin'; readonly transaction: string }
  | {
      readonly kind: 'end';
      readonly transaction: string;
      readonly how: 'commit' | 'abort';
      /** Of a refusal that says so: how it had ended. */
      readonly endedBefore?: TransactionOutcome;
    }
  /** `offset` is the one that was asked for. */
  | (PositionFacts<'commitOffset'> & { readonly transaction: string })
  | { readonly kind: 'deleteTopic'; readonly topic: string }
  | { readonly kind: 'deleteGroup'; readonly topic: string; readonly group: string }
  | { readonly kind: 'restart' }
  | { readonly kind: 'other'; readonly topic: string | undefined };

/** `failed`: certainly without effect. `unknown`: nobody can tell whether it took effect. */
export type CallOutcome = 'open' | 'ok' | 'failed' | 'unknown';

/** One call as it was recorded: who made it, when it began and ended, and what came of it. */
export interface Call {
  /** Who made it: one producer, consumer or test. */
  readonly client: string;
  /** As a student would write it. */
  readonly text: string;
  /** What came back, in words; empty while open. */
  readonly answer: string;
  readonly outcome: CallOutcome;
  readonly startedAt: number;
  /** Infinity while open. */
  readonly endedAt: number;
  /** Monotonic ms of the recorder's clock. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly facts: CallFacts;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Ends a recorded call. */
export type EndCall = (end: {
  readonly outcome: Exclude<CallOutcome, 'open'>;
  readonly answer: string;
  readonly facts?: CallFacts;
}) => void;

/** More calls than any test needs. A broker that answers the same for ever makes a loop endless; here it is stopped. */
export const CALLS_MAX = 30_000;

/** The calls of one run and what came of them; `recorded` fills it, `checkHistory` reads it. */
export class History {
  readonly #callsMax: number;
  readonly #nowMs: () => number;
  #calls: Call[] = [];
  #step = 0;
  #isWhole = true;
  #isClosed = false;

  constructor(options: { readonly nowMs: () => number; readonly callsMax?: number }) {
    this.#nowMs = options.nowMs;
    this.#callsMax = options.callsMax ?? CALLS_MAX;
  }

  /** In the order of their starts. */
  get calls(): readonly Call[] {
    return this.#calls;
  }

  /** False when calls had to be dropped. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** True when no more calls may be made by those who are recorded here. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Says that no more calls may be made; those that are open may still end. */
  close(): void {
    this.#isClosed = true;
  }

  /** Monotonic ms of the recorder's clock. */
  nowMs(): number {
    return this.#nowMs();
  }

  /** Notes that a call begins; the function it returns notes the end, once. */
  start(call: {
    readonly client: string;
    readonly text: string;
    readonly facts: CallFacts;
    /** When it began, if that was before now. */
    readonly startedAtMs?: number;
  }): EndCall {
    this.#step += 1;
    const entry: Writable<Call> = {
      ...call,
      answer: '',
      outcome: 'open',
      startedAt: this.#step,
      endedAt: Number.POSITIVE_INFINITY,
      startedAtMs: call.startedAtMs ?? this.#nowMs(),
      endedAtMs: Number.POSITIVE_INFINITY,
    };
    this.#keep(entry);
    return (end) => {
      this.#step += 1;
      entry.outcome = end.outcome;
      entry.answer = end.answer;
      entry.endedAt = this.#step;
      entry.endedAtMs = this.#nowMs();
      if (end.facts !== undefined) entry.facts = end.facts;
    };
  }

  #keep(entry: Call): void {
    this.#calls.push(entry);
    if (this.#calls.length <= this.#callsMax) return;
    this.#calls = this.#calls.slice(Math.ceil(this.#callsMax / 2));
    this.#isWhole = false;
  }
}

/** One call on one line: who, what, and what came back. */
export function describeCall(call: Call): string {
  const answer = call.outcome === 'open' ? 'no answer yet' : call.answer;
  return `${call.client}: ${call.text} -> ${answer}`;
}
