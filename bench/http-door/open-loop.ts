/**
 * Open-loop load: one request every so many µs, whether or not the last one was answered, as independent users send.
 * Response times are taken from the moment a request was DUE, so a server that stalls is charged for everything that
 * had to wait, and nothing is invented afterwards.
 *
 *     due      |    |    |    |    |    |         evenly paced
 *     sent     |    |    |         |||  |         the sender was late: charged too
 *     answered   |    |    |          |||  |
 *
 * Always true: at most `OPEN_COUNT_MAX` requests are open; a server that falls further behind ends the run.
 */
import { createHistogram } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Latency } from '../race.ts';
import { busyShare, latencyOf } from './closed-loop.ts';
import type { LoadOptions } from './loads.ts';
import { messagesPath, singleBody } from './loads.ts';
import type { Door } from './server-process.ts';

export interface OpenLoopOptions extends LoadOptions {
  readonly door: Door;
  readonly requestsPerSecond: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
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
  const { door, requestsPerSecond, warmUpMs, windowMs } = options;
  const pool = new Pool(door.url, { connections: CONNECTIONS_COUNT, pipelining: 1 });
  const latencyUs = createHistogram();
  const gapMs = 1000 / requestsPerSecond;
  const totalCount = Math.ceil((warmUpMs + windowMs) / gapMs);
  const startedMs = performance.now();
  const windowFromMs = startedMs + warmUpMs;
  let openCount = 0;
  const failures: unknown[] = [];
  let lastPost: Promise<void> = Promise.resolve();
  try {
    const before = await door.usage?.();
    for (let number = 0; number < totalCount && failures.length === 0; ) {
      const dueMs = startedMs + number * gapMs;
      if (performance.now() < dueMs) {
        await nextTurn();
        continue;
      }
      if (openCount >= OPEN_COUNT_MAX) throw new Error(`the server is ${OPEN_COUNT_MAX} requests behind`);
      openCount += 1;
      lastPost = post(pool, options, number)
        .then(() => {
          if (dueMs >= windowFromMs) latencyUs.record(Math.max(1, Math.round((performance.now() - dueMs) * 1000)));
        })
        .catch((error: unknown) => failures.push(error))
        .then(() => {
          openCount -= 1;
        });
      number += 1;
    }
    while (openCount > 0) await nextTurn();
    await lastPost;
    const after = await door.usage?.();
    if (failures.length > 0) throw failures[0];
    const answersPerSecond = (latencyUs.count / (performance.now() - windowFromMs)) * 1000;
    return { answersPerSecond, latency: latencyOf(latencyUs), serverBusyShare: busyShare(before, after) };
  } finally {
    await pool.destroy();
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
