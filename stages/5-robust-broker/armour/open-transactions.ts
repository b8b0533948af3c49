/**
 * The transactions one client has open, counted over all of its connections.
 *
 *     begin  -->  counted  -->  commit, abort, the end of its time, another begin under its name  -->  not counted
 *
 * Always true: no more than `countMax` are begun and not over; without a limit nothing is kept. Only the view that limits uses
 * it.
 */
import type { Clock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../shared/contract/limits.ts';
import type { BeginOptions, Transaction } from '../../../shared/contract/transaction.ts';
import { quote } from '../../../shared/contract/validation.ts';

/** Asked for again after so long, when no transaction's time is over earlier. */
const RETRY_MS_MAX = 1000;

interface Open {
  readonly endsAtMs: number;
  readonly transactionalId: string | undefined;
}

export class OpenTransactions {
  readonly #owner: string;
  readonly #countMax: number;
  readonly #clock: Clock;
  readonly #open = new Map<string, Open>();
  #beginningCount = 0;

  constructor(options: { readonly owner: string; readonly countMax: number; readonly clock: Clock }) {
    this.#owner = options.owner;
    this.#countMax = options.countMax;
    this.#clock = options.clock;
  }

  get isLimited(): boolean {
    return this.#countMax !== Number.POSITIVE_INFINITY;
  }

  /** `call` with room for one more; throws `MQ_LIMIT_EXCEEDED`. */
  async begin(options: BeginOptions | undefined, call: () => Promise<Transaction>): Promise<Transaction> {
    const { timeoutMs = DEFAULTS.transactionMs, transactionalId } = options ?? {};
    this.#makeRoom(transactionalId);
    this.#beginningCount += 1;
    try {
      const transaction = await call();
      this.#forgetNamed(transactionalId);
      this.#open.set(transaction.id, { endsAtMs: this.#clock.monotonicMs() + timeoutMs, transactionalId });
      return transaction;
    } finally {
      this.#beginningCount -= 1;
    }
  }

  /** Over, however it ended. */
  ended(id: string): void {
    this.#open.delete(id);
  }

  #makeRoom(transactionalId: string | undefined): void {
    const hasRoom = (): boolean => this.#open.size + this.#beginningCount < this.#countMax;
    if (hasRoom()) return;
    const nowMs = this.#clock.monotonicMs();
    let firstEndMs = RETRY_MS_MAX;
    for (const [id, open] of this.#open) {
      if (open.endsAtMs <= nowMs) this.#open.delete(id);
      else firstEndMs = Math.min(firstEndMs, open.endsAtMs - nowMs);
    }
    const isInPlace = transactionalId !== undefined && this.#namedIds(transactionalId).length > 0;
    if (hasRoom() || isInPlace) return;
    const message = `client ${quote(this.#owner)} has the ${this.#countMax} transactions open that it may have; end one first`;
    throw new MqError('MQ_LIMIT_EXCEEDED', message, { details: { retryAfterMs: Math.max(1, Math.ceil(firstEndMs)) } });
  }

  /** The broker aborts what was open under a name when its owner begins again. */
  #forgetNamed(transactionalId: string | undefined): void {
    if (transactionalId === undefined) return;
    for (const id of this.#namedIds(transactionalId)) this.#open.delete(id);
  }

  #namedIds(transactionalId: string): string[] {
    return [...this.#open].filter(([, open]) => open.transactionalId === transactionalId).map(([id]) => id);
  }
}
