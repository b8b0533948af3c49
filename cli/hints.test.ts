import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hintFor, inFlags } from './hints.ts';
import { runCaptured } from './testing/captured-terminal.ts';
import { startServer } from './testing/mq-process.ts';

test('an option is called what it is called on the command line, where the command has it', () => {
  const flags = ['--lease', '--partition', '--on-out-of-range', '--key', '--bytes-max'];
  assert.equal(inFlags('options.leaseMs must be 1', { flags }), '--lease must be 1');
  assert.equal(inFlags('options.partition, options.onOutOfRange', { flags }), '--partition, --on-out-of-range');
  assert.equal(inFlags('messages[3].key and message.key', { flags }), '--key and --key');
  assert.equal(inFlags('options.topicDefaults.bytesMax is 0', { flags }), '--bytes-max is 0');
  assert.equal(inFlags('options.priority and topic', { flags }), 'options.priority and topic');
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

  const beyond = ['send t -m a --partition 3', 'groups create t x --mode exclusive', 'fetch t --partition 4'];
  for (const line of beyond) {
    const { exitCode, stderr } = await mq(line);
    assert.match(stderr, /^mq: --(partition|mode) needs the capability/, line);
    assert.equal(exitCode, 2, line);
  }
  for (const line of ['receive t --group x', 'fetch t']) assert.equal((await mq(line, one)).exitCode, 2, line);
});
