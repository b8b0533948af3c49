/**
 * The stock Java client of ActiveMQ against this door: one program of Java makes many checks (testing/java/checks), and each
 * of its lines is a test here. It is started once: a JVM takes longer to start than all its checks to run.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { createBroker } from '../../index.ts';
import { createOpenWireServer, type OpenWireServer } from './server.ts';
import { checksIn, compile, type JavaRun, whatIsMissing } from './testing/java-client.ts';

const FOLDER = join(import.meta.dirname, 'testing/java/checks');
const TIMEOUT_MS = 240_000;
const skip = whatIsMissing() ?? false;
const defects: unknown[] = [];
let ran: JavaRun | undefined;

function open(broker: Broker, port: number): Promise<OpenWireServer> {
  return createOpenWireServer(broker, { port, sendTimeoutMs: 300, onDefect: (error) => void defects.push(error) });
}

before(async () => {
  if (skip !== false) return;
  const dataFolder = mkdtempSync(join(tmpdir(), 'stagemq-openwire-'));
  const broker = await createBroker({ dataFolder, flushPolicy: 'never' });
  let server = await open(broker, 0);
  try {
    using programs = compile(FOLDER);
    ran = await programs.run('AllChecks', {
      arguments: [server.url],
      timeoutMs: TIMEOUT_MS,
      onLine: async (line) => {
        if (line === 'please restart') {
          await server.close();
          server = await open(broker, server.port);
        } else if (line === 'please make a queue full-queue for one message') {
          await broker.createTopic('full-queue', { messagesMax: 1 });
        } else {
          return undefined;
        }
        return 'done';
      },
    });
  } finally {
    await server.close();
    await broker.close();
    rmSync(dataFolder, { recursive: true });
  }
});

after(() => assert.deepEqual(defects, [], 'no defect was met'));

for (const name of checksIn(FOLDER)) {
  test(`ActiveMQ's Java client: ${name}`, { skip }, () => {
    const line = ran?.lines.find((each) => each === `ok ${name}` || each.startsWith(`not ok ${name}`));
    assert.equal(line ?? `no line; ${ran?.errors ?? ''}`, `ok ${name}`);
  });
}

test("ActiveMQ's Java client is done with all its checks, and says nothing else", { skip }, () => {
  assert.equal(ran?.exitCode, 0);
  assert.equal(ran?.errors, '');
});
