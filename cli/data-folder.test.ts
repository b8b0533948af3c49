/** `mq serve 4` and its data folder, and the commands that look at the folder: the processes and the files are real. */
import assert from 'node:assert/strict';
import { appendFile, copyFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { BrokerProcess } from './broker-process.ts';
import { runCaptured } from './testing/captured-terminal.ts';
import { MqProcess, runMq } from './testing/mq-process.ts';

const needsSignals = process.platform === 'win32' ? { skip: 'Windows has no signals to send' } : {};
const SEGMENT = '00000000000000000000.log';

async function freshFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stagemq-data-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'data');
}

/** Runs one command on the broker; it must go well. */
async function mq(broker: BrokerProcess, line: string, input?: string): Promise<string> {
  const ran = await runCaptured([...line.split(' '), '--target', broker.tcpUrl], input === undefined ? {} : { input });
  assert.equal(ran.exitCode, 0, ran.stderr);
  return ran.stdout;
}

/** A folder with five batches of two messages in the topic `orders`, which a broker has closed, or was killed over. */
async function filledFolder(
  context: TestContext,
  end: 'stop' | 'kill',
): Promise<{ readonly folder: string; readonly partition: string }> {
  const folder = await freshFolder(context);
  await using broker = await BrokerProcess.start({ dataFolder: folder });
  for (const batch of [0, 1, 2, 3, 4]) await mq(broker, 'send orders', `tea ${batch}\ncoffee ${batch}\n`);
  await broker[end]();
  const topics = await readdir(join(folder, 'topics'));
  return { folder, partition: join(folder, 'topics', topics.find((name) => name.startsWith('t-orders')) ?? '', 'p0') };
}

/** Changes one byte in the third batch. */
async function damage(partition: string): Promise<void> {
  const bytes = await readFile(join(partition, SEGMENT));
  const at = bytes.indexOf('coffee 2');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(join(partition, SEGMENT), bytes);
}

test('it says what listens where, where the data lies and how it was found; SIGTERM drains both doors and exits 0', {
  ...needsSignals,
}, async (context) => {
  const folder = await freshFolder(context);
  const args = ['serve', '4', '--data', folder, '--port', '0', '--tcp-port', '0', '--flush', 'interval'];
  await using server = new MqProcess(args);
  const [, http = '', tcp = ''] = await server.saw(
    /^stage 4 listens on (http:\S+) and (mq:\S+) {5}\(Ctrl-C stops it\)$/m,
  );
  await server.saw(new RegExp(`^data in ${folder}, flushed: interval; opened in \\d+ ms$`, 'm'));
  for (const target of [http, tcp]) {
    const sent = await runCaptured(['send', 't', '-m', 'x', '--target', target]);
    assert.match(sent.stdout, /\(offset \d, written\)/);
  }
  const waiting = runMq(['receive', 't', '--group', 'g', '--follow', '--target', tcp]);
  server.child.kill('SIGTERM');
  const { exitCode, stderr } = await server.ended;
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.equal((await waiting).exitCode, 3, 'a reader that follows is told that its server is gone');
});

test('a second server on the folder is refused and does not disturb the first; one after a kill says what it found', {
  ...needsSignals,
}, async (context) => {
  const folder = await freshFolder(context);
  await using first = await BrokerProcess.start({ dataFolder: folder });
  assert.deepEqual(first.report.opening?.notices, []);
  await mq(first, 'send t -m x');
  await assert.rejects(BrokerProcess.start({ dataFolder: folder }), /MQ_DATA_LOCKED.*\n.*another folder: --data/);
  const repair = await runCaptured(['repair', folder]);
  assert.equal(repair.exitCode, 1);
  assert.match(repair.stderr, /MQ_DATA_LOCKED.*\n +stop the broker that runs there/);
  await mq(first, 'send t -m y');
  await first.kill();
  await using second = await BrokerProcess.start({ dataFolder: folder });
  assert.match(second.report.opening?.notices.join('\n') ?? '', /was not closed in order/);
  assert.equal(await mq(second, 'receive t --wait 0'), 'x\ny\n');
  await second.stop();
  await using third = await BrokerProcess.start({ dataFolder: folder });
  assert.deepEqual(third.report.opening?.notices, []);
  assert.equal(await mq(third, 'receive t --wait 0'), '');
});

test('what was torn at the end of a log is cut off at the next start, which says so to people and to programs', {
  ...needsSignals,
}, async (context) => {
  const { folder, partition } = await filledFolder(context, 'kill');
  const segment = join(partition, SEGMENT);
  const told = `${segment}: a torn tail of 7 bytes was cut off; the file ends before offset 10`;
  const bytes = await readFile(segment);
  const endOfText = bytes.findLastIndex((byte) => byte !== 0) + 1; // what follows is room
  await writeFile(segment, Buffer.concat([bytes.subarray(0, endOfText), Buffer.from('garbage')]));
  await using first = await BrokerProcess.start({ dataFolder: folder });
  assert.ok(first.report.opening?.notices.includes(told), String(first.report.opening?.notices));
  await first.kill();
  await appendFile(segment, 'garbage');
  await using second = new MqProcess(['serve', '4', '--data', folder, '--port', '0', '--tcp-port', '0']);
  await second.saw(new RegExp(`^ {2}${told}$`, 'm'));
  second.child.kill('SIGTERM');
  assert.equal((await second.ended).exitCode, 0);
});

