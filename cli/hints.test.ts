import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hintFor, inFlags } from './hints.ts';
import { openServer } from './target.ts';
import { runCaptured } from './testing/captured-terminal.ts';
import { startServer } from './testing/mq-process.ts';

test('an option is called what it is called on the command line, where the command has it', () => {
  const flags = ['--lease', '--partition', '--on-out-of-range', '--key', '--bytes-max'];
  assert.equal(inFlags('options.leaseMs must be 1', { flags }), '--lease must be 1');
  assert.equal(inFlags('options.partition, options.onOutOfRange', { flags }), '--partition, --on-out-of-range');
  assert.equal(inFlags('messages[3].key and message.key', { flags }), '--key and --key');
  assert.equal(inFlags('options.topicDefaults.bytesMax is 0', { flags }), '--bytes-max is 0');
  assert.equal(inFlags('options.priority and topic', { flags }), 'options.priority and topic');
  assert.equal(inFlags('options.start.timestamp is 0', { flags: ['--start'] }), '--start is 0');
  assert.equal(inFlags('options.to.timestamp is 0', { flags: ['<to>'] }), '<to> is 0');
});

test('a hint names the topic that was asked for, as one word of a shell', () => {
  assert.match(hintFor('MQ_QUEUE_FULL', { topic: 'orders' }) ?? '', /mq receive orders /);
  assert.match(hintFor('MQ_UNKNOWN_TOPIC', { topic: "it's a; b" }) ?? '', /mq topics create 'it'\\''s a; b'/);
  assert.match(hintFor('MQ_UNKNOWN_TOPIC', {}) ?? '', /mq topics create <topic>/);
});

test('no hint names an option or a group the command or the broker does not have', async () => {
  await using one = await startServer(['1']);
  await using two = await startServer(['2']);
  const mq = (line: string, { url } = two) => runCaptured([...line.split(' '), '--target', url]);
  await mq('send t -m a');
  await mq('receive t --group g --wait 0');

  const seek = await mq('groups seek t g 9999');
  assert.match(seek.stderr, /MQ_OFFSET_OUT_OF_RANGE.*mq groups seek t <group> earliest/s);
  assert.doesNotMatch(seek.stderr, /--offset/);
  assert.match((await mq('fetch t --offset 9999')).stderr, /--offset earliest/);
  assert.match((await mq('receive t --lease 999999999')).stderr, /^mq: --lease must be/);

  assert.match((await mq('groups', one)).stdout, /^the broker there has no groups/);
  assert.match((await mq('groups t')).stdout, /^topic .*\nt +g /);
  assert.match((await mq('groups nosuch')).stderr, /MQ_UNKNOWN_TOPIC.*mq topics create nosuch/s);

  for (const line of ['receive t --group x', 'fetch t']) assert.equal((await mq(line, one)).exitCode, 2, line);
});

/** What stage 4 is the first to have; the answer names the option as it was typed. */
const BEYOND: readonly (readonly [line: string, named: string])[] = [
  ['send t -m a --partition 3', '--partition'],
  ['send t -m a --delay 5', '--delay'],
  ['send t -m a --at 2099-01-01T00:00:00Z', '--at'],
  ['send t -m a --ttl 5', '--ttl'],
  ['send t -m a --priority 3', '--priority'],
  ['receive t --max 1 --ack reject', '--ack reject'],
  ['receive t --max 1 --ack retry --delay 4', '--delay'],
  ['fetch t --partition 4', '--partition'],
  ['topics create x --ttl 5', '--ttl'],
  ['topics create x --retention 5', '--retention'],
  ['topics create x --delete-finished', '--delete-finished'],
  ['groups create t x --mode exclusive', '--mode'],
  ['groups create t x --deliveries-max 3', '--deliveries-max'],
  ['groups create t x --retry-delays classic', '--retry-delays'],
  ['groups create t x --dead-letter-expired', '--dead-letter-expired'],
  ['groups create t x --start 2099-01-01T00:00:00Z', '--start'],
  ['groups seek t g 2099-01-01T00:00:00Z', '<to>'],
  ['topics pause t', 'pause'],
  ['groups resume t g', 'resume'],
  ['dlq show t', 'mq dlq'],
  ['dlq drop t --all', 'mq dlq'],
];

test('what an earlier stage cannot do is said in the words that were typed, over either door', async () => {
  const server = await openServer(2, { tcp: { port: 0 } });
  try {
    for (const url of [server.url, server.doors.tcp?.url ?? '']) {
      const mq = (line: string) => runCaptured([...line.split(' '), '--target', url]);
      await mq('send t -m a');
      await mq('receive t --group g --wait 0');
      for (const [line, named] of BEYOND) {
        const { exitCode, stderr, stdout } = await mq(line);
        const first = `mq: ${named} needs the capability "`;
        assert.equal(stderr.slice(0, first.length), first, `${line} at ${url}`);
        assert.match(stderr, /\(stages 4 and up have it\) \(MQ_NOT_SUPPORTED\)\n +see what .*mq doctor\n$/, line);
        assert.deepEqual([exitCode, stdout], [2, ''], line);
      }
      assert.match((await mq('explain x')).stderr, /MQ_NOT_SUPPORTED/);
      assert.match(
        (await mq('inspect t')).stdout,
        /^ring t: 65,536 slots, .*\n\nslot +offset +state.*\n +0 +0 +acked /,
      );
      assert.match((await mq('inspect cli')).stderr, /MQ_UNKNOWN_TOPIC/, 'a folder of that name holds no log');
    }
  } finally {
    await server.close(1000);
  }
});

test('a data folder that is taken, of another version or damaged has a way on', () => {
  const flags = ['--data'];
  assert.match(hintFor('MQ_DATA_LOCKED', { flags }) ?? '', /another folder: --data/);
  assert.match(hintFor('MQ_DATA_LOCKED', {}) ?? '', /stop the broker that runs there/);
  assert.match(hintFor('MQ_DATA_VERSION', { flags }) ?? '', /--data/);
  assert.match(hintFor('MQ_CORRUPT', {}) ?? '', /mq verify/);
  assert.equal(hintFor('MQ_STORAGE_FAILED', {}), undefined);
});
