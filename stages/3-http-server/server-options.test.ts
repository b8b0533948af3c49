import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../../shared/contract/errors.ts';
import { createBroker as createRingBroker } from '../2-ring-buffer/index.ts';
import { createServer, type ServerOptions } from './index.ts';

test('options that make no sense are refused by their name before anything listens', async () => {
  await using broker = await createRingBroker();
  for (const [name, value] of [
    ['port', 70_000],
    ['port', -1],
    ['port', '80'],
    ['host', ''],
    ['token', ''],
    ['token', 'two words'],
    ['requestBytesMax', 0],
    ['headersTimeoutMs', 1.5],
    ['porrt', 1],
  ] as const) {
    const call = createServer(broker, { [name]: value } as ServerOptions);
    await assert.rejects(
      call,
      (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === `options.${name}`,
    );
  }
});

test('an option of the wrong kind is refused by its name before anything listens', async () => {
  await using broker = await createRingBroker();
  for (const [name, values] of Object.entries({
    host: ['', 5],
    token: ['', 'a\r\nb', 5, null],
    allowedHosts: ['evil.example', [5], [''], null],
    onRequest: [5, null],
    onDefect: ['warn', null],
    extraRoutes: [{}, null],
    clock: [5, {}, null],
    port: [70_000, '80', 1.5],
    unsentBytesMax: [0, '1'],
    prot: [1],
  })) {
    for (const value of values) {
      await assert.rejects(
        createServer(broker, { [name]: value } as ServerOptions),
        (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === `options.${name}`,
        `${name}: ${JSON.stringify(value)}`,
      );
    }
  }
});
