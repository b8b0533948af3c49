import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { MESSAGES_TYPE } from './message-codec.ts';
import { openDoor } from './testing/doors.ts';

test('the binary format is answered to who accepts it, and to nobody else', async () => {
  await using door = await openDoor();
  await door.broker.send('t', { body: 'a' });
  const json = 'application/json; charset=utf-8';
  for (const [accept, type] of [
    [MESSAGES_TYPE, MESSAGES_TYPE],
    [`text/html, ${MESSAGES_TYPE.toUpperCase()} ; q=0.5`, MESSAGES_TYPE],
    [`${MESSAGES_TYPE};q=0, application/json`, json],
    [`${MESSAGES_TYPE}; q=0.000`, json],
    [`${MESSAGES_TYPE}0`, json],
    [`x-${MESSAGES_TYPE}`, json],
    ['*/*', json],
    ['', json],
  ] as const) {
    const answer = await request(`${door.url}/topics/t/messages`, { headers: { accept } });
    assert.equal(answer.headers['content-type'], type, accept);
    await answer.body.dump();
  }
});
