/**
 * The suite against a broker it knows nothing of but its address, as a student points it at one written in any
 * language: twice, because the first run must leave nothing that disturbs the second.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker as createRingBroker } from '../../stages/2-ring-buffer/index.ts';
import { createClient, createServer } from '../../stages/3-http-server/index.ts';
import { describeResult } from './conformance.ts';
import { runConformance } from './run.ts';

test('two runs with one seed against one address: both pass, and no topic is left', async () => {
  const broker = await createRingBroker();
  const server = await createServer(broker);
  try {
    for (const run of ['first', 'second']) {
      const report = await runConformance({
        name: server.url,
        createBroker: () => createClient(server.url),
        clock: 'real',
        isConfigurable: false,
        seed: 157,
      });
      const wrong = report.tests.filter(({ verdict }) => verdict === 'failed' || verdict === 'couldNotTest');
      assert.deepEqual(wrong.map(describeResult), [], `${run} run`);
      assert.ok(report.passed > 150 && report.optionOff > 5, `${run} run: ${report.passed} passed`);
      assert.ok(report.durationMs < 60_000, `${run} run took ${report.durationMs} ms`);
    }
    assert.deepEqual(await broker.describeTopics(), []);
  } finally {
    await server.close({ timeoutMs: 0 });
    await broker.close();
  }
});

test('an address nobody listens at: every test could not be run, none failed', async () => {
  const server = await createServer(await createRingBroker());
  const { url } = server;
  await server.close({ timeoutMs: 0 });
  const report = await runConformance({ name: url, createBroker: () => createClient(url), clock: 'real' });
  assert.deepEqual([report.passed, report.failed, report.notYet], [0, 0, 0]);
  assert.equal(report.couldNotTest, report.tests.length);
});
