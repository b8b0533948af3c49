/**
 * A Broker that is always the one that runs now: its process may die and start again, those who use it stay.
 *
 *     actors --> broker (this) --> client of life 1     gone: calls wait     client of life 2 ...
 *
 * Always true: a call that was on its way when the broker died rejects with `MQ_CONNECTION_LOST` and is not repeated here;
 * one that comes while there is none waits for the next, until its signal aborts it; after `end` all reject with `MQ_CLOSED`.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import { abortedError, isMqError, MqError } from '../../shared/contract/errors.ts';

export class BrokerOfNow {
  /** What its users hold, whichever broker there is. */
  readonly broker: Broker;
  /** The one that runs, or the last that did. */
  #last: Broker;
  /** Resolves to the one that runs, at once while there is one. */
  #next: PromiseWithResolvers<Broker>;
  #isEnded = false;

  constructor(first: Broker) {
    this.#last = first;
    this.#next = waiting();
    this.#next.resolve(first);
    this.broker = new Proxy(first, { get: (_, name) => this.#member(name) });
  }

  /** The one there was does not answer any more. */
  gone(): void {
    this.#next = waiting();
    if (this.#isEnded) this.#next.reject(closedError());
  }

  become(broker: Broker): void {
    this.#last = broker;
    this.#next.resolve(broker);
  }

  /** There will be none any more. */
  end(): void {
    this.#isEnded = true;
    this.#next.reject(closedError());
  }

  #member(name: string | symbol): unknown {
    const member: unknown = Reflect.get(this.#last, name, this.#last);
    return typeof member === 'function' ? (...args: unknown[]) => this.#call(name, args) : member;
  }

  async #call(name: string | symbol, args: readonly unknown[]): Promise<unknown> {
    const broker = await unlessAborted(this.#next.promise, signalIn(args));
    const operation = Reflect.get(broker, name, broker) as (...args: readonly unknown[]) => unknown;
    try {
      return await operation.apply(broker, [...args]);
    } catch (error) {
      // A client whose connection broke is closed for good; its user goes on with the next one.
      if (!isMqError(error, 'MQ_CLOSED') || this.#isEnded) throw error;
      throw new MqError('MQ_CONNECTION_LOST', 'the broker is gone', { cause: error });
    }
  }
}

/** A promise that may reject without anybody listening. */
function waiting(): PromiseWithResolvers<Broker> {
  const next = Promise.withResolvers<Broker>();
  next.promise.catch(() => undefined);
  return next;
}

/** The `signal` of an operation's options, wherever they stand. */
function signalIn(args: readonly unknown[]): AbortSignal | undefined {
  for (const arg of args) {
    const { signal } = (arg ?? {}) as { readonly signal?: unknown };
    if (signal instanceof AbortSignal) return signal;
  }
  return undefined;
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortedError(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function closedError(): MqError {
  return new MqError('MQ_CLOSED', 'the screen is closed');
}
