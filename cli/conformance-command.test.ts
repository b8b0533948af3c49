/** `mq test` as a student meets it: against stages, and against a broker of one's own that breaks a promise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '../stages/1-blocking-queue/index.ts';
import { createServer } from '../stages/3-http-server/index.ts';
import { runCaptured } from './testing/captured-terminal.ts';

const COUNTS = ['passed', 'failed', 'notYet', 'optionOff', 'couldNotTest'] as const;
const FIRST_SENTENCE = 'a message that was sent is received';

test('--json is an array with the five counts of each target, which add up to its tests', async () => {
  const ran = await runCaptured(['test', '1', '2', '--only', 'a message', '--seed', '7', '--json']);
  assert.equal(ran.exitCode, 0, ran.stdout);
  const reports = JSON.parse(ran.stdout);
  assert.deepEqual(
    reports.map((report: { target: string; seed: number }) => [report.target, report.seed]),
    [
      ['1', 7],
      ['2', 7],
    ],
  );
  for (const report of reports) {
    const sum = COUNTS.reduce((total, name) => total + report[name], 0);
    assert.equal(sum, report.tests.length);
    assert.ok(report.passed > 0);
  }
});

test('a broken promise exits 1 and tells its story: the sentence, two calls, expected, got, seed, replay', async () => {
  await using broker = await createBroker();
  // Loses every message whose body is not empty, and says that it has it.
  const send = broker.send.bind(broker);
  broker.send = (topic, message, options) => send(topic, { ...message, body: '' }, options);
  const server = await createServer(broker);
  try {
    const ran = await runCaptured(['test', server.url, '--only', FIRST_SENTENCE, '--seed', '3']);
    assert.equal(ran.exitCode, 1, ran.stdout);
    const story = [
      'failed',
      'promised',
      'calls',
      'expected',
      'got',
      'seed +3',
      `replay +mq test ${server.url} --seed 3`,
    ];
    for (const word of story) assert.match(ran.stdout, new RegExp(`${word}\\b`));
    assert.match(ran.stdout, /^target +passed +failed +not yet +option off +could not test/m);
    const again = await runCaptured(['test', server.url, '--only', FIRST_SENTENCE, '--json']);
    assert.equal(again.exitCode, 1);
    assert.equal(JSON.parse(again.stdout)[0].failed, 1);
  } finally {
    await server.close();
  }
});

test('--only with a sentence there is not is a wrong use', async () => {
  const ran = await runCaptured(['test', '1', '--only', 'pigs fly']);
  assert.equal(ran.exitCode, 2);
  assert.match(ran.stderr, /pigs fly/);
});
