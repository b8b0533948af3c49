/** The clients of the protocol doors' table, against our doors: what they count is what was there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUICK_PLAN } from '../plan.ts';
import { ServerProcess } from '../servers/server-process.ts';
import { NO_COUNTS } from '../tally.ts';
import type { OurDoors } from './doors.ts';
import { isInstalled } from './foreign-process.ts';
import { protocolScenarios } from './scenarios.ts';

const DURATION_MS = 50;

test('every client brings every message back once', async () => {
  await using started = new AsyncDisposableStack();
  const start = async (kind: 'protocols-in-memory' | 'mqtt-relay'): Promise<ServerProcess> => {
    const process = await ServerProcess.start(kind);
    started.defer(() => process.stop());
    return process;
  };
  const [server, mqttRelay] = [await start('protocols-in-memory'), await start('mqtt-relay')];
  const urls = JSON.parse(server.url) as Record<keyof OurDoors, string>;
  const door = (name: keyof OurDoors) => ({
    url: urls[name],
    usage: () => server.usage(),
    forget: () => server.forget(),
  });
  const ours = { stomp: door('stomp'), mqtt: door('mqtt'), openWire: door('openWire') };
  const openWireLoad = { ask: () => Promise.reject(new Error('no Java program is started here')) };
  const doors = {
    durable: ours,
    inMemory: ours,
    activeMq: ours,
    mosquitto: ours.mqtt,
    aedes: ours.mqtt,
    mqttRelay,
    openWireLoad,
  };
  for (const { name, contestants } of protocolScenarios(doors, { ...QUICK_PLAN, doorMs: DURATION_MS })) {
    if (name.startsWith('openwire')) continue;
    const roles = ['floor', 'stage'].map((wanted) => contestants.find(({ role }) => role === wanted));
    for (const contestant of roles.filter((found) => found !== undefined)) {
      const { counts, messagesPerSecond, serverCpuUsPerMessage } = await contestant.run({ isWarmUp: false });
      const what = `${name}: ${contestant.name}`;
      assert.ok(counts.sent > 0 && messagesPerSecond > 0 && serverCpuUsPerMessage !== undefined, what);
      assert.deepEqual(counts, { ...NO_COUNTS, sent: counts.sent, received: counts.sent }, what);
    }
  }
});

test('what is installed is found, and what is not is not', () => {
  assert.ok(isInstalled('sh'));
  assert.ok(!isInstalled('no-such-program'));
});
