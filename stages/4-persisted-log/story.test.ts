import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSeen, seenIn, testEveryStory, told } from '../../shared/testing/told-story.ts';
import { story } from './story.ts';

testEveryStory(story);

test('what the story claims is what the broker answered, before and after the power was cut', async () => {
  const saw = seenIn(await told(story));
  const expected = [
    /^offset 0, durability "synced"$/,
    /^at the next start: \/data was not closed in order/,
    /^the log has tea, and 1 is free again/,
    /^durability "written"$/,
    /^1 topic with tea:/,
    /^what is left: tea\./,
    /^100 synced receipts for 100 appends and \d+ syncs$/,
    /^juice, then 8$/,
    /^browse shows 0 in-flight, 2 in-flight, 3 available: 1 is finished/,
    /^done; the next answer is rice$/,
    /^deliveryCount 1; now delayed 1, dead 0$/,
    /^deliveryCount 2; now delayed 1, dead 0$/,
    /^deliveryCount 3; now delayed 0, dead 1$/,
    /: accepted > delivered > given-back > delivered > given-back > delivered > dead$/,
    /^in the dead-letter topic: 4\.20 \(deliveries, no paper\)$/,
    /^1 went back; it came with deliveryCount 1, because of redrive$/,
    /^offset null, durability "synced":/,
    /^receive gave nothing then, and wake up after another half hour$/,
    /^handed out: fire, letter, bill; stored: letter, bill, fire\./,
  ];
  assertSeen(saw, expected);
  const syncCount = Number(/and (\d+) syncs$/.exec(saw[6] ?? '')?.[1]);
  assert.ok(syncCount < 50, 'what came together was synced together');
});

test('the picture shows the files of the log, each named after its first offset, and how much of them is safe', async () => {
  const [picture, ...others] = (await told(story)).flatMap((line) => (line.kind === 'picture' ? [line.lines] : []));
  assert.equal(others.length, 0);
  assert.deepEqual(picture, [
    'file                       offsets   batches   bytes   index   times',
    '00000000000000000000.log   0 to 9         10     960       1       1',
    '00000000000000000010.log   10 to 10        1     152       1       1   <- the next record',
    'on the disk: all below 11 of 11, with 10 syncs for 10 appends',
  ]);
});
