/**
 * How one departure calls the broker: again and again where that is sensible, in the partition of its lane, and numbered
 * where the lane numbers its calls.
 *
 * Always true: it takes its numbers when it is made, so departures have them in the order in which they leave; `end` frees
 * those it did not use. Producer makes one for each departure.
 */
import type { SendOptions } from '../contract/broker.ts';
import type { Message } from '../contract/message.ts';
import type { NumberedTurn } from './numbered-calls.ts';
import type { LanePlace } from './send-lane.ts';
import { isDelayed } from './sent-copy.ts';

export interface DepartureCallsOptions {
  readonly lane: LanePlace;
  /** Messages. */
  readonly count: number;
  /** False for what must not be numbered. */
  readonly isNumbered: boolean;
  /** Of each call, apart from its number. */
  readonly options: SendOptions & { readonly signal: AbortSignal };
  readonly retry: <T>(call: () => Promise<T>, signal: AbortSignal) => Promise<T>;
}

export class DepartureCalls {
  readonly #options: SendOptions;
  readonly #retry: <T>(call: () => Promise<T>) => Promise<T>;
  readonly #turn: NumberedTurn | undefined;

  constructor({ lane, count, isNumbered, options, retry }: DepartureCallsOptions) {
    this.#options = options;
    this.#retry = (call) => retry(call, options.signal);
    this.#turn = isNumbered ? lane.numbers?.enter(count) : undefined;
  }

  /** The answer to `call`, which is for `count` of the messages: the next ones, after those of the calls before. */
  readonly make = <T>(count: number, call: (options: SendOptions) => Promise<T>): Promise<T> => {
    if (this.#turn === undefined) return this.#retry(() => call(this.#options));
    return this.#turn.call(count, (producer) => call({ ...this.#options, producer }), this.#retry);
  };

  end(): void {
    this.#turn?.leave();
  }
}

/** What a call says of its partition when its caller did not. The broker has to know it before it looks at a number. */
export function partitionOf({ partition, numbers }: LanePlace, keys: readonly unknown[]): number | undefined {
  if (numbers === undefined) return partition;
  const own = new Set(keys);
  own.delete(undefined);
  if (own.size > 1) return undefined; // whether they belong together is for the broker to say
  return partition ?? (own.size === 0 ? 0 : undefined);
}

/** A call that its caller made itself: one message with options of its own, or a batch. */
export interface OwnCall<T> {
  readonly lane: LanePlace;
  readonly own: SendOptions | undefined;
  readonly copies: readonly Message[];
  readonly signal: AbortSignal;
  readonly retry: DepartureCallsOptions['retry'];
  readonly call: (options: SendOptions) => Promise<T>;
}

export async function callAlone<T>({ lane, own, copies, signal, retry, call }: OwnCall<T>): Promise<T> {
  const count = Math.max(1, copies.length);
  const isNumbered = lane.numbers !== undefined && !copies.some(isDelayed);
  const keys = copies.map((copy) => copy?.key);
  const partition = own?.partition ?? (isNumbered ? partitionOf(lane, keys) : undefined);
  const place = partition === undefined ? {} : { partition };
  const calls = new DepartureCalls({ lane, count, isNumbered, options: { ...own, ...place, signal }, retry });
  try {
    return await calls.make(count, call);
  } finally {
    calls.end();
  }
}
