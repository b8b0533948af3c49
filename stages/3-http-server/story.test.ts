import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoryLine } from '../../shared/lesson.ts';
import { story } from './story.ts';

async function told(): Promise<StoryLine[]> {
  const lines: StoryLine[] = [];
  for await (const line of story()) lines.push(line);
  return lines;
}

test('the story is the same every time it is told', async () => {
  assert.deepEqual(await told(), await told());
});

test('what the story claims is what the wire and the broker answered', async () => {
  const saw = (await told()).flatMap((line) => (line.kind === 'saw' ? [line.text.en] : []));
  const expected = [
    /it now knows 7 capabilities: send, receive, batch, offsets, groups, lease, browse$/,
    /^offset 0, id [0-9a-f]{16}-1:/,
    /^MQ_UNKNOWN_TOPIC: "there is no topic "coffee""/,
    /^ann got tea, bob got cake:/,
    /^soup, and the clock/,
    /^MQ_ABORTED:/,
    /^rice with deliveryCount 1:/,
    /^MQ_CONNECTION_LOST:/,
    /^the broker has 2 records with the id bill-1 and bill-1:/,
    /^the waiting poll was answered with 0 deliveries/,
    /^the broker behind the door is still open: topic "orders" ends at offset 4$/,
  ];
  assert.equal(saw.length, expected.length);
  for (const [index, pattern] of expected.entries()) assert.match(saw[index] ?? '', pattern);
});

test('the story shows the requests as the server logged them', async () => {
  const wire = (await told()).flatMap((line) => (line.kind === 'picture' ? line.lines : []));
  assert.deepEqual(wire, [
    'GET /broker  ->  200',
    'POST /topics/orders/messages?timeoutMs=0  ->  200',
    'GET /topics/coffee/messages  ->  404',
    'POST /topics/orders/messages?timeoutMs=0  ->  200',
    'POST /topics/orders/deliveries  ->  200    POST /topics/orders/deliveries  ->  200',
    'POST /topics/orders/deliveries  ->  200',
  ]);
});

test('every sentence is told in both languages', async () => {
  for (const line of await told()) {
    if (line.kind === 'call' || line.kind === 'picture') continue;
    assert.ok(line.text.en.length > 0);
    assert.match(line.text.zh, /\p{Script=Han}|MQ_/u);
  }
});
