import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSeen, seenIn, testEveryStory, told } from '../../shared/testing/told-story.ts';
import { story } from './story.ts';

testEveryStory(story);

test('what the story claims is what the broker answered', async () => {
  const lines = await told(story);
  const saw = seenIn(lines);
  const expected = [
    /^kitchen got tea, coffee$/,
    /^books got tea, coffee, cake, soup, rice/,
    /^still 0: offset 0 below it is not finished, so 1 is a gap/,
    /^the floor jumps to 2/,
    /^cleo got cake with deliveryCount 2, because of lease-expired$/,
    /^MQ_LEASE_EXPIRED/,
    /^2 sends wait/,
    /^the two that waited are accepted, with offsets 11, 12$/,
    /^MQ_OFFSET_OUT_OF_RANGE: the log has 2 to 6/,
    /^0 messages/,
    /^12, 13, 14, 15: a durable group/,
    /^groups left: chart;/,
  ];
  assertSeen(saw, expected);
});

test('the picture shows a ring that has gone round, with the write pointer behind the youngest record', async () => {
  const pictures = (await told(story)).flatMap((line) => (line.kind === 'picture' ? [line.lines] : []));
  assert.deepEqual(pictures[1], [
    'slot       0     1     2     3     4     5     6     7',
    'offset  [  8 ][  9 ][ 10 ][  3 ][  4 ][  5 ][  6 ][  7 ]',
    'state      r     r     r     r     r     r     r     r',
    '                             ^',
    'kitchen: committedOffset 3, nextOffset 3, lag 8',
    'books: committedOffset 5, nextOffset 5, lag 6',
  ]);
});
