import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WireMessage } from './commands.ts';
import { NOTHING_SAID } from './messages.ts';
import { Sends } from './sends.ts';

function begun(bytesMax: number): { readonly sends: Sends; readonly told: string[] } {
  const told: string[] = [];
  const sends = new Sends({
    bytesMax,
    onPublished: ({ commandId }) => told.push(`published ${commandId}`),
    onRefused: ({ commandId }, error) => told.push(`refused ${commandId}: ${error}`),
    onFull: () => told.push('full'),
    onRoom: () => told.push('room'),
  });
  return { sends, told };
}

function message(commandId: number): WireMessage {
  return { ...NOTHING_SAID, commandId };
}

test('each message that makes the bytes under way too many holds the next, until it is at its end', () => {
  const { sends, told } = begun(100);
  const [first, second, third] = [60, 40, 1].map((bytes, index) => sends.begin(message(index), bytes));
  assert.deepEqual(told, ['full']);
  first?.published(null);
  second?.refused('no');
  assert.deepEqual(told.splice(0), ['full', 'published 0', 'refused 1: no']);
  third?.published(null);
  assert.deepEqual(told.splice(0), ['published 2', 'room']);
  sends.begin(message(3), 100).published(null);
  assert.deepEqual(told, ['published 3']);
});

test('whoever waits until none is under way is told when the last one is at its end, published or refused', async () => {
  const { sends, told } = begun(100);
  await sends.none();
  const [first, second] = [sends.begin(message(0), 1), sends.begin(message(1), 1)];
  const none = Promise.all([sends.none(), sends.none()]).then(() => told.push('none'));
  first.refused('no');
  await Promise.resolve();
  assert.equal(sends.count, 1);
  second.published(null);
  await none;
  assert.deepEqual(told, ['refused 0: no', 'published 1', 'none']);
  assert.equal(sends.count, 0);
});
