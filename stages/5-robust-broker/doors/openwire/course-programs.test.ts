/**
 * The programs of a course on message queues, as its students write them: `new ActiveMQConnectionFactory()` and nothing else,
 * which is tcp://localhost:61616. So the server has to listen there; where that port is taken they are skipped, and say so.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { createBroker } from '../../../2-ring-buffer/index.ts';
import { createOpenWireServer, type OpenWireServer } from './server.ts';
import { compile, type JavaPrograms, whatIsMissing } from './testing/java-client.ts';

const PORT = 61_616;
const TIMEOUT_MS = 60_000;
const missing = whatIsMissing();
const lines = (word: string): string[] => Array.from({ length: 10 }, (_, index) => `${word}：textMessage${index}`);
let broker: Broker;
let server: OpenWireServer | undefined;
let programs: JavaPrograms | undefined;
let portTaken: string | undefined;

before(async () => {
  if (missing !== undefined) return;
  broker = await createBroker();
  try {
    server = await createOpenWireServer(broker, { port: PORT });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') throw error;
    portTaken = `port ${PORT} is taken by somebody else: end that, and run this again`;
    return;
  }
  programs = compile(join(import.meta.dirname, 'testing/java/course'));
});

after(async () => {
  programs?.[Symbol.dispose]();
  await server?.close();
  await broker?.close();
});

test('ten messages go through a queue, in front of a broker that has only offsets, groups and leases', {
  skip: missing ?? false,
}, async (context) => {
  if (programs === undefined) return context.skip(portTaken);
  const sent = await programs.run('QueueProducer', { timeoutMs: TIMEOUT_MS });
  assert.deepEqual([sent.lines, sent.errors], [lines('发送消息'), '']);
  const received = await programs.run('QueueConsumer', {
    timeoutMs: TIMEOUT_MS,
    onLine: (line, end) => {
      if (line.endsWith('9')) end();
      return undefined;
    },
  });
  assert.deepEqual([received.lines, received.errors], [lines('接收消息'), '']);
});

test('ten messages go to who is subscribed to a topic', { skip: missing ?? false }, async (context) => {
  const ready = programs;
  if (ready === undefined) return context.skip(portTaken);
  const received = await ready.run('TopicConsumer', {
    timeoutMs: TIMEOUT_MS,
    onLine: async (line, end) => {
      if (line === 'subscribed') {
        const sent = await ready.run('TopicProducer', { timeoutMs: TIMEOUT_MS });
        assert.deepEqual([sent.lines, sent.errors], [lines('发送消息'), '']);
      }
      if (line.endsWith('9')) end();
      return undefined;
    },
  });
  assert.deepEqual([received.lines, received.errors], [['subscribed', ...lines('接收消息')], '']);
});
