/** The url of a connection factory picks the stage or the server. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createBroker } from '../../2-ring-buffer/index.ts';
import { createServer } from '../../3-http-server/index.ts';
import { createTcpServer } from '../../4-persisted-log/index.ts';
import { parseUrl } from './factory-url.ts';
import { createConnectionFactory, JMSException, JMSSecurityException } from './index.ts';
import { next, sendTexts, started } from './testing/texts.ts';

async function sendAndReceive(url: string, options = {}): Promise<string | null> {
  await using factory = createConnectionFactory(url, options);
  await using connection = await started(factory.createConnection());
  const session = connection.createSession();
  const queue = session.createQueue('orders');
  await sendTexts(session, queue, ['tea']);
  return (await next(await session.createConsumer(queue))).getText();
}

test('each stage can be had in this process', async () => {
  for (const stage of [1, 2, 3, 4, 5]) assert.equal(await sendAndReceive(`stage:${stage}`), 'tea', `stage ${stage}`);
});

test('connections of one factory share the broker in this process', async () => {
  await using factory = createConnectionFactory('stage:2');
  const first = await factory.createConnection();
  const session = first.createSession();
  await sendTexts(session, session.createQueue('orders'), ['a']);
  await first.close();
  await using second = await started(factory.createConnection());
  const other = second.createSession();
  assert.equal((await next(await other.createConsumer(other.createQueue('orders')))).getText(), 'a');
});

test('a stage with a folder finds there what an earlier one left', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stagemq-jms-'));
  try {
    for (const text of ['a', 'b']) {
      await using factory = createConnectionFactory(`stage:5?data=${encodeURIComponent(folder)}`);
      await using connection = await started(factory.createConnection());
      const session = connection.createSession();
      const queue = session.createQueue('orders');
      if (text === 'a') await sendTexts(session, queue, ['a', 'b']);
      assert.equal((await next(await session.createConsumer(queue))).getText(), text);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a server can be had over HTTP and TCP, by those it lets in', async () => {
  await using broker = await createBroker();
  await using http = await createServer(broker, { port: 0, token: 'secret' });
  await using tcp = await createTcpServer(broker, { port: 0, token: 'secret' });
  for (const { url } of [http, tcp]) {
    assert.equal(await sendAndReceive(url, { token: 'secret' }), 'tea');
    assert.equal(await sendAndReceive(url.replace('://', '://secret@')), 'tea');
    await assert.rejects(sendAndReceive(url), JMSSecurityException);
  }
});

test('a url is read whole, or refused with what would be right', () => {
  assert.deepEqual(parseUrl('stage:5?data=./x'), { kind: 'stage', stage: 5, dataFolder: './x' });
  assert.deepEqual(parseUrl('mqs://anna:a%40b@host:1'), {
    ...{ kind: 'tcp', url: 'mqs://host:1' },
    credentials: { user: 'anna', password: 'a@b' },
  });
  assert.deepEqual(parseUrl('http://host'), { kind: 'http', url: 'http://host', credentials: {} });
  const wrong = ['', 'stage:6', 'stage:2?data=x', 'stage:5?data=', 'stage:5?date=x', 'tcp://host:61616', 'host:1'];
  for (const url of wrong) assert.throws(() => createConnectionFactory(url), JMSException, url);
  assert.throws(() => createConnectionFactory('stage:5', { token: 'x' }), JMSException);
  assert.throws(() => createConnectionFactory('stage:5', { prefetch: 0 }), JMSException);
  assert.throws(() => createConnectionFactory('stage:5', { prefetchCount: 1 } as never), JMSException);
});
