/**
 * A delivery in the hands of a handler, and what may become of it:
 *
 *     open --ack----> finished            open --return--> given back, not counted as a failure
 *     open --retry--> backing off --> given back, to be delivered again
 *     open --reject-> never again         open --lease ended--> lost: somebody else will get it
 *
 * Always true: exactly one of these happens. The first outcome counts; another one after it is `MQ_INVALID_ARGUMENT`,
 * the same one again succeeds. Made by Consumer, which also keeps the lease alive as long as the message is held.
 */
import { notSupported } from '../contract/capabilities.ts';
import { MqError } from '../contract/errors.ts';
import type { Delivery } from '../contract/message.ts';
import { checkInteger, checkOptions, invalidArgument } from '../contract/validation.ts';

/** What was decided about a message: the methods of `ConsumedMessage`, by name. */
export type Outcome = 'ack' | 'retry' | 'return' | 'reject';

/** Of an outcome other than `ack`: why, and when to try again. */
export interface OutcomeOptions {
  /** Of a retry: how long to back off, from 0; otherwise by its deliveryCount. */
  readonly delayMs?: number;
  readonly reason?: string;
}

/** Carries an outcome to the broker; rejects with what the broker answered. */
export type Settle = (message: ConsumedMessage, outcome: Outcome, options: OutcomeOptions) => Promise<void>;

export interface MessageSource {
  readonly settle: Settle;
  /** False: the broker finished the message when it handed it out. */
  readonly hasLease: boolean;
  readonly hasDeadLetter: boolean;
}

/**
 * One delivery, in the hands of a handler or loop; it is extended until it is decided by `ack`, `retry`, `return` or
 * `reject`.
 */
export class ConsumedMessage {
  readonly delivery: Delivery;
  readonly #source: MessageSource;
  /** The lease was lost, or the consumer ran out of time to close: whatever is being done is in vain. */
  #lostBecause: Error | undefined;
  /** Made for the handler that asks for its signal; most do not. */
  #vain: AbortController | undefined;
  #outcome: Outcome | undefined;
  #settling: Promise<void> | undefined;

  constructor(delivery: Delivery, source: MessageSource) {
    this.delivery = delivery;
    this.#source = source;
  }

  /** The body as UTF-8 text. */
  get text(): string {
    return new TextDecoder().decode(this.delivery.body);
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** For handlers that can stop half-way. */
  get signal(): AbortSignal {
    if (this.#vain === undefined) {
      this.#vain = new AbortController();
      if (this.#lostBecause !== undefined) this.#vain.abort(this.#lostBecause);
    }
    return this.#vain.signal;
  }

  get isLost(): boolean {
    return this.#lostBecause !== undefined;
  }

  /** Processed; resolves when the broker knows. `MQ_LEASE_EXPIRED`: it came too late, somebody else will get it. */
  ack(): Promise<void> {
    return this.#decide('ack', {});
  }

  /** It failed: to be delivered again after a back-off. Resolves at once, so that nobody waits for the back-off. */
  retry(options: OutcomeOptions = {}): Promise<void> {
    return this.#decide('retry', options);
  }

  /** It was not tried: back to the group, without counting as a failure. */
  return(options: Pick<OutcomeOptions, 'reason'> = {}): Promise<void> {
    return this.#decide('return', options);
  }

  /** Never again: to the dead letters. Needs the capability `dead-letter`. */
  reject(options: Pick<OutcomeOptions, 'reason'> = {}): Promise<void> {
    return this.#decide('reject', options);
  }

  /** For the consumer: nothing that is done with this message counts any more. */
  abandon(reason: Error): void {
    if (this.#lostBecause !== undefined) return;
    this.#lostBecause = reason;
    this.#vain?.abort(reason);
  }

  async #decide(outcome: Outcome, options: OutcomeOptions): Promise<void> {
    if (this.#outcome !== undefined && this.#outcome !== outcome) {
      const path = `${outcome}()`;
      const message = `${path} came too late: the message was settled by ${this.#outcome}() before`;
      throw new MqError('MQ_INVALID_ARGUMENT', message, { details: { path } });
    }
    if (outcome !== 'ack' && !this.#source.hasLease) throw notSupported('lease', `${outcome}()`);
    if (outcome === 'reject' && !this.#source.hasDeadLetter) throw notSupported('dead-letter', 'reject()');
    const checked = checkOutcomeOptions(outcome, options);
    this.#outcome = outcome;
    this.#settling ??= this.#source.settle(this, outcome, checked);
    await this.#settling;
  }
}

/** What `nack` would refuse is refused here, before the message counts as decided. */
function checkOutcomeOptions(outcome: Outcome, options: OutcomeOptions): OutcomeOptions {
  checkOptions('options', options, outcome === 'retry' ? ['delayMs', 'reason'] : ['reason']);
  const { delayMs, reason } = options;
  checkInteger('options.delayMs', delayMs, { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 });
  if (reason !== undefined && typeof reason !== 'string') throw invalidArgument('options.reason', 'a string', reason);
  return { delayMs, reason };
}