test('a delayed message survives a kill, and comes when it is due and not before', needsSignals, async (context) => {
  const folder = await freshFolder(context);
  await using first = await BrokerProcess.start({ dataFolder: folder });
  const dueAt = Date.now() + 1500;
  await mq(first, `send t -m tea --at ${new Date(dueAt).toISOString()}`);
  await first.kill();
  await using second = await BrokerProcess.start({ dataFolder: folder });
  const delivery = JSON.parse(await mq(second, 'receive t --max 1 --wait 60000 --json'));
  assert.equal(delivery.body, 'tea');
  assert.ok(Date.now() >= dueAt);
});

test('a folder that is none of ours, or of another version, is refused and left as it is', async (context) => {
  const folder = await freshFolder(context);
  const start = () => BrokerProcess.start({ dataFolder: folder });
  await cp(import.meta.dirname, folder, { recursive: true, filter: (path) => !path.endsWith('.ts') });
  await assert.rejects(start(), /is no data folder.*MQ_DATA_VERSION.*\n.*--data/);
  await rm(folder, { recursive: true });
  await (await start()).stop();
  await writeFile(join(folder, 'format.json'), '{"format":"stagemq-data","version":9}');
  const before = await readdir(folder);
  await assert.rejects(start(), /version 9.*MQ_DATA_VERSION/);
  assert.deepEqual(await readdir(folder), before);
  await assert.rejects(BrokerProcess.start({ dataFolder: join(folder, 'format.json') }), /format\.json.*\n.*--data/);
});

test('verify finds what is damaged, repair says it and changes nothing, repair --skip does it and says what is lost', {
  ...needsSignals,
}, async (context) => {
  const { folder, partition } = await filledFolder(context, 'kill');
  assert.match((await runCaptured(['verify', folder])).stdout, /p0 +1 +5 +10 .*\n(.*\n)*Clean: 2 logs, /);
  await damage(partition);
  const verified = await runCaptured(['verify', folder]);
  assert.equal(verified.exitCode, 1);
  assert.match(verified.stdout, /^damaged: .*p0.*\.log, byte \d+, offsets 4 to 5: V\d+: /m);
  assert.match(verified.stdout, /^Damaged: .*, 1 finding\.$/m);
  assert.match(verified.stderr, /mq repair /);
  assert.equal(JSON.parse((await runCaptured(['verify', folder, '--json'])).stdout).findings.length, 1);

  const files = await readdir(partition);
  const looked = await runCaptured(['repair', folder]);
  assert.equal(looked.exitCode, 1);
  assert.match(looked.stdout, /^damaged: .*offsets 4 to 5/m);
  assert.match(looked.stderr, /nothing was changed; .*--skip/);
  assert.deepEqual(await readdir(partition), files);

  await using refusing = await BrokerProcess.start({ dataFolder: folder });
  assert.match(refusing.report.opening?.notices.join('\n') ?? '', /a topic cannot be opened.*offset 4/);
  const refused = await runCaptured(['receive', 'orders', '--target', refusing.tcpUrl]);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /MQ_CORRUPT.*\n.*mq verify/);
  await mq(refusing, 'send others -m fine');
  await refusing.stop();

  const repaired = await runCaptured(['repair', folder, '--skip']);
  assert.equal(repaired.exitCode, 0, repaired.stderr);
  assert.match(repaired.stdout, /^lost: .*offsets 4 to 5: .*kept in .*damaged/m);
  assert.match((await runCaptured(['verify', folder])).stdout, /^Clean: /m);
  await using broker = await BrokerProcess.start({ dataFolder: folder });
  const numbers = [0, 1, 3, 4];
  assert.equal(await mq(broker, 'receive orders --wait 0'), numbers.map((n) => `tea ${n}\ncoffee ${n}\n`).join(''));
});

test('inspect shows a segment byte by byte, its index, its log and a whole folder; what is no log is refused', {
  ...needsSignals,
}, async (context) => {
  const { folder, partition } = await filledFolder(context, 'stop');
  const segment = join(partition, SEGMENT);
  const text = (await runCaptured(['inspect', segment, '--max', '2'])).stdout;
  assert.match(text, /^segment .*: offsets 0 to 9, 5 batches, 10 records, /);
  assert.match(text, /^00000000 \[4d 51 4c 4f 47 .*\n +magic MQLOG · format 1 · partition 0$/m);
  assert.match(text, /^batch at byte 64: offsets 0 to 1, .* codec none, appended 2/m);
  assert.match(text, /^ +0 +\S+ +5 +tea 0\n +1 +\S+ +8 +coffee 0$/m);
  assert.match(text, /^2 of 5 batches; more: --max, --from$/m);
  const bare = (await runCaptured(['inspect', segment, '--from', '8', '--hex', 'none'])).stdout;
  assert.doesNotMatch(bare, /^0000/m);
  assert.match(bare, /^\nbatch at byte \d+: offsets 8 to 9/m);
  const index = await runCaptured(['inspect', segment.replace('.log', '.index')]);
  assert.match(index.stdout, /^index .*: 1 entry\noffset +byte +appended\n +0 +64 +2/);
  assert.match((await runCaptured(['inspect', partition])).stdout, /^log .*: topic id [0-9a-f]{32}, partition 0, /);
  assert.equal(JSON.parse((await runCaptured(['inspect', folder, '--json'])).stdout).length, 2);

  await damage(partition);
  assert.match((await runCaptured(['inspect', segment])).stdout, /^no batch at bytes \d+ to \d+: offsets 4 to 5: V/m);
  await copyFile(segment, join(folder, 'notes.txt'));
  assert.equal((await runCaptured(['inspect', join(folder, 'notes.txt')])).exitCode, 2);
  for (const command of ['inspect', 'verify', 'repair']) {
    const ran = await runCaptured([command, import.meta.dirname]);
    assert.deepEqual([ran.exitCode, ran.stdout], [1, ''], command);
    assert.match(ran.stderr, /there is no log below/, command);
  }
});
