import { test } from 'node:test';
import { assertSeen, seenIn, testEveryStory, told } from '../../shared/testing/told-story.ts';
import { story } from './story.ts';

testEveryStory(story);

test('what the story claims is what the broker answered, before and after the power was cut', async () => {
  const saw = seenIn(await told(story));
  const expected = [
    /^offset 0, then offset 0, isDuplicate true; the log has 1 record$/,
    /^MQ_SEQUENCE_GAP: nothing was stored$/,
    /^after the restart: payments: nothing, deliveries: nothing$/,
    /^after the restart: payments: tea paid, deliveries: bring tea$/,
    /^it is over: MQ_TRANSACTION_ENDED, committed$/,
    /^read-uncommitted: one, two, three; read-committed: one, up to the last stable offset 1$/,
    /^read-committed: one, three; /,
    /^deliveryCount was 1; now raw has 1 available, roasted nothing$/,
    /^deliveryCount was 2; now raw has 0 available, roasted coffee$/,
    /^before, nothing was received; now it asks about "tea", for the 1st of 15 times$/,
    /^offset 0, then offset 0; received: tea$/,
    /^big got teapot; a group without a filter got tea, teapot, table$/,
    /^orders: 0, messages that wait: 0$/,
    /^orders: 1, messages that wait: 1$/,
    /^sent 1, of which the broker had 1; the topic has 1, 0 wait$/,
    /^delivered 2 times, done 1 time: 1 email$/,
    /^it answers: RECEIPT receipt-id:1$/,
    /^it answers: 40 02 00 01, PUBACK of packet 1$/,
    /^it reads: tea for table 7, coffee$/,
  ];
  assertSeen(saw, expected);
});
