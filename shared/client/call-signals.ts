/**
 * One AbortSignal for each call that is under way, aborted by its caller's signal or by all of them being given up.
 *
 *     caller's signal A --one listener--> call 1, call 2, ... call 20,000
 *     caller's signal B --one listener--> call 20,001
 *     abortAll() -----------------------> every call
 *
 * Always true: a signal of a caller has one listener however many calls share it, and none when they are over. Adding a
 * listener takes as long as the signal has listeners, so a listener for each call would be quadratic.
 * Used by Producer only.
 */
interface SharedSignal {
  readonly calls: Set<AbortController>;
  readonly onAbort: () => void;
}

export class CallSignals {
  readonly #calls = new Set<AbortController>();
  readonly #shared = new Map<AbortSignal, SharedSignal>();

  /** What `call` makes of a signal of its own. */
  async use<T>(callerSignal: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = new AbortController();
    this.#calls.add(own);
    if (callerSignal !== undefined) this.#follow(callerSignal, own);
    try {
      return await call(own.signal);
    } finally {
      this.#calls.delete(own);
      if (callerSignal !== undefined) this.#unfollow(callerSignal, own);
    }
  }

  abortAll(reason: Error): void {
    for (const call of this.#calls) call.abort(reason);
  }

  #follow(signal: AbortSignal, call: AbortController): void {
    if (signal.aborted) {
      call.abort(signal.reason);
      return;
    }
    let shared = this.#shared.get(signal);
    if (shared === undefined) {
      const calls = new Set<AbortController>();
      const onAbort = (): void => {
        for (const each of calls) each.abort(signal.reason);
      };
      shared = { calls, onAbort };
      this.#shared.set(signal, shared);
      signal.addEventListener('abort', onAbort, { once: true });
    }
    shared.calls.add(call);
  }

  #unfollow(signal: AbortSignal, call: AbortController): void {
    const shared = this.#shared.get(signal);
    if (shared === undefined) return;
    shared.calls.delete(call);
    if (shared.calls.size > 0) return;
    this.#shared.delete(signal);
    signal.removeEventListener('abort', shared.onAbort);
  }
}
