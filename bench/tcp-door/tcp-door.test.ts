import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LONG_PLAN, type Plan } from '../plan.ts';
import { race } from '../race.ts';
import { NO_COUNTS, numberIn, Tally } from '../tally.ts';
import { withTcpDoors } from './doors.ts';
import { readBatches } from './end-to-end.ts';
import { encodeNumberedBatches, forEachNumber } from './numbered-batches.ts';
import { tcpScenarios } from './scenarios.ts';

const TARGETS = { stages: [4], urls: [], tcpUrls: [], hasProtocols: false } as const;
/** As little as goes through every path, the long one too. */
const TINY: Plan = {
  ...LONG_PLAN,
  bytesCount: 2500,
  objectsCount: 1500,
  pushedCount: 20,
  syncedCount: 20,
  appendedCount: 200,
  filledCount: 1000,
  filledLongCount: 2000,
};

test('a numbered batch is read without taking it apart, also where the last one is shorter', () => {
  const batches = encodeNumberedBatches({ count: 25, batchCount: 10 });
  assert.equal(batches.length, 3);
  const numbers: number[] = [];
  assert.equal(
    forEachNumber(Buffer.concat(batches), (number) => numbers.push(number)),
    25,
  );
  assert.deepEqual(
    numbers,
    Array.from({ length: 25 }, (_, number) => number),
  );
});

test('a number can be read in the middle of bytes', () => {
  const [batch = new Uint8Array()] = encodeNumberedBatches({ count: 1 });
  assert.equal(numberIn(batch, batch.length - 100), 0);
});

test('every contestant of every scenario brings every message back once, and the floors as many bytes', async () => {
  await withTcpDoors(TARGETS, async (doors) => {
    for (const scenario of tcpScenarios(doors, TINY)) {
      for (const [name, runs] of await race(scenario, { roundsCount: 3 })) {
        for (const { counts, messagesPerSecond, latency, serverCpuUsPerMessage } of runs) {
          const what = `${scenario.name}: ${name}`;
          assert.ok(counts.sent > 0 && messagesPerSecond > 0, what);
          assert.deepEqual(counts, { ...NO_COUNTS, sent: counts.sent, received: counts.sent }, what);
          assert.ok(serverCpuUsPerMessage !== undefined && serverCpuUsPerMessage >= 0, what);
          const isTimed = scenario.name === 'pushed' || scenario.name === 'synced';
          assert.equal(latency !== undefined && latency.p50Us > 0, isTimed, what);
        }
      }
    }
  });
});

test('what a log does not hand out is lost, and what it hands out twice a duplicate', async () => {
  const [first = new Uint8Array(), second = new Uint8Array()] = encodeNumberedBatches({ count: 20, batchCount: 10 });
  const tally = new Tally(30);
  for (let number = 0; number < 30; number += 1) tally.sent(number);
  const answers = [first, second, first].map((bytes, index) => ({ bytes, nextOffset: 10 * (index + 1) }));
  const reader = {
    fetchBatches: async () => ({
      ...(answers.shift() ?? { bytes: first, nextOffset: 30 }),
      logStartOffset: 0,
      highWatermark: 30,
    }),
  };
  await readBatches({ reader, topic: 't', tally, count: 30 });
  assert.deepEqual(tally.counts, { ...NO_COUNTS, sent: 30, received: 20, lost: 10, duplicate: 10 });
});
