import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoryLine } from '../../shared/lesson.ts';
import { story } from './story.ts';

async function tell(): Promise<StoryLine[]> {
  const lines: StoryLine[] = [];
  for await (const line of story()) lines.push(line);
  return lines;
}

test('the story is the same to the letter every time it is told', async () => {
  assert.deepEqual(await tell(), await tell());
});

test('the story shows both lines of waiters, back-pressure, both other overflows and both limits', async () => {
  const lines = await tell();
  const pictures = lines.flatMap((line) => (line.kind === 'picture' ? line.lines : []));
  assert.ok(pictures.includes('send: -  ==>  [ tea ][ milk ][   ][   ]  2/4  ==>  receive: -'));
  assert.ok(pictures.includes('send: -  ==>  [   ][   ][   ][   ]  0/4  ==>  receive: cook'));
  assert.ok(pictures.includes('send: c  ==>  [ a ][ b ]  2/2  ==>  receive: -'));
  assert.ok(pictures.includes('send: -  ==>  [ b ][ c ]  2/2  ==>  receive: -'));
  const saw = lines.flatMap((line) => (line.kind === 'saw' ? [line.text.en] : []));
  assert.ok(saw.includes('a left, so c could enter after 250 ms in the line, with offset 2'));
  assert.ok(saw.includes('the second send: MQ_QUEUE_FULL'));
  assert.ok(saw.includes('of three messages three is left, 2 were dropped and counted'));
  assert.ok(saw.includes('worker-2: receive -> []'));
});

test('every explanation of the story is told in Chinese too', async () => {
  for (const line of await tell()) {
    const isExplanation = line.kind === 'title' || line.kind === 'say';
    if (isExplanation) assert.match(line.text.zh, /\p{Script=Han}/u, line.text.en);
  }
});
