import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ANSWER_MS_MAX, settled } from '../servers/deadline.ts';
import { ServerProcess } from '../servers/server-process.ts';
import { numberInText, Tally } from '../tally.ts';
import { runClosedLoop } from './closed-loop.ts';
import { startFloorServer } from './floor-server.ts';
import { BATCH_COUNT, batchPosts, receives, singlePosts } from './loads.ts';
import { runOpenLoop } from './open-loop.ts';
import { measureWaiters } from './waiters.ts';

const SHORT = { connectionsCount: 4, warmUpMs: 20, windowMs: 80 } as const;

/** A server of the test's own making; `url` is where it listens. */
async function serve(listener: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await settled(closed, { msMax: ANSWER_MS_MAX, otherwise: "the test's server did not close" });
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

test('single posts: every request is answered before the load ends, and every message counted once', async () => {
  const numbers: number[] = [];
  const server = await serve(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    if (request.method === 'POST') numbers.push(numberInText(JSON.parse(text).body));
    response.end('{}');
  });
  try {
    const tally = new Tally();
    const requests = singlePosts({ topic: 't', tally });
    const { answersPerSecond, latency } = await runClosedLoop({ ...SHORT, door: server, requests });
    assert.ok(answersPerSecond > 0);
    assert.ok(latency.p50Us > 0 && latency.p50Us <= latency.p99Us && latency.p99Us <= latency.maxUs);
    for (const number of numbers) tally.received(number);
    const { counts } = tally;
    assert.equal(counts.sent, numbers.length);
    assert.deepEqual({ ...counts, sent: 0, received: 0 }, { ...new Tally(1).counts });
  } finally {
    await server.close();
  }
});

test('binary batches carry consecutive numbers in the bytes of the protocol', async () => {
  const server = await ServerProcess.start('stage-1');
  try {
    const created = await fetch(`${server.url}/topics/t`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messagesMax: 2 ** 20 }),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    assert.equal(created.status, 204);
    const tally = new Tally();
    await runClosedLoop({ ...SHORT, door: server, requests: batchPosts({ topic: 't', tally }) });
    assert.ok(tally.counts.sent > 0);
    assert.equal(tally.counts.sent % BATCH_COUNT, 0);
    const answer = await fetch(`${server.url}/topics/t/deliveries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ max: BATCH_COUNT }),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const { deliveries } = (await answer.json()) as { deliveries: { body: string }[] };
    const numbers = deliveries.map(({ body }) => numberInText(body));
    const [first = -1] = numbers;
    assert.equal(first % BATCH_COUNT, 0);
    assert.deepEqual(
      numbers,
      Array.from({ length: BATCH_COUNT }, (_, index) => first + index),
    );
  } finally {
    await server.stop();
  }
});

test('the floor answers every load the bench sends', async () => {
  const floor = await startFloorServer();
  try {
    const tally = new Tally();
    for (const requests of [
      singlePosts({ topic: 't', tally }),
      batchPosts({ topic: 't', tally }),
      receives({ topic: 't', tally, hasLease: true }),
    ]) {
      const { answersPerSecond } = await runClosedLoop({ ...SHORT, door: floor, requests });
      assert.ok(answersPerSecond > 0);
    }
    assert.equal(tally.counts.unanswered, 0);
  } finally {
    await floor.close();
  }
});

test('a load that is refused fails, because it measures refusals', async () => {
  const server = await serve((_request, response) => {
    response.statusCode = 429;
    response.end();
  });
  try {
    const requests = singlePosts({ topic: 't', tally: new Tally() });
    await assert.rejects(runClosedLoop({ ...SHORT, door: server, requests }), /answered 429/);
    const options = { door: server, topic: 't', tally: new Tally(), requestsPerSecond: 200, warmUpMs: 0, windowMs: 50 };
    await assert.rejects(runOpenLoop(options), /answered 429/);
  } finally {
    await server.close();
  }
});

test('evenly paced load charges a stall to every request that was due in it', async () => {
  const STALL_MS = 100;
  let arrivedCount = 0;
  // From the 20th request until the timer rings nothing is answered, however many arrive in that time.
  const stall = { isOver: false, held: [] as (() => void)[] };
  const end = (): void => {
    stall.isOver = true;
    for (const answer of stall.held) answer();
  };
  const server = await serve((request, response) => {
    request.resume();
    arrivedCount += 1;
    const answer = (): void => {
      response.end('{}');
    };
    if (arrivedCount === 20) setTimeout(end, STALL_MS);
    if (arrivedCount >= 20 && !stall.isOver) stall.held.push(answer);
    else answer();
  });
  try {
    const tally = new Tally();
    const options = { door: server, topic: 't', tally, requestsPerSecond: 500, warmUpMs: 0, windowMs: 400 };
    const { latency, answersPerSecond } = await runOpenLoop(options);
    assert.equal(tally.counts.sent, 200);
    assert.equal(tally.counts.unanswered, 0);
    assert.ok(answersPerSecond > 0);
    // A tenth of the requests waited half of the stall or longer; a closed loop would have seen one per connection.
    assert.ok(latency.p99Us >= (STALL_MS / 2) * 1000, `p99 ${latency.p99Us} µs`);
  } finally {
    await server.close();
  }
});

test('a server that stops answering ends the load with a word on what is missing', async () => {
  const server = await serve((request) => {
    request.resume();
  });
  try {
    const options = { door: server, topic: 't', tally: new Tally(), requestsPerSecond: 200, warmUpMs: 0, windowMs: 50 };
    await assert.rejects(
      runOpenLoop({ ...options, answerMsMax: 200 }),
      /^Error: no answer within 200 ms, with \d+ requests open$/,
    );
  } finally {
    await server.close();
  }
});

test('long polls are all woken or gone, none is lost, and a server tells what it held', async () => {
  const server = await ServerProcess.start('stage-2');
  try {
    const result = await measureWaiters(server, 40);
    assert.equal(result.wokenCount, 20);
    assert.equal(result.lostCount, 0);
    assert.equal(result.waiterCountAfter, 0);
    assert.ok(result.before.heldBytes > 0 && result.during.residentBytes >= result.during.heldBytes / 2);
    assert.ok(Number.isFinite(result.bytesPerWaiter) && Number.isFinite(result.givenBackShare));
  } finally {
    await server.stop();
  }
});

test('a server process that ends instead of answering is an error, not a wait', async () => {
  const server = await ServerProcess.start('floor');
  const [asked] = await Promise.allSettled([server.usage(), server.stop()]);
  await assert.rejects(async () => {
    if (asked.status === 'rejected') throw asked.reason; // else it was quick, and the next question comes too late
    await server.usage();
  }, Error);
});
