/**
 * Open-loop load: one request every so many µs, whether or not the last one was answered, as independent users send.
 * Response times are taken from the moment a request was DUE, so a server that stalls is charged for everything that
 * had to wait, and nothing is invented afterwards.
 *
 *     due      |    |    |    |    |    |         evenly paced
 *     sent     |    |    |         |||  |         the sender was late: charged too
 *     answered   |    |    |          |||  |
 *
 * Always true: at most `OPEN_COUNT_MAX` requests are open; a server that falls further behind ends the run, and so does
 * one that answers nothing for `answerMsMax` while requests are open.
 */
import { createHistogram } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Latency } from '../race.ts';
import { ANSWER_MS_MAX } from '../servers/deadline.ts';
import type { Door } from '../servers/server-process.ts';
import { busyShare, latencyOf } from './closed-loop.ts';
import type { LoadOptions } from './loads.ts';
import { messagesPath, singleBody } from './loads.ts';

export interface OpenLoopOptions extends LoadOptions {
  readonly door: Door;
  readonly requestsPerSecond: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** Default `ANSWER_MS_MAX`. */
  readonly answerMsMax?: number;
}

export interface OpenLoopResult {
  /** Answers to the requests that were due in the window, per second of the window. */
  readonly answersPerSecond: number;
  readonly latency: Latency;
  readonly serverBusyShare: number | undefined;
}

const CONNECTIONS_COUNT = 64;
const OPEN_COUNT_MAX = 10_000;

/** Posts single messages; resolves when every request has been answered. */
export async function runOpenLoop(options: OpenLoopOptions): Promise<OpenLoopResult> {
  const { door, requestsPerSecond, warmUpMs, windowMs, answerMsMax = ANSWER_MS_MAX } = options;
  const pool = new Pool(door.url, { connections: CONNECTIONS_COUNT, pipelining: 1 });
  const latencyUs = createHistogram();
  const gapMs = 1000 / requestsPerSecond;
  const totalCount = Math.ceil((warmUpMs + windowMs) / gapMs);
  const startedMs = performance.now();
  const windowFromMs = startedMs + warmUpMs;
  const open = new OpenRequests(answerMsMax);
  try {
    const before = await door.usage?.();
    for (let number = 0; number < totalCount; ) {
      open.check();
      const dueMs = startedMs + number * gapMs;
      if (performance.now() < dueMs) {
        await nextTurn();
        continue;
      }
      const send = post.bind(undefined, pool, options, number);
      open.add(send, () => {
        if (dueMs >= windowFromMs) latencyUs.record(Math.max(1, Math.round((performance.now() - dueMs) * 1000)));
      });
      number += 1;
    }
    do {
      await nextTurn();
      open.check();
    } while (open.count > 0);
    const after = await door.usage?.();
    const answersPerSecond = (latencyUs.count / (performance.now() - windowFromMs)) * 1000;
    return { answersPerSecond, latency: latencyOf(latencyUs), serverBusyShare: busyShare(before, after) };
  } finally {
    await pool.destroy();
  }
}

/** The requests without an answer. */
class OpenRequests {
  readonly #answerMsMax: number;
  #count = 0;
  /** When one was answered, or sent while none was open: since then the server owes an answer. */
  #quietSinceMs = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(answerMsMax: number) {
    this.#answerMsMax = answerMsMax;
  }

  get count(): number {
    return this.#count;
  }

  /** Throws when the server is too far behind. */
  add(send: () => Promise<void>, onAnswered: () => void): void {
    if (this.#count >= OPEN_COUNT_MAX) throw new Error(`the server is ${OPEN_COUNT_MAX} requests behind`);
    if (this.#count === 0) this.#quietSinceMs = performance.now();
    this.#count += 1;
    send()
      .then(onAnswered)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#count -= 1;
        this.#quietSinceMs = performance.now();
      });
  }

  /** Throws the first failure, and when the server is silent. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#count > 0 && performance.now() - this.#quietSinceMs > this.#answerMsMax) {
      throw new Error(`no answer within ${this.#answerMsMax} ms, with ${this.#count} requests open`);
    }
  }
}

async function post(pool: Pool, { topic, tally }: LoadOptions, number: number): Promise<void> {
  tally.attempt(number);
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: messagesPath(topic),
    headers: { 'content-type': 'application/json' },
    body: singleBody(number),
  });
  await body.dump();
  if (statusCode !== 200) throw new Error(`a request was answered ${statusCode}`);
  tally.sent(number);
}
