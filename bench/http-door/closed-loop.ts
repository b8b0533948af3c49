/**
 * Closed-loop load by autocannon: each connection sends its next request when the last one is answered, so the rate is
 * what the server can do, and response times are those of a busy server.
 *
 *     | connections warm up | window: answers are counted and timed | idle: what is open is answered | stop |
 *
 * What autocannon measures itself is not used. Its rates are sums over whole sampling intervals, its histogram counts
 * in ms, and, given a rate, it invents samples to correct for coordinated omission unless `ignoreCoordinatedOmission` is
 * set, which version 9 accepts only together with a rate: in a closed loop there is none and nothing is invented. We
 * count and time the `response` events ourselves. Load at a rate is `open-loop.ts`'s.
 *
 * Always true: autocannon can only cut connections, and a cut one may leave a message that was handed out and never
 * counted; so before it stops, every connection has turned to asking for `/healthz`, and no real request is open.
 */
import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Instance, Options, Request } from 'autocannon';
import { loadOptional } from '../optional-package.ts';
import type { Latency } from '../race.ts';
import { ANSWER_MS_MAX, reached, settled } from '../servers/deadline.ts';
import type { Usage } from '../servers/server-main.ts';
import type { Door } from '../servers/server-process.ts';

export interface ClosedLoopOptions {
  readonly door: Door;
  readonly connectionsCount: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** Sent in turn by each connection. */
  readonly requests: readonly Request[];
}

export interface ClosedLoopResult {
  /** In the window. */
  readonly answersPerSecond: number;
  readonly latency: Latency;
  /** CPU time of the server's process in the window, as a share of one core. */
  readonly serverBusyShare: number | undefined;
}

/** How often autocannon looks whether it shall stop. */
const SAMPLE_MS = 20;
/** Longer than any run: we stop it. */
const DURATION_S_MAX = 3600;

export async function runClosedLoop(options: ClosedLoopOptions): Promise<ClosedLoopResult> {
  const { default: autocannon } = await loadOptional('autocannon');
  const { door, connectionsCount, requests } = options;
  const idling = new Idling();
  const settings: Options = {
    url: door.url,
    connections: connectionsCount,
    pipelining: 1,
    duration: DURATION_S_MAX,
    sampleInt: SAMPLE_MS,
    excludeErrorStats: true,
    requests: requests.map((request) => idling.wrap(request)),
  };
  const ended = Promise.withResolvers<void>();
  const run = autocannon(settings, (error: unknown) => (error ? ended.reject(error) : ended.resolve()));
  const answers = new AnswerWindow(run);
  try {
    await sleep(options.warmUpMs);
    const before = await door.usage?.();
    answers.open();
    await sleep(options.windowMs);
    await reached(() => answers.count > 0, { msMax: ANSWER_MS_MAX, otherwise: 'no request was answered' });
    answers.close();
    const after = await door.usage?.();
    await idling.reached();
    const { answersPerSecond, latency } = answers.result;
    return { answersPerSecond, latency, serverBusyShare: busyShare(before, after) };
  } finally {
    run.stop();
    await settled(ended.promise, { msMax: ANSWER_MS_MAX, otherwise: 'autocannon did not stop' });
  }
}

/** Turns a load into harmless requests, one connection after the other. */
class Idling {
  #isAsked = false;
  /** What the first answer that was wrong was refused with. */
  #failure: unknown;
  /** Real requests without an answer. */
  #openCount = 0;

  /** The same request until idling is asked for. */
  wrap(request: Request): Request {
    return {
      ...request,
      setupRequest: (prepared, context) => {
        const isIdle = this.#isAsked && !isUnfinished(context);
        Object.assign(context, { isIdle });
        if (isIdle) return { ...prepared, method: 'GET', path: '/healthz', headers: {}, body: undefined };
        this.#openCount += 1;
        return typeof request.setupRequest === 'function' ? request.setupRequest(prepared, context) : prepared;
      },
      onResponse: (status, body, context, headers) => {
        if ((context as { isIdle?: boolean }).isIdle) return;
        this.#openCount -= 1;
        try {
          if (typeof request.onResponse === 'function') request.onResponse(status, body, context, headers);
        } catch (error) {
          this.#failure ??= error; // thrown on, it would end the process from inside the HTTP parser
        }
      },
    };
  }

  async reached(): Promise<void> {
    this.#isAsked = true;
    await reached(() => this.#openCount === 0, {
      msMax: ANSWER_MS_MAX,
      otherwise: 'the requests that were open at the end of the load were not answered',
    });
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** True while a connection holds a delivery that its next request acknowledges. */
function isUnfinished(context: object): boolean {
  return 'delivery' in context;
}

/** Counts and times the answers that arrive while it is open. */
class AnswerWindow {
  readonly #latencyUs = createHistogram();
  #isOpen = false;
  #openedAtMs = 0;
  #openMs = 0;
  /** Answers of 300 and above, and connections that broke: a run with any of them measured something else. */
  #failure: string | undefined;

  constructor(run: Instance) {
    run.on('response', (_client: Client, status: number, _bytes: number, durationMs: number) => {
      if (status >= 300) this.#failure ??= `a request was answered ${status}`;
      if (this.#isOpen) this.#latencyUs.record(Math.max(1, Math.round(durationMs * 1000)));
    });
    run.on('reqError', (error: Error) => {
      this.#failure ??= `a request failed: ${error.message}`;
    });
  }

  open(): void {
    this.#isOpen = true;
    this.#openedAtMs = performance.now();
  }

  close(): void {
    this.#isOpen = false;
    this.#openMs = performance.now() - this.#openedAtMs;
  }

  get count(): number {
    return this.#latencyUs.count;
  }

  get result(): { readonly answersPerSecond: number; readonly latency: Latency } {
    if (this.#failure !== undefined) throw new Error(`the load is not what it should be: ${this.#failure}`);
    return { answersPerSecond: (this.#latencyUs.count / this.#openMs) * 1000, latency: latencyOf(this.#latencyUs) };
  }
}

export function latencyOf(histogram: { percentile(percent: number): number; readonly max: number }): Latency {
  return {
    p50Us: histogram.percentile(50),
    p99Us: histogram.percentile(99),
    p999Us: histogram.percentile(99.9),
    maxUs: histogram.max,
  };
}

export function busyShare(before: Usage | undefined, after: Usage | undefined): number | undefined {
  if (before === undefined || after === undefined) return undefined;
  return (after.cpuUs - before.cpuUs) / (after.wallUs - before.wallUs);
}
