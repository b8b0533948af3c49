/**
 * What a client may use up, and what may go into and out of a topic, whoever asks.
 *
 * Always true: everything that connects as one client shares one `ClientAllowance`; a topic has one `TopicAllowance` for
 * all clients. Nothing of it is kept over a restart. What is asked for and not there is refused with `retryAfterMs`;
 * nobody waits inside.
 */
import type { Clock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { quote } from '../../../shared/contract/validation.ts';
import { HeldDeliveries } from './held-deliveries.ts';
import { OpenTransactions } from './open-transactions.ts';
import { TokenBucket } from './token-bucket.ts';
import { TopicScope } from './topic-scope.ts';

/** Rates, each left out: no limit. Bytes are those of bodies, keys, ids and headers. */
export interface RateQuota {
  readonly sendMessagesPerSecond?: number;
  readonly sendBytesPerSecond?: number;
  readonly readMessagesPerSecond?: number;
  readonly readBytesPerSecond?: number;
}

/** Of one client, over all of its connections. */
export interface ClientQuota extends RateQuota {
  /** Deliveries it holds under a lease at once, with the credit of its subscriptions. */
  readonly inFlightCountMax?: number;
  /** Transactions it has open at once. */
  readonly transactionsCountMax?: number;
  /** Of all doors together. */
  readonly connectionsCountMax?: number;
}

/** Of the topics that a pattern matches, each for itself; of several patterns the first that matches counts. */
export interface TopicQuota extends RateQuota {
  readonly topics: string;
}

/** The names of the rates, in the order in which they are told. */
export const RATE_NAMES = [
  ...(['sendMessagesPerSecond', 'sendBytesPerSecond', 'readMessagesPerSecond', 'readBytesPerSecond'] as const),
] satisfies readonly (keyof RateQuota)[];

/** The rates of whoever shares them. */
export class Allowance {
  readonly #owner: string;
  readonly #buckets: ReadonlyMap<keyof RateQuota, TokenBucket>;

  /** `owner` is for people. */
  constructor(owner: string, quota: RateQuota, clock: Clock) {
    this.#owner = owner;
    this.#buckets = new Map(
      RATE_NAMES.flatMap((name) => {
        const perSecond = quota[name];
        return perSecond === undefined ? [] : [[name, new TokenBucket(clock, perSecond)] as const];
      }),
    );
  }

  get isUnlimited(): boolean {
    return this.#buckets.size === 0;
  }

  /** The refusal when this cannot go now; nothing is taken yet. */
  refusalOf(amount: Amount): MqError | undefined {
    let longest: { readonly waitMs: number; readonly name: string } | undefined;
    for (const [name, bucket, count] of this.#touched(amount)) {
      const waitMs = bucket.waitMsFor(count);
      if (waitMs > (longest?.waitMs ?? 0)) longest = { waitMs, name };
    }
    if (longest === undefined) return undefined;
    const message = `${this.#owner} is at its ${longest.name}; in ${longest.waitMs} ms there is room for this again`;
    return new MqError('MQ_RATE_LIMITED', message, { details: { retryAfterMs: longest.waitMs } });
  }

  take(amount: Amount): void {
    for (const [, bucket, count] of this.#touched(amount)) bucket.take(count);
  }

  *#touched({ way, messages, bytes }: Amount): IterableIterator<readonly [string, TokenBucket, number]> {
    const counts = [
      [`${way}MessagesPerSecond`, messages],
      [`${way}BytesPerSecond`, bytes],
    ] as const;
    for (const [name, count] of counts) {
      const bucket = this.#buckets.get(name);
      if (bucket !== undefined) yield [name, bucket, count];
    }
  }
}

/** What one call moves. */
export interface Amount {
  readonly way: 'send' | 'read';
  readonly messages: number;
  readonly bytes: number;
}

/** What one client has used, over all of its connections. */
export class ClientAllowance {
  readonly rates: Allowance;
  readonly held: HeldDeliveries;
  readonly transactions: OpenTransactions;
  readonly #name: string;
  readonly #connectionsCountMax: number;
  #connectionCount = 0;

  /** `name` is the client's, for people. */
  constructor(name: string, quota: ClientQuota, clock: Clock) {
    const none = Number.POSITIVE_INFINITY;
    const { inFlightCountMax = none, transactionsCountMax = none, connectionsCountMax = none } = quota;
    this.#name = name;
    this.rates = new Allowance(`client ${quote(name)}`, quota, clock);
    this.held = new HeldDeliveries({ owner: name, countMax: inFlightCountMax, clock });
    this.transactions = new OpenTransactions({ owner: name, countMax: transactionsCountMax, clock });
    this.#connectionsCountMax = connectionsCountMax;
  }

  get connectionCount(): number {
    return this.#connectionCount;
  }

  /** One connection more, until it is disposed of; throws `MQ_LIMIT_EXCEEDED`. */
  connect(): Disposable {
    if (this.#connectionCount >= this.#connectionsCountMax) {
      const message = `client ${quote(this.#name)} has its ${this.#connectionsCountMax} connections open`;
      throw new MqError('MQ_LIMIT_EXCEEDED', message, { details: { retryAfterMs: CONNECTION_RETRY_MS } });
    }
    this.#connectionCount += 1;
    let isOpen = true;
    return {
      [Symbol.dispose]: () => {
        if (isOpen) this.#connectionCount -= 1;
        isOpen = false;
      },
    };
  }
}

/** Nobody knows when a connection ends. */
const CONNECTION_RETRY_MS = 1000;

/** The allowances of the topics, made when they are first used. */
export class TopicAllowances {
  readonly #quotas: readonly { readonly scope: TopicScope; readonly quota: TopicQuota }[];
  readonly #clock: Clock;
  readonly #countMax: number;
  /** By topic, the one used last at the end. */
  readonly #used = new Map<string, Allowance>();

  constructor(quotas: readonly TopicQuota[], options: { readonly clock: Clock; readonly topicsCountMax: number }) {
    this.#quotas = quotas.map((quota) => ({ scope: new TopicScope(quota.topics), quota }));
    this.#clock = options.clock;
    this.#countMax = options.topicsCountMax;
  }

  get isUnlimited(): boolean {
    return this.#quotas.length === 0;
  }

  /** undefined: the topic has no limit. */
  of(topic: string): Allowance | undefined {
    const name = topic.normalize('NFC');
    const known = this.#used.get(name);
    const quota = known === undefined ? this.#quotas.find(({ scope }) => scope.matches(name))?.quota : undefined;
    const allowance = known ?? (quota && new Allowance(`topic ${quote(name)}`, quota, this.#clock));
    if (allowance === undefined) return undefined;
    this.#used.delete(name);
    this.#used.set(name, allowance);
    if (this.#used.size > this.#countMax) this.#used.delete(this.#used.keys().next().value ?? '');
    return allowance;
  }
}
