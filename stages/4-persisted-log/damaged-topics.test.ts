/** What becomes of a topic whose folder was damaged from outside: it is refused, and never made anew over what is left. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import { failNth } from '../../shared/disk-faults.ts';
import type { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { writeWholeFile } from './log/whole-file.ts';
import { atEveryCall, openVirtual, type VirtualBroker } from './testing/virtual-broker.ts';
import { DATA_FOLDER } from './testing/virtual-life.ts';
import { verifyFolder } from './tools/verify.ts';
import { folderNameOf } from './topic-folder.ts';

const TOPIC = join(DATA_FOLDER, 'topics', folderNameOf('orders'));

/** A broker that was closed in order with some records of two partitions, and a group that has finished one. */
async function closed(): Promise<VirtualBroker> {
  const opened = await openVirtual();
  await opened.broker.createTopic('orders', { partitionCount: 2 });
  for (const partition of [0, 1]) await opened.broker.send('orders', { body: `in ${partition}` }, { partition });
  await opened.broker.ack([await opened.receiveOne('orders')]);
  await opened.broker.send('mails', { body: 'hello' });
  await opened.broker.close();
  return opened;
}

const damages: readonly { readonly what: string; readonly damage: (disk: SimulatedDisk) => Promise<void> }[] = [
  { what: 'lost its topic.json', damage: (disk) => disk.remove(join(TOPIC, 'topic.json')) },
  {
    what: 'has a topic.json that is not what was written',
    damage: (disk) => writeWholeFile(disk, join(TOPIC, 'topic.json'), new TextEncoder().encode('{')),
  },
  { what: 'lost a partition', damage: (disk) => disk.removeFolder(join(TOPIC, 'p1')) },
  { what: 'lost what its groups have done', damage: (disk) => disk.removeFolder(join(TOPIC, 'groups')) },
];

const calls: readonly ((broker: Broker) => Promise<unknown>)[] = [
  (broker) => broker.createTopic('orders', { partitionCount: 2 }),
  (broker) => broker.send('orders', { body: 'x' }),
  (broker) => broker.receive('orders'),
  (broker) => broker.createGroup('orders', 'g'),
  (broker) => broker.fetch('orders'),
  (broker) => broker.describeTopics({ topic: 'orders' }),
];

for (const { what, damage } of damages) {
  test(`a topic that ${what} is refused with MQ_CORRUPT by every call, and no file of it is touched`, async () => {
    const opened = await closed();
    await damage(opened.disk);
    const before = await filesIn(opened.disk, TOPIC);
    const again = await opened.on(opened.disk);
    assert.ok(again.notices.some((text) => text.startsWith('a topic cannot be opened')));
    for (const call of calls) await assert.rejects(call(again.broker), { code: 'MQ_CORRUPT' });
    assert.deepEqual(await again.drain('mails'), ['hello'], 'others are not touched by that');
    await again.broker.close();
    assert.deepEqual(await filesIn(opened.disk, TOPIC), before);
  });

  test(`a topic that ${what} can be deleted, and made again`, async () => {
    const opened = await closed();
    await damage(opened.disk);
    const again = await opened.on(opened.disk);
    await again.broker.deleteTopic('orders');
    await again.broker.send('orders', { body: 'new' });
    assert.deepEqual(await (await again.afterPowerCut()).drain('orders'), ['new']);
  });
}

test('verify finds what is missing of a topic, and nothing in a sound folder', async () => {
  for (const folder of [DATA_FOLDER, join(DATA_FOLDER, 'topics'), TOPIC]) {
    const { disk } = await closed();
    assert.deepEqual((await verifyFolder({ disk, folder })).findings, []);
    for (const { what, damage } of damages) {
      const damaged = disk.remains(() => true);
      await damage(damaged);
      const { findings } = await verifyFolder({ disk: damaged, folder });
      assert.deepEqual(findings.length, 1, `${folder} ${what}`);
      assert.ok(findings[0]?.file.startsWith(TOPIC));
    }
  }
});

test('the offsets of a segment that is missing are told as verify tells them, the last one included', async () => {
  const opened = await openVirtual({ segmentBytesMax: 2048 });
  for (let index = 0; index < 60; index += 1) await opened.broker.send('orders', { body: 'x'.padEnd(100) });
  await opened.broker.close();
  const [first, second] = (await opened.disk.list(join(TOPIC, 'p0'))).filter((name) => name.endsWith('.log'));
  await opened.disk.remove(join(TOPIC, 'p0', first ?? ''));
  const again = await opened.on(opened.disk);
  const told = `offsets 0 to ${Number.parseInt(second ?? '', 10) - 1}: the file is missing`;
  assert.ok(
    again.notices.some((text) => text.endsWith(told)),
    again.notices.join('\n'),
  );
});

test('a partition that is missing may be made anew by hand, and the rest of the topic is there', async () => {
  const opened = await closed();
  await opened.disk.removeFolder(join(TOPIC, 'p1'));
  await opened.disk.makeFolder(join(TOPIC, 'p1'));
  const again = await opened.on(opened.disk);
  assert.deepEqual([await again.read('orders', 0), await again.read('orders', 1)], [['in 0'], []]);
});

describe('the creation of a topic', () => {
  test('that a power cut interrupts at any moment leaves the topic whole or nothing, and it can be used', async () => {
    const callCount = await atEveryCall(
      () => openVirtual({ autoCreateTopics: false }),
      ({ broker }) => broker.createTopic('orders', { partitionCount: 2 }),
      async (disk, { opened, call }) => {
        const after = await opened.on(disk);
        assert.deepEqual(
          after.notices.filter((text) => text.startsWith('a topic cannot')),
          [],
          `after call ${call}`,
        );
        await after.broker.createTopic('orders', { partitionCount: 2 });
        await after.broker.send('orders', { body: 'x' }, { partition: 1 });
        assert.deepEqual(await after.read('orders', 1), ['x']);
      },
    );
    assert.ok(callCount > 10, `${callCount} moments were tried`);
  });

  test('that fails at any call of the disk, and cannot be undone either, stands in no way', async () => {
    for (let n = 1; ; n += 1) {
      const opened = await openVirtual({ autoCreateTopics: false });
      const from = opened.disk.callCount;
      let hasFailed = false;
      const fail = failNth(n, { code: 'EIO' });
      opened.disk.onCall = (call) => {
        const fault = fail(call);
        hasFailed ||= fault !== undefined;
        return fault ?? (hasFailed && call.kind === 'rename' ? { code: 'EIO' } : undefined);
      };
      const failed = await opened.broker.createTopic('orders').then(
        () => false,
        () => true,
      );
      const wasReached = opened.disk.callCount - from >= n;
      opened.disk.onCall = undefined;
      await opened.broker.createTopic('orders');
      await opened.broker.send('orders', { body: 'x' });
      assert.deepEqual(await (await opened.afterPowerCut()).read('orders'), ['x'], `call ${n}, failed: ${failed}`);
      if (!wasReached) return assert.ok(n > 10, `${n} calls were tried`);
    }
  });
});

async function filesIn(disk: SimulatedDisk, folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await disk.list(folder)) {
    const path = join(folder, name);
    const names = await disk.list(path).catch(() => undefined);
    if (names === undefined) found.push(path);
    else found.push(path, ...(await filesIn(disk, path)));
  }
  return found;
}
