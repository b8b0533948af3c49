import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failNth } from '../../../shared/disk-faults.ts';
import { everySubset, everyTear } from '../../../shared/power-cut.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { PowerCuts } from '../../../shared/testing/power-cuts.ts';
import { readSealed, writeSealed } from './whole-file.ts';

const PATH = '/data/state.json';

async function begun(content?: unknown): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.makeFolder('/data');
  if (content !== undefined) await writeSealed(disk, PATH, content);
  return disk;
}

for (const old of [undefined, { version: 'old' }]) {
  test(`a power cut anywhere in a write leaves ${old ? 'the old content' : 'no file'} or the new one`, async () => {
    const disk = await begun(old);
    let wasWritten = false;
    const cuts = new PowerCuts(disk, {
      known: () => wasWritten,
      fates: (unsynced) => [...everySubset(unsynced), ...everyTear(unsynced)],
    });
    await writeSealed(disk, PATH, { version: 'new' });
    wasWritten = true;
    const seen = new Set<unknown>();
    for (const cut of cuts.end()) {
      const content = await readSealed(cut.disk, PATH);
      if (cut.known) assert.deepEqual(content, { version: 'new' }, cut.place);
      seen.add(JSON.stringify(content));
      await writeSealed(cut.disk, PATH, { version: 'after' });
      assert.deepEqual(await readSealed(cut.disk.crash(), PATH), { version: 'after' }, cut.place);
    }
    assert.deepEqual([...seen].sort(), [JSON.stringify(old), '{"version":"new"}'].sort());
  });
}

test('whichever call fails, the content is the old one or the new one, nothing stays open, and the next write is fine', async () => {
  for (let n = 1; ; n += 1) {
    const disk = await begun({ version: 'old' });
    disk.onCall = failNth(n);
    const error = await writeSealed(disk, PATH, { version: 'new' }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    disk.onCall = undefined;
    assert.deepEqual(disk.openPaths, [], `call ${n}`);
    const content = JSON.stringify(await readSealed(disk.remains(), PATH));
    assert.ok(content === '{"version":"new"}' || (error && content === '{"version":"old"}'), `call ${n}: ${content}`);
    await writeSealed(disk, PATH, { version: 'after' });
    assert.deepEqual(await readSealed(disk.crash(), PATH), { version: 'after' });
    if (error === undefined) break;
    assert.ok(n < 100, 'some run has no failure');
  }
});

test('every bit that rots in a sealed file is found', async () => {
  const disk = await begun({ version: 'kept' });
  const file = await disk.open(PATH, 'read');
  const bits = (await file.size()) * 8;
  await file.close();
  for (let bit = 0; bit < bits; bit += 1) {
    disk.flipBit(PATH, bit);
    const content = await readSealed(disk, PATH).catch((error: unknown) => error);
    const isFound = content instanceof Error && 'code' in content && content.code === 'MQ_CORRUPT';
    assert.ok(isFound || JSON.stringify(content) === '{"version":"kept"}', `bit ${bit}: ${JSON.stringify(content)}`);
    disk.flipBit(PATH, bit);
  }
});
