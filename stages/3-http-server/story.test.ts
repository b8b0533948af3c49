import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSeen, seenIn, testEveryStory, told } from '../../shared/testing/told-story.ts';
import { story } from './story.ts';

testEveryStory(story);

test('what the story claims is what the wire and the broker answered', async () => {
  const saw = seenIn(await told(story));
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
  assertSeen(saw, expected);
});

test('the story shows the requests as the server logged them', async () => {
  const wire = (await told(story)).flatMap((line) => (line.kind === 'picture' ? line.lines : []));
  assert.deepEqual(wire, [
    'GET /broker  ->  200',
    'POST /topics/orders/messages?timeoutMs=0  ->  200',
    'GET /topics/coffee/messages  ->  404',
    'POST /topics/orders/messages?timeoutMs=0  ->  200',
    'POST /topics/orders/deliveries  ->  200    POST /topics/orders/deliveries  ->  200',
    'POST /topics/orders/deliveries  ->  200',
  ]);
});
