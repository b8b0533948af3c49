import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../../shared/contract/errors.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import type { Disk } from '../../shared/disk.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { DataFolder } from './data-folder.ts';
import { readWholeFile, writeWholeFile } from './log/whole-file.ts';
import { folderNameOf, type TopicDefinition } from './topic-folder.ts';

const ID = '00112233445566778899aabbccddeeff';

function definition(name: string): TopicDefinition {
  return { name, topicId: ID, options: { messagesMax: 5 } };
}

async function namesIn(folder: DataFolder): Promise<string[]> {
  const topics = await folder.topics();
  return topics.map(({ definition }) => (definition instanceof MqError ? definition.code : definition.name)).sort();
}

async function refused(call: Promise<unknown>, code: ErrorCode): Promise<MqError> {
  const error = await call.then(
    () => assert.fail(`expected ${code}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(isMqError(error, code), String(error));
  return error;
}

async function write(disk: Disk, path: string, text: string): Promise<void> {
  await writeWholeFile(disk, path, new TextEncoder().encode(text));
}

test('a topic that was created is found after a power cut, with all it was created with', async () => {
  const disk = new SimulatedDisk();
  const folder = await DataFolder.open(disk, '/data');
  await folder.createTopic(definition('orders'));
  const after = await DataFolder.open(disk.crash(), '/data');
  const [found] = await after.topics();
  assert.deepEqual(found?.definition, definition('orders'));
  assert.equal(found?.folder, folder.folderOf('orders'));
});

test('a topic that was deleted stays deleted after a power cut', async () => {
  const disk = new SimulatedDisk();
  const folder = await DataFolder.open(disk, '/data');
  await folder.deleteTopic(await folder.createTopic(definition('orders')));
  assert.deepEqual(await namesIn(await DataFolder.open(disk.crash(), '/data')), []);
});

test('a power cut at any moment of a deletion leaves the topic whole or gone, and what is left over is removed', async () => {
  for (let call = 1; ; call += 1) {
    const disk = new SimulatedDisk();
    const folder = await DataFolder.open(disk, '/data');
    const path = await folder.createTopic(definition('orders'));
    await write(disk, `${path}/more`, 'x');
    const from = disk.callCount;
    let cut: SimulatedDisk | undefined;
    disk.onCall = ({ number }) => {
      if (number === from + call) cut = disk.remains(() => true);
      return undefined;
    };
    await folder.deleteTopic(path);
    if (cut === undefined) {
      assert.ok(call > 4, 'several moments were tried');
      return;
    }
    const after = await DataFolder.open(cut, '/data');
    const names = await namesIn(after);
    assert.ok(names.length === 0 || names[0] === 'orders');
    const left = await cut.list('/data/topics');
    assert.equal(left.length, names.length, `left after call ${call}: ${left.join(', ')}`);
  }
});

test('the mark of a clean end is there once, and not after a crash', async () => {
  const disk = new SimulatedDisk();
  const first = await DataFolder.open(disk, '/data');
  assert.equal(first.wasClean, false);
  await first.close({ isClean: true });
  const second = await DataFolder.open(disk, '/data');
  assert.equal(second.wasClean, true);
  const third = await DataFolder.open(disk.crash(), '/data');
  assert.equal(third.wasClean, false);
});

test('two of them do not work on one folder at the same time', async () => {
  const disk = new SimulatedDisk();
  const first = await DataFolder.open(disk, '/data');
  await refused(DataFolder.open(disk, '/data'), 'MQ_DATA_LOCKED');
  await first.close({ isClean: true });
  await DataFolder.open(disk, '/data');
});

test('a folder of a newer version is refused and left as it is', async () => {
  const disk = new SimulatedDisk();
  await disk.makeFolder('/data');
  await write(disk, '/data/format.json', '{"format":"stagemq-data","version":3}');
  const error = await refused(DataFolder.open(disk, '/data'), 'MQ_DATA_VERSION');
  assert.match(error.message, /version 3/);
  assert.deepEqual(await disk.list('/data'), ['format.json']);
});

test('a folder with something in it that is unknown here is refused and left as it is', async () => {
  const disk = new SimulatedDisk();
  const first = await DataFolder.open(disk, '/data', ['transactions']);
  await first.close({ isClean: true });
  const names = await disk.list('/data');
  const error = await refused(DataFolder.open(disk, '/data'), 'MQ_DATA_VERSION');
  assert.match(error.message, /transactions/);
  assert.deepEqual(await disk.list('/data'), names);
  assert.equal((await DataFolder.open(disk, '/data', ['transactions'])).wasClean, true);
});

test('a folder of an earlier program says what may lie in it before that does', async () => {
  const disk = new SimulatedDisk();
  const earlier = await DataFolder.open(disk, '/data');
  await earlier.close({ isClean: true });
  await DataFolder.open(disk, '/data', ['transactions']);
  await refused(DataFolder.open(disk.remains(), '/data'), 'MQ_DATA_VERSION');
});

test('a folder with other things in it is refused and left as it is', async () => {
  const disk = new SimulatedDisk();
  await disk.makeFolder('/home');
  await write(disk, '/home/letter.txt', 'dear');
  const error = await refused(DataFolder.open(disk, '/home'), 'MQ_DATA_VERSION');
  assert.match(error.message, /letter\.txt/);
  assert.deepEqual(await disk.list('/home'), ['letter.txt']);
});

test('a definition that rotted is said to be corrupt, and the other topics are found', async () => {
  const disk = new SimulatedDisk();
  const folder = await DataFolder.open(disk, '/data');
  const path = await folder.createTopic(definition('orders'));
  await folder.createTopic(definition('mails'));
  const bytes = await readWholeFile(disk, `${path}/topic.json`);
  const at = new TextDecoder().decode(bytes).indexOf('"messagesMax": 5') + 15;
  disk.flipBit(`${path}/topic.json`, at * 8);
  assert.deepEqual(await namesIn(folder), ['MQ_CORRUPT', 'mails']);
});

test('a topic that lost its definition is said to be corrupt, and its records are left alone', async () => {
  const disk = new SimulatedDisk();
  const folder = await DataFolder.open(disk, '/data');
  const path = await folder.createTopic(definition('orders'));
  await write(disk, `${path}/records`, 'x');
  await disk.remove(`${path}/topic.json`);
  assert.deepEqual(await namesIn(folder), ['MQ_CORRUPT']);
  assert.deepEqual(await disk.list(path), ['groups', 'p0', 'records']);
});

test('a folder that was copied to another name is no topic of that name', async () => {
  const disk = new SimulatedDisk();
  const folder = await DataFolder.open(disk, '/data');
  await disk.rename(await folder.createTopic(definition('orders')), folder.folderOf('mails'));
  assert.deepEqual(await namesIn(folder), ['MQ_CORRUPT']);
});

test('no name leaves the folder, and no two names meet on any file system', () => {
  const names = [
    '.',
    '..',
    '../../etc',
    'a/b',
    'con',
    'A',
    'a',
    'é',
    'e\u0301',
    '订单',
    '__proto__',
    ''.padEnd(249, 'x'),
  ];
  const folders = names.map(folderNameOf);
  for (const name of folders) assert.match(name, /^t-[a-z0-9-]{24,66}$/);
  assert.equal(new Set(folders.map((name) => name.toLowerCase())).size, names.length);
});

test('a power cut at any moment of the first start leaves a folder that can be started', async () => {
  for (let call = 1; ; call += 1) {
    const disk = new SimulatedDisk();
    let cut: SimulatedDisk | undefined;
    disk.onCall = ({ number }) => {
      if (number === call) cut = disk.remains(() => true);
      return undefined;
    };
    await DataFolder.open(disk, '/data');
    if (cut === undefined) return;
    await (await DataFolder.open(cut, '/data')).createTopic(definition('orders'));
  }
});
