import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { DiskWatch } from './disk-watch.ts';

test('room is short below the reserve, and enough again only a tenth above it; people are told once of each', async () => {
  const clock = new VirtualClock();
  const notices: string[] = [];
  let freeBytes = 1000;
  const disk = Object.assign(new SimulatedDisk(), { freeBytes: async () => freeBytes });
  const onNotice = (text: string): void => void notices.push(text);
  const watch = new DiskWatch({ disk, clock, folder: '/data', reserveBytes: 1000, onNotice });
  const isShortAt = async (bytes: number): Promise<boolean> => {
    freeBytes = bytes;
    await clock.pass(500);
    watch.shortage(); // asks, and does not wait for the answer
    await clock.pass(0);
    return watch.shortage() !== undefined;
  };
  assert.deepEqual([await isShortAt(1000), await isShortAt(999), await isShortAt(1000)], [false, true, true]);
  assert.deepEqual([await isShortAt(1099), await isShortAt(1100), await isShortAt(1000)], [true, false, false]);
  assert.equal(notices.length, 2);
  assert.match(notices[0] ?? '', /nothing new is accepted below/);
  assert.match(notices[1] ?? '', /there is room again/);
});
