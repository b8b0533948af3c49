import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../../shared/clock.ts';
import { failNth, HeldSyncs } from '../../../shared/disk-faults.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { AcceptTimes } from './accept-times.ts';
import { CHANNELS } from './channels.ts';
import { Histogram } from './histogram.ts';
import { WatchedDisk } from './watched-disk.ts';

test('a histogram counts what is at most so large, and keeps the sum', () => {
  const histogram = new Histogram([1, 10, 100]);
  histogram.add(0);
  histogram.add(1, 2);
  histogram.add(1.5);
  histogram.add(100);
  histogram.add(100.5, 3);
  assert.deepEqual(histogram.value(), {
    buckets: [
      { atMost: 1, count: 3 },
      { atMost: 10, count: 4 },
      { atMost: 100, count: 5 },
    ],
    sum: 0 + 2 + 1.5 + 100 + 301.5,
    count: 8,
  });
});

test('a histogram puts any number where a search from the front would', () => {
  const bounds = [0.001, 0.01, 0.1, 1, 10];
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true })), (values) => {
      const histogram = new Histogram(bounds);
      for (const value of values) histogram.add(value);
      const expected = bounds.map((atMost) => ({ atMost, count: values.filter((value) => value <= atMost).length }));
      assert.deepEqual(histogram.value().buckets, expected);
      assert.equal(histogram.value().count, values.length);
    }),
  );
});

test('the time a record was accepted is known for each one, whatever runs are asked for', () => {
  const times = new AcceptTimes();
  times.add({ fromOffset: 10, count: 5, at: 1000 }, 100);
  times.add({ fromOffset: 15, count: 1, at: 1000 }, 100);
  times.add({ fromOffset: 16, count: 4, at: 1003 }, 100);
  assert.equal(times.markCount, 2, 'neighbours of one millisecond share a mark');
  const seen: [number, number][] = [];
  const unknown = times.forEach({ fromOffset: 8, count: 20 }, (at, count) => seen.push([at, count]));
  assert.deepEqual(seen, [
    [1000, 6],
    [1003, 4],
  ]);
  assert.equal(unknown, 10, 'two before the first, eight behind the last');
  assert.equal(
    new AcceptTimes().forEach({ fromOffset: 0, count: 3 }, () => assert.fail()),
    3,
  );
});

test('accept times that become many become coarse: never more than the bound, never too late, all still known', () => {
  const times = new AcceptTimes();
  const acceptedAt = (offset: number): number => offset * 3;
  for (let offset = 0; offset < 10_000; offset += 1)
    times.add({ fromOffset: offset, count: 1, at: acceptedAt(offset) }, 64);
  assert.ok(times.markCount <= 64, `${times.markCount} marks`);
  for (let offset = 0; offset < 10_000; offset += 7) {
    let at = Number.NaN;
    assert.equal(
      times.forEach({ fromOffset: offset, count: 1 }, (told) => {
        at = told;
      }),
      0,
    );
    assert.ok(at <= acceptedAt(offset), 'a latency is never told too short');
  }
  const exact: number[] = [];
  times.forEach({ fromOffset: 9_990, count: 10 }, (at) => exact.push(at));
  assert.deepEqual(
    exact,
    [9990, 9991, 9992, 9993, 9994, 9995, 9996, 9997, 9998, 9999].map(acceptedAt),
    'the young ones',
  );
});

test('offsets that are given again have the time of the second record', () => {
  const times = new AcceptTimes();
  times.add({ fromOffset: 0, count: 10, at: 1 }, 100);
  times.add({ fromOffset: 10, count: 10, at: 2 }, 100);
  times.add({ fromOffset: 10, count: 3, at: 9 }, 100);
  const seen: [number, number][] = [];
  assert.equal(
    times.forEach({ fromOffset: 8, count: 12 }, (at, count) => seen.push([at, count])),
    7,
  );
  assert.deepEqual(seen, [
    [1, 2],
    [9, 3],
  ]);
});

test('a channel is watched only while somebody listens, and tells each listener of its own broker', () => {
  const [mine, other] = [{}, {}];
  const heard: string[] = [];
  const event = { at: 1, topic: 't', change: 'made' } as const;
  assert.equal(CHANNELS.topicChanged.isWatched, false);
  const end = CHANNELS.topicChanged.watch(mine, ({ topic }) => heard.push(topic));
  assert.equal(CHANNELS.topicChanged.isWatched, true);
  CHANNELS.topicChanged.publish({ ...event, source: mine });
  CHANNELS.topicChanged.publish({ ...event, source: other, topic: 'foreign' });
  end();
  CHANNELS.topicChanged.publish({ ...event, source: mine, topic: 'late' });
  assert.deepEqual(heard, ['t']);
  assert.equal(CHANNELS.topicChanged.isWatched, false);
});

test('a watched disk times its syncs, counts those that fail, and tells since when one has not come back', async () => {
  const clock = new VirtualClock();
  const disk = new SimulatedDisk();
  const watched = new WatchedDisk(disk, clock);
  await watched.makeFolder('/data');
  const file = await watched.open('/data/log', 'create');
  await file.write([new Uint8Array(3)], 0);
  await file.sync();
  assert.equal(watched.syncSeconds.count, 1);
  assert.equal(watched.stalledMs, 0);
  disk.onCall = failNth(1);
  await assert.rejects(file.sync(), { code: 'EIO' });
  assert.deepEqual([watched.syncSeconds.count, watched.syncFailureCount, watched.stalledMs], [1, 1, 0]);
  const held = new HeldSyncs();
  disk.onCall = held.watch;
  const hanging = file.sync();
  await clock.pass(1500);
  const later = file.sync();
  await clock.pass(1000);
  assert.equal(watched.stalledMs, 2500, 'of the oldest');
  held.open();
  await Promise.all([hanging, later]);
  assert.equal(watched.stalledMs, 0);
  assert.deepEqual(watched.syncSeconds.value().sum, 0 + 2.5 + 1);
});
