/**
 * What producers, consumers and readers of the screen share: the broker they use, the clock they live on, and where
 * they report what they saw. They report observations only; what an observation means is decided by who listens.
 */
import type { Timer } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import type { Delivery, Receipt } from '../../shared/contract/message.ts';
import type { EventTone } from './event-log.ts';
import type { MessageKey, ValuesOf } from './messages.ts';
import type { PausableClock } from './pausable-clock.ts';

/** A lease on the screen: short enough to see it end; */
const LEASE_MS = 4000;
/** where the broker can be killed, long enough to outlive that. */
const LONG_LEASE_MS = 8000;
/** How long one receive or fetch waits before it asks again. */
export const WAIT_MS = 20_000;
/** Deliveries a consumer takes at once. */
export const TAKEN_MAX = 3;

export type ReaderState = 'waiting' | 'working' | 'paused' | 'crashed';

/** What a pane shows of a consumer or log reader. */
export interface ReaderView {
  readonly name: string;
  readonly group: string;
  readonly kind: 'queue' | 'log';
  readonly state: ReaderState;
  readonly isSlow: boolean;
  /** The offset after the highest one it was given; null before the first. */
  readonly nextOffset: number | null;
  readonly held: readonly { readonly offset: number | null; readonly deliveryCount: number }[];
  readonly finishedCount: number;
  /** Messages it got that had been handed out before. */
  readonly redeliveredCount: number;
  /** What it chooses by; empty when it takes everything. */
  readonly filter: string;
  /** A log reader that sees what is not committed, and may never be. */
  readonly isUncommitted: boolean;
}

/** A consumer or a log reader, as the keys drive it. */
export interface Reader {
  readonly name: string;
  readonly group: string;
  readonly view: ReaderView;
  togglePause(): void;
  toggleSlow(): void;
  /** Dies without a word to the broker; when dead, comes back. */
  toggleCrash(): void;
  /** Gives the message it works on back: as failed, or never to come again. */
  giveBack(outcome: 'retry' | 'reject'): Promise<void>;
  /** The next filter of those there are. */
  changeFilter(): void;
  /** Reads what is committed only, or everything. */
  toggleIsolation(): void;
  /** What it holds and has not begun to ack becomes somebody else's to finish. */
  handOver(): readonly Delivery[];
  /** Goes in good order. */
  leave(): Promise<void>;
  /** Stops for good; the broker is about to be closed. */
  close(): void;
}

/** Where actors report. */
export interface Observer {
  onSent(sent: { readonly receipt: Receipt; readonly startedAtMs: number }): void;
  /** The connection broke before the answer came: it may be stored or not. */
  onUnanswered(id: string): void;
  onDelivered(delivery: Delivery, by: string): void;
  /** They were never committed: nobody may get them. */
  onAborted(ids: readonly string[]): void;
  /** `group` where the broker knows of it: of an ack that was answered. */
  onFinished(done: { readonly id: string; readonly group?: string }): void;
  /** A reader died; `held` are the deliveries it had neither finished nor given back. */
  onCrashed(by: string, held: readonly Delivery[]): void;
  tell<Key extends MessageKey>(tone: EventTone, key: Key, values: ValuesOf<Key>): void;
}

/** Where an actor lives. */
export interface Place {
  readonly broker: Broker;
  readonly clock: PausableClock;
  readonly topic: string;
  readonly observer: Observer;
}

export function leaseMsOf({ capabilities }: Broker): number {
  return capabilities.has('durable') ? LONG_LEASE_MS : LEASE_MS;
}

/** Resolves after `ms` of the screen's clock, or at once when `signal` aborts. */
export function rest(place: Place, options: { readonly ms: number; readonly signal: AbortSignal }): Promise<void> {
  const { ms, signal } = options;
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    let timer: Timer | undefined;
    const finish = (): void => {
      timer?.cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    timer = place.clock.setTimer(finish, ms);
    signal.addEventListener('abort', finish);
  });
}

/** `#12 #13 #14` */
export function offsetsText(records: readonly { readonly offset: number | null }[]): string {
  return records.map(({ offset }) => `#${offset ?? '?'}`).join(' ');
}
