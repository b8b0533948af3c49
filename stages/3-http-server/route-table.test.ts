import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDoor } from './testing/doors.ts';
import { RawConnection, requestText } from './testing/raw-connection.ts';

test('a 405 never contradicts itself: the path is read as the router reads it', async () => {
  await using door = await openDoor();
  const asked = async (method: string, path: string): Promise<readonly unknown[]> => {
    const connection = new RawConnection(door.url);
    connection.write(requestText(method, path));
    const answer = await connection.answer();
    connection.destroy();
    return [answer?.status, answer?.headers.allow];
  };
  assert.deepEqual(await asked('GET', '*'), [404, undefined]);
  assert.deepEqual(await asked('OPTIONS', '*'), [204, 'DELETE, GET, HEAD, POST, PUT']);
  assert.deepEqual(await asked('GET', '/%74opics'), [200, undefined]);
  assert.deepEqual(await asked('PATCH', '/%74opics'), [405, 'GET, HEAD']);
  assert.deepEqual(await asked('PATCH', '/topics/a%2Fb'), [405, 'DELETE, GET, HEAD, PUT']);
  assert.deepEqual(await asked('PATCH', '/topics%2Fa'), [404, undefined]);
});
