/** The story of a stage as a test reads it, and what every story keeps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Story, StoryLine } from '../lesson.ts';

export async function told(story: Story): Promise<StoryLine[]> {
  const lines: StoryLine[] = [];
  for await (const line of story()) lines.push(line);
  return lines;
}

/** What the story saw, in English. */
export function seenIn(lines: readonly StoryLine[]): string[] {
  return lines.flatMap((line) => (line.kind === 'saw' ? [line.text.en] : []));
}

/** Each of them matches, and there is no other. */
export function assertSeen(seen: readonly string[], expected: readonly RegExp[]): void {
  assert.equal(seen.length, expected.length);
  for (const [index, pattern] of expected.entries()) assert.match(seen[index] ?? '', pattern);
}

/** Registers the tests of what is true of every story. */
export function testEveryStory(story: Story): void {
  test('the story is the same to the letter every time it is told', async () => {
    assert.deepEqual(await told(story), await told(story));
  });

  test('every sentence is told in both languages', async () => {
    for (const line of await told(story)) {
      if (line.kind === 'call' || line.kind === 'picture') continue;
      assert.ok(line.text.en.length > 0);
      // An error's code, or what a call answered, is the same in all languages.
      assert.match(line.text.zh, /\p{Script=Han}|MQ_|->/u);
    }
  });
}
