/**
 * A Broker that takes nothing new in while memory is full: sends wait in a line until there is room again.
 *
 *     send --> memory full? --no--> broker
 *                  | yes
 *                  v
 *          [ first, second, ... ]  --it is below the low mark--> all of them, in order
 *
 * Always true (I24): what empties a broker (receive, fetch, ack, the end of a transaction) goes on; what waits is bounded
 * in number and in bytes, as for a full topic; a send that gives up was not stored. The composition makes it, and closes
 * it.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { DEFAULTS, OVERHEAD } from '../../../shared/contract/limits.ts';
import type { Message } from '../../../shared/contract/message.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';
import { WaiterLine } from '../../1-blocking-queue/waiter-line.ts';
import { type Operations, operationOf, viewOf } from './broker-view.ts';
import type { MemoryMark } from './memory-mark.ts';
import { bytesOfMessage, bytesOfMessages } from './message-bytes.ts';
import { transactionView } from './transaction-view.ts';

/** Soon enough to go on quickly, and late enough not to be the load itself. */
const RETRY_MS = 1000;

export interface GuardedOptions {
  readonly mark: MemoryMark;
  readonly clock: Clock;
}

interface Patience {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export class GuardedBroker {
  /** What doors and callers use. */
  readonly view: Broker;
  readonly #broker: Broker;
  readonly #mark: MemoryMark;
  readonly #line: WaiterLine<null, void>;
  #closed: MqError | undefined;

  constructor(broker: Broker, { mark, clock }: GuardedOptions) {
    this.#broker = broker;
    this.#mark = mark;
    this.#line = new WaiterLine({ clock, limits: broker.limits, calls: 'sends that wait for memory' });
    mark.whenOpen(() => this.#admitAll());
    this.view = viewOf(broker, { ...this.#sends(), ...this.#transactions() });
  }

  /** Sends that wait. */
  get waitingCount(): number {
    return this.#line.size;
  }

  /** What they keep in memory. */
  get waitingBytes(): number {
    return this.#line.weight;
  }

  /** What waits is refused; the broker is its owner's to close. */
  close(): void {
    this.#closed = new MqError('MQ_CLOSED', 'the broker is closing');
    this.#mark.close();
    this.#line.settleAll((send) => send.fail(this.#closed));
  }

  #sends(): Partial<Operations> {
    const broker = this.#broker;
    return {
      send: async (topic, message, options) => {
        await this.#room(bytesOfMessage(message), 1, options);
        return await broker.send(topic, message, options);
      },
      sendBatch: async (topic, messages, options) => {
        await this.#room(bytesOfMessages(messages), countOf(messages), options);
        return await broker.sendBatch(topic, messages, options);
      },
      sendHalf: async (topic, message, options) => {
        await this.#room(bytesOfMessage(message), 1, options);
        return await broker.sendHalf(topic, message, options);
      },
      appendBatch: async (topic, batch, options) => {
        await this.#room(batch instanceof Uint8Array ? batch.length : 0, 1, options);
        return await operationOf(broker, 'appendBatch')(topic, batch, options);
      },
    };
  }

  #transactions(): Partial<Operations> {
    const broker = this.#broker;
    // A transaction does not wait without end: it has one itself.
    const patience = <Options extends Patience>(options: Options | undefined): Patience => ({
      signal: options?.signal,
      timeoutMs: options?.timeoutMs ?? DEFAULTS.transactionMs,
    });
    const guarded = (transaction: Transaction): Transaction =>
      transactionView(transaction, {
        send: async (topic, message, options) => {
          await this.#room(bytesOfMessage(message), 1, patience(options));
          return await transaction.send(topic, message, options);
        },
        sendBatch: async (topic, messages, options) => {
          await this.#room(bytesOfMessages(messages), countOf(messages), patience(options));
          return await transaction.sendBatch(topic, messages, options);
        },
      });
    return {
      begin: async (options) => guarded(await broker.begin(options)),
      findTransaction: async (id) => guarded(await broker.findTransaction(id)),
    };
  }

  /** Resolves when something new may be taken in. */
  async #room(bytes: number, count: number, patience: Patience | undefined): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    if (!this.#mark.isHigh()) return;
    const { signal, timeoutMs } = patience ?? {};
    // What is no time and no signal is for the broker to refuse, and that at once.
    if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs >= 0)) return;
    if (signal !== undefined && !(signal instanceof AbortSignal)) return;
    if (timeoutMs === 0) throw this.#fullError();
    const onTimeout = (): never => {
      throw this.#fullError();
    };
    await this.#line.wait(null, { signal, timeoutMs, onTimeout, weight: bytes + count * OVERHEAD.recordBytes });
  }

  #admitAll(): void {
    for (let send = this.#line.first; send !== undefined; send = this.#line.first) send.serve();
  }

  #fullError(): MqError {
    const text = this.#mark.memoryShortage() ?? 'memory was full for as long as the call was willing to wait';
    return new MqError('MQ_LIMIT_EXCEEDED', text, { details: { retryAfterMs: RETRY_MS } });
  }
}

function countOf(messages: readonly Message[]): number {
  return Array.isArray(messages) ? messages.length : 0;
}
