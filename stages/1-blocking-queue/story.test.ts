import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seenIn, testEveryStory, told } from '../../shared/testing/told-story.ts';
import { story } from './story.ts';

testEveryStory(story);

test('the story shows both lines of waiters, back-pressure, both other overflows and both limits', async () => {
  const lines = await told(story);
  const pictures = lines.flatMap((line) => (line.kind === 'picture' ? line.lines : []));
  assert.ok(pictures.includes('send: -  ==>  [ tea ][ milk ][   ][   ]  2/4  ==>  receive: -'));
  assert.ok(pictures.includes('send: -  ==>  [   ][   ][   ][   ]  0/4  ==>  receive: cook'));
  assert.ok(pictures.includes('send: c  ==>  [ a ][ b ]  2/2  ==>  receive: -'));
  assert.ok(pictures.includes('send: -  ==>  [ b ][ c ]  2/2  ==>  receive: -'));
  const saw = seenIn(lines);
  assert.ok(saw.includes('a left, so c could enter after 250 ms in the line, with offset 2'));
  assert.ok(saw.includes('the second send: MQ_QUEUE_FULL'));
  assert.ok(saw.includes('of three messages three is left, 2 were dropped and counted'));
  assert.ok(saw.includes('worker-2: receive -> []'));
});
